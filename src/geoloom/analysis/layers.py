"""The report's map layers: one display grid, and each layer on it as an image inside a data URI."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from odc.geo.geobox import GeoBox
from PIL import Image, features

from ..core.classes import Classes, rgb_of
from ..core.errors import BandError
from ..figures.composites import Composite, composite_named, composites_of
from ..figures.style import ERROR
from ..figures.views import Source, look, look_at_classes, look_at_image, paint, stretch, zoomed_out
from ..io.headers.header import read_header
from ..io.raster import Raster
from .evidence.truth import KnownTruth

DISPLAY_PX = 2000
"""Longest side of a layer."""
MOST_COMPOSITES = 2
_SCENE_BYTES = 1_900_000
_QUALITIES = (84, 74, 62, 48, 35)

Chosen = Sequence[int | str] | None
"""One or three bands of the scene that are shown besides; None for none."""
Kind = Literal["scene", "classes", "errors", "values"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One image of the map."""

    key: str
    title: str
    kind: Kind
    uri: str
    """The image itself, as `data:image/...;base64,...`."""
    says: str = ""
    """What the page puts before what it reads below the pointer; empty where there is nothing to read."""
    ramp: int | None = None
    """Of values: position among the page's ramps."""


@dataclass(frozen=True, slots=True)
class Views:
    """Scene, prediction and truth on the display grid, read once for all figures and layers."""

    prediction: Raster
    scene: Raster | None
    """The bands that its composites need."""
    truth: Raster | None

    @classmethod
    def of(
        cls,
        class_map: Source,
        scene: Source | None,
        truth: KnownTruth | None,
        classes: Classes,
        *,
        max_px: int = DISPLAY_PX,
        bands: Chosen = None,
    ) -> Views:
        """Read all three onto the map's grid, zoomed out to at most `max_px` a side."""
        whole = class_map.grid if isinstance(class_map, Raster) else read_header(class_map).grid
        grid = zoomed_out(whole, max_px)
        return cls(
            look_at_classes(class_map, grid=grid),
            None if scene is None else look_at_scene(scene, grid, bands),
            None if truth is None else truth.codes_on(grid, classes),
        )


def map_layers(views: Views, classes: Classes, bands: Chosen = None) -> tuple[Layer, ...]:
    """All layers that the views can give, the lowest first."""
    layers = [] if views.scene is None else list(scene_layers(views.scene, bands))
    layers.append(class_layer("prediction", "Prediction", views.prediction, classes, "map"))
    if views.truth is not None:
        layers.append(class_layer("truth", "Truth", views.truth, classes, "truth"))
        layers.append(error_layer(views.truth, views.prediction, classes))
    return tuple(layers)


def scene_layers(scene: Raster, bands: Chosen = None) -> tuple[Layer, ...]:
    """The scene in false and true colours, as far as its bands' names identify them, and as chosen."""
    return tuple(
        Layer(
            f"scene-{composite.style}",
            composite.title,
            "scene",
            photo_uri(stretch(look_at_image(scene, bands=composite.bands))[0]),
        )
        for composite in _composites(scene.bands, bands)
    )


def _composites(names: Sequence[str], bands: Chosen) -> list[Composite]:
    chosen = [] if bands is None else [composite_named(names, bands)]
    return [*composites_of(names)[:MOST_COMPOSITES], *chosen]


def class_layer(key: str, title: str, seen: Raster, classes: Classes, says: str) -> Layer:
    """A class map in its colours, clear where nothing is known."""
    picture = paint(seen.values[0], seen.valid, classes)
    return Layer(key, title, "classes", flat_uri(picture), says)


def error_layer(truth: Raster, prediction: Raster, classes: Classes) -> Layer:
    """Where prediction and truth differ; clear where they agree or where one of them is unknown."""
    wanted, known = classes.encode(truth.values[0])
    got, mapped = classes.encode(prediction.values[0])
    wrong = known & mapped & truth.valid & prediction.valid & (wanted != got)
    picture = np.zeros((*wrong.shape, 4), dtype=np.uint8)
    picture[wrong] = (*rgb_of(ERROR), 255)
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


def look_at_scene(scene: Source, grid: GeoBox, bands: Chosen = None) -> Raster:
    """The bands of a scene that its composites need, on a display grid.

    Raises:
        BandError: the scene has no such bands.
    """
    names = scene.bands if isinstance(scene, Raster) else read_header(scene).band_names
    chosen = _composites(names, bands)
    return look(scene, bands=sorted({b for c in chosen for b in c.bands}), grid=grid)


def chosen_names(scene: Source | None, bands: Chosen) -> tuple[str, ...] | None:
    """The names of chosen bands, which stay the same where fewer bands are read.

    Raises:
        BandError: there is no scene, or it has no such bands.
    """
    if bands is None:
        return None
    if scene is None:
        raise BandError(
            "bands are chosen, and the scene that was mapped is not known; give it as scene (--scene)"
        )
    names = scene.bands if isinstance(scene, Raster) else read_header(scene).band_names
    return tuple(names[number - 1] for number in composite_named(names, bands).bands)


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
