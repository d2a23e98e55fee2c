"""Scenes that chips are cut from: pixels by window, so that no scene is ever held whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import ChipError
from ..core.grid import PixelWindow
from ..io.geometry.overlap import share_covered
from ..io.headers.header import Header, read_header
from ..io.raster import Raster, read

BLOCK_PX = 1024
"""Side of the blocks in which a whole scene is passed over."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """One window of a scene."""

    image: np.ndarray
    """(C, h, w), the scene's dtype."""
    observed: np.ndarray
    """(h, w) bool, True = observed in every band."""
    mask: np.ndarray | None
    """(h, w) uint8 class codes; None for a scene without labels."""
    labelled: np.ndarray | None
    """(h, w) bool, True = the label layer says something; None for a scene without labels."""


class ChipScene(Protocol):
    """Where chips come from. Windows lie wholly inside the grid."""

    @property
    def name(self) -> str:
        """Tells the scene from others in one store."""
        ...

    @property
    def grid(self) -> GeoBox:
        """The lattice that chips are cut on."""
        ...

    @property
    def bands(self) -> tuple[str, ...]:
        """One name a channel."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the image."""
        ...

    @property
    def scaling(self) -> tuple[tuple[float, float], ...] | None:
        """(scale, offset) of each band, which give a physical value of a stored one; None: not known."""
        ...

    @property
    def has_labels(self) -> bool:
        """Whether `labels` answers."""
        ...

    @property
    def classes(self) -> Classes | None:
        """What the label layer says about its codes, if it does."""
        ...

    @property
    def categorical(self) -> bool:
        """Whether the label layer says that its values are classes, if not which."""
        ...

    def labels(self, window: PixelWindow) -> tuple[np.ndarray, np.ndarray]:
        """Class codes (h, w) uint8, and labelled (h, w) bool."""
        ...

    def pixels(self, window: PixelWindow) -> Pixels:
        """Image and labels."""
        ...


@dataclass(frozen=True, slots=True)
class FileScene:
    """An image file on its own lattice, with labels from another raster read onto it.

    Labels may have any CRS, resolution and extent; each pixel takes the nearest label.
    """

    image: Header
    label: Header | None
    name: str
    numbers: tuple[int, ...]
    """Band numbers of the image, from 1."""
    nodata: float | None = None
    """Unobserved value of the image, in place of its own."""
    label_nodata: float | None = None
    """Unlabelled value, in place of the label raster's own."""

    @property
    def grid(self) -> GeoBox:
        """The image's lattice."""
        return self.image.grid

    @property
    def bands(self) -> tuple[str, ...]:
        """The image's band names."""
        return tuple(self.image.band_names[n - 1] for n in self.numbers)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that holds every band."""
        return np.result_type(*(self.image.dtypes[n - 1] for n in self.numbers))

    @property
    def scaling(self) -> tuple[tuple[float, float], ...] | None:
        """As the file tells it."""
        return tuple((self.image.scales[n - 1], self.image.offsets[n - 1]) for n in self.numbers)

    @property
    def has_labels(self) -> bool:
        """Whether there is a label raster."""
        return self.label is not None

    @property
    def classes(self) -> Classes | None:
        """Names and colours inside the label raster, without its nodata code."""
        if self.label is None or not self.label.class_names:
            return None
        unlabelled = self.label.nodata[0] if self.label_nodata is None else self.label_nodata
        return Classes.from_legend(
            self.label.class_names, self.label.colormap, unlabelled=unlabelled
        )

    @property
    def categorical(self) -> bool:
        """Whether the label raster has a palette or names."""
        return self.label is not None and self.label.categorical

    def labels(self, window: PixelWindow) -> tuple[np.ndarray, np.ndarray]:
        """Class codes (h, w) uint8, and labelled (h, w) bool."""
        assert self.label is not None
        found = read(
            self.label,
            grid_of(self.grid, window),
            bands=[1],
            kernel="nearest",
            nodata=self.label_nodata,
        )
        return as_codes(found.values[0], found.valid, self.label.uri), found.valid

    def pixels(self, window: PixelWindow) -> Pixels:
        """Image and labels."""
        found = read(self.image, grid_of(self.grid, window), bands=self.numbers, nodata=self.nodata)
        mask, labelled = self.labels(window) if self.has_labels else (None, None)
        return Pixels(found.values, found.valid, mask, labelled)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayScene:
    """An image in memory with labels on the same pixels."""

    image: Raster
    mask: np.ndarray | None
    """(H, W) class codes."""
    labelled: np.ndarray | None
    """(H, W) bool."""
    name: str

    @property
    def grid(self) -> GeoBox:
        """The array's lattice; a place without a CRS where none is known."""
        return self.image.grid

    @property
    def bands(self) -> tuple[str, ...]:
        """One name a channel."""
        return self.image.bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.image.values.dtype

    @property
    def scaling(self) -> tuple[tuple[float, float], ...] | None:
        """An array says nothing of it."""
        return None

    @property
    def has_labels(self) -> bool:
        """Whether there is a mask."""
        return self.mask is not None

    @property
    def classes(self) -> Classes | None:
        """An array names no classes."""
        return None

    @property
    def categorical(self) -> bool:
        """Nor that they are classes."""
        return False

    def labels(self, window: PixelWindow) -> tuple[np.ndarray, np.ndarray]:
        """Class codes (h, w) uint8, and labelled (h, w) bool."""
        assert self.mask is not None
        assert self.labelled is not None
        rows, cols = slices(window)
        seen = self.labelled[rows, cols]
        return as_codes(self.mask[rows, cols], seen, self.name), seen

    def pixels(self, window: PixelWindow) -> Pixels:
        """Image and labels."""
        rows, cols = slices(window)
        mask, labelled = self.labels(window) if self.has_labels else (None, None)
        return Pixels(
            self.image.values[:, rows, cols], self.image.valid[rows, cols], mask, labelled
        )


def open_scenes(
    images: Sequence[str | Path],
    labels: Sequence[str | Path] | None = None,
    *,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    label_nodata: float | None = None,
) -> tuple[FileScene, ...]:
    """Image files, each with its label raster, as scenes; only headers are read.

    Raises:
        ChipError: the counts differ, the images do not have the same bands, or labels are an image.
        GridError: a label raster does not overlap its image.
        ReadError: a file cannot be read.
    """
    if labels is not None and len(labels) != len(images):
        raise ChipError(
            f"{len(images)} images and {len(labels)} label rasters: give one of each a scene"
        )
    names = _distinct_names([Path(image) for image in images])
    scenes = []
    for i, name in enumerate(names):
        header = read_header(images[i])
        label = None if labels is None else _label_header(labels[i])
        if label is not None:
            share_covered(
                header, label, ", which it is to label; check the CRS of both, and the order"
            )
        scenes.append(FileScene(header, label, name, header.find(bands), nodata, label_nodata))
    check_alike(scenes)
    return tuple(scenes)


def _label_header(path: str | Path) -> Header:
    header = read_header(path)
    if len(header.data_bands) > 1 and not header.categorical:
        raise ChipError(
            f"{path} has {len(header.data_bands)} bands and no class names: expected a label raster, one "
            "band of class codes (were scene and labels swapped?)"
        )
    return header


def array_scene(
    image: Raster | np.ndarray,
    mask: np.ndarray | None = None,
    *,
    name: str,
    grid: GeoBox | None = None,
    no_data: float | None = None,
) -> ArrayScene:
    """A scene in memory.

    Args:
        image: What `read` gave; or an array (C, H, W), masked where not observed.
        mask: (H, W) class codes, masked where unlabelled.
        name: Tells the scene from others.
        grid: Where a bare array lies; without it chips have no place on Earth.
        no_data: Code of `mask` that means unlabelled.

    Raises:
        ChipError: the shapes differ.
    """
    if not isinstance(image, Raster):
        values = np.ma.getdata(image)
        valid = np.asarray(~np.ma.getmaskarray(image).any(axis=0))
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        place = GeoBox(values.shape[1:], Affine.identity(), None) if grid is None else grid
        image = Raster(values, valid, place, tuple(str(i + 1) for i in range(len(values))))
    if mask is None:
        return ArrayScene(image, None, None, name)
    codes = np.ma.getdata(mask)
    if codes.shape != image.valid.shape:
        raise ChipError(f"{name}: labels are {codes.shape}, the image {image.valid.shape}")
    labelled = ~np.ma.getmaskarray(mask)
    if no_data is not None:
        labelled &= codes != no_data
    return ArrayScene(image, codes, labelled, name)


def check_alike(scenes: Sequence[ChipScene]) -> None:
    """Refuse scenes whose chips could not lie in one store.

    Raises:
        ChipError: bands, their scale or offset, or labels differ; the message names the scenes.
    """
    first = scenes[0]
    for scene in scenes[1:]:
        if len(scene.bands) != len(first.bands) or scene.dtype != first.dtype:
            raise ChipError(
                f"{scene.name} has {len(scene.bands)} bands of {scene.dtype}, {first.name} has "
                f"{len(first.bands)} of {first.dtype}: chips of one store must be alike; choose bands="
            )
        if scene.scaling != first.scaling:
            raise ChipError(
                f"{scene.name} stores values of {_pairs(scene)}, {first.name} of {_pairs(first)} (scale and "
                "offset of each band): one network cannot read both; bring them to one scale first, such as "
                "`gdal_translate -unscale -ot Float32`"
            )
        if scene.has_labels != first.has_labels:
            raise ChipError(
                f"only one of {first.name} and {scene.name} has labels; give all or none"
            )


def _pairs(scene: ChipScene) -> str:
    told = scene.scaling
    return "no known scale" if told is None else ", ".join(f"{s:g} and {o:g}" for s, o in told)


def grid_of(grid: GeoBox, window: PixelWindow) -> GeoBox:
    """The grid of a window of `grid`."""
    rows, cols = slices(window)
    return grid[rows, cols]


def window_at(row: int, col: int, size: tuple[int, int]) -> PixelWindow:
    """The window of a chip."""
    return PixelWindow(row, col, *size)


def slices(window: PixelWindow) -> tuple[slice, slice]:
    """Rows and columns of a window, for indexing."""
    return (
        slice(window.row, window.row + window.height),
        slice(window.col, window.col + window.width),
    )


def block_windows(shape: tuple[int, int], block_px: int = BLOCK_PX) -> Iterator[PixelWindow]:
    """Windows that tile a scene, row by row."""
    height, width = shape
    for row in range(0, height, block_px):
        for col in range(0, width, block_px):
            yield PixelWindow(row, col, min(block_px, height - row), min(block_px, width - col))


def as_codes(values: np.ndarray, labelled: np.ndarray, where: str) -> np.ndarray:
    """Labels as uint8.

    Raises:
        ChipError: a labelled pixel holds no whole number in 0..255.
    """
    if values.dtype == np.uint8:
        return values
    known = np.where(labelled, values, 0)
    if not ((known >= 0) & (known <= 255) & (known == np.floor(known))).all():
        raise ChipError(
            f"{where} holds labels such as {known[(known < 0) | (known > 255)][:3].tolist()}; class codes "
            "must be whole numbers in 0..255"
        )
    return known.astype(np.uint8)


def _distinct_names(paths: Sequence[Path]) -> list[str]:
    """File names, or whole paths where two files share one."""
    names = [path.name for path in paths]
    return [str(p) if names.count(p.name) > 1 else p.name for p in paths]
