"""The report's map layers: one display grid, and each layer on it as an image inside a data URI."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from odc.geo.geobox import GeoBox
from PIL import Image, features

from ..core.classes import Classes
from ..io.header import read_header
from ..io.raster import Raster
from .composites import composites_of
from .style import ERROR
from .views import Source, look_at_image, paint, stretch, zoomed_out

DISPLAY_PX = 2000
"""Longest side of a layer."""
_SCENE_BYTES = 1_900_000
_QUALITIES = (84, 74, 62, 48, 35)

Kind = Literal["scene", "classes", "errors"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One image of the map."""

    key: str
    title: str
    kind: Kind
    uri: str
    """The image itself, as `data:image/...;base64,...`."""


def display_grid(source: Source, max_px: int = DISPLAY_PX) -> GeoBox:
    """The grid that all layers share: the map's own, zoomed out to at most `max_px` a side."""
    grid = source.grid if isinstance(source, Raster) else read_header(source).grid
    return zoomed_out(grid, max_px)


def scene_layers(scene: Source, grid: GeoBox, *, most: int = 2) -> tuple[Layer, ...]:
    """The scene in false and true colours, as far as its bands' names tell them."""
    names = scene.bands if isinstance(scene, Raster) else read_header(scene).band_names
    made = []
    for composite in composites_of(names)[:most]:
        picture, _ = stretch(look_at_image(scene, bands=composite.bands, grid=grid))
        made.append(Layer(f"scene-{composite.style}", composite.title, "scene", photo_uri(picture)))
    return tuple(made)


def class_layer(key: str, title: str, seen: Raster, classes: Classes) -> Layer:
    """A class map in its colours, clear where nothing is known."""
    return Layer(key, title, "classes", flat_uri(paint(seen.values[0], seen.valid, classes)))


def error_layer(truth: Raster, prediction: Raster, classes: Classes) -> Layer:
    """Where prediction and truth differ; clear where they agree or where one of them is unknown."""
    wanted, known = classes.encode(truth.values[0])
    got, mapped = classes.encode(prediction.values[0])
    wrong = known & mapped & truth.valid & prediction.valid & (wanted != got)
    picture = np.zeros((*wrong.shape, 4), dtype=np.uint8)
    picture[wrong] = (*bytes.fromhex(ERROR[1:]), 255)
    return Layer("errors", "Disagreement", "errors", flat_uri(picture))


def photo_uri(picture: np.ndarray) -> str:
    """An RGBA photograph, uint8 (H, W, 4), as WebP of bounded size (or PNG, where Pillow lacks WebP)."""
    image = Image.fromarray(picture)
    if not features.check("webp"):
        return _uri("png", _encoded(image, "PNG", optimize=True))
    for quality in _QUALITIES:
        data = _encoded(image, "WEBP", quality=quality, method=4)
        if len(data) <= _SCENE_BYTES:
            break
    return _uri("webp", data)


def flat_uri(picture: np.ndarray) -> str:
    """An RGBA picture of few colours, uint8 (H, W, 4), as a palette PNG; exact for up to 256 colours."""
    packed = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
    colors, positions = np.unique(packed, return_inverse=True)
    if len(colors) > 256:
        return _uri("png", _encoded(Image.fromarray(picture), "PNG", optimize=True))
    rgba = colors.view(np.uint8).reshape(-1, 4)
    image = Image.fromarray(positions.reshape(packed.shape).astype(np.uint8), mode="P")
    image.putpalette(rgba[:, :3].ravel().tolist())
    return _uri("png", _encoded(image, "PNG", optimize=True, transparency=bytes(rgba[:, 3])))


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
