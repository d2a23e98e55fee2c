"""Arrays in memory as a dataset."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.errors import DatasetError, QueryError
from ..core.grid import has_place, lattice_window, window_slices
from ..core.interval import ALWAYS
from ..core.query import Query, Sample
from .base import GeoDataset, Layer
from .reading.sample import picked, to_sample
from .region import Region
from .scenes.index import grid_key


def pixel_crs(name: str) -> CRS:
    """A CRS of pixels that lie nowhere on Earth: an engineering CRS, as ISO 19111 calls it."""
    quoted = name.replace('"', '""')
    return CRS(
        f'ENGCRS["{quoted}",EDATUM["{quoted}"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],'
        'LENGTHUNIT["metre",1]]'
    )


class ArrayDataset(GeoDataset):
    """One scene in memory: an image, and perhaps class codes on the same pixels.

    It answers windows of its own lattice only.

    Args:
        image: (C, H, W).
        observed: (H, W) bool, True = observed in every band.
        grid: Where the pixels lie; a grid without a CRS lies nowhere, apart from all others.
        mask: (H, W) class codes.
        labelled: (H, W) bool, True = the mask says something; None: everywhere.
        bands: Names of the channels. Default: numbers from 1.
        name: Distinguishes the scene from others.

    Raises:
        DatasetError: shapes differ.
    """

    def __init__(
        self,
        image: np.ndarray,
        observed: np.ndarray,
        grid: GeoBox,
        *,
        mask: np.ndarray | None = None,
        labelled: np.ndarray | None = None,
        bands: Sequence[str] | None = None,
        name: str = "array",
    ) -> None:
        shape = tuple(grid.shape)
        if mask is not None and labelled is None:
            labelled = np.ones(shape, bool)
        shapes = [image.shape[1:], observed.shape]
        shapes += [a.shape for a in (mask, labelled) if a is not None]
        if any(own != shape for own in shapes):
            raise DatasetError(
                f"{name}: image, mask and their validity have the shapes {shapes}, the grid {shape}; give "
                "arrays of one shape"
            )
        if grid.crs is None:
            grid = GeoBox(grid.shape, grid.affine, pixel_crs(name))
        self.image, self.observed, self.mask, self.labelled = image, observed, mask, labelled
        self.grid, self.name = grid, name
        names = [str(i + 1) for i in range(len(image))] if bands is None else bands
        self._bands = tuple(Band.named(band) for band in names)
        self._layers: frozenset[Layer] = frozenset({"image"} if mask is None else {"image", "mask"})

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the image."""
        return self._bands

    @property
    def layers(self) -> frozenset[Layer]:
        """`image`, and `mask` where there are codes."""
        return self._layers

    def labels(self) -> ArrayDataset:
        """The mask alone, valid where it says something."""
        assert self.mask is not None
        assert self.labelled is not None
        labels = ArrayDataset(
            self.image, self.labelled, self.grid, mask=self.mask, bands=[b.name for b in self.bands],
            name=self.name,
        )  # fmt: skip
        labels._layers = frozenset({"mask"})
        return labels

    def file_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """That of the array."""
        array = self.image if layer == "image" else self.mask
        return None if array is None or self._transforms is not None else array.dtype

    def _find_regions(self) -> tuple[Region, ...]:
        outline = None if has_place(self.grid.crs) else shapely.Polygon()
        return (Region.of_frame(self.grid, ALWAYS, name=self.name, outline=outline),)

    def _identity(self) -> Hashable:
        codes = None if self.mask is None else self.mask.dtype.str
        return (
            grid_key(self.grid),
            self.name,
            self._bands,
            self.image.dtype.str,
            codes,
            self._layers,
        )

    def _found_as(self, other: Self) -> bool:
        own = self.image, self.observed, self.mask, self.labelled
        others = other.image, other.observed, other.mask, other.labelled
        return all(map(_equal, own, others))

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        window = lattice_window(self.grid, query.grid)
        height, width = self.grid.shape
        if (
            window is None
            or min(window.row, window.col) < 0
            or window.row + window.height > height
            or window.col + window.width > width
        ):
            raise QueryError(
                f"{self.name} answers windows of its own {height} x {width} pixels only; read arrays from "
                "a file to have them on other grids"
            )
        at = window_slices(window)
        layers: dict[str, np.ndarray] = {}
        observed, valid = self.observed[at], self.observed[at]
        if "image" in self._layers:
            layers["image"] = self.image[:, *at]
        if "mask" in self._layers:
            assert self.mask is not None
            assert self.labelled is not None
            layers["mask"] = self.mask[at].astype(np.int64)
            valid = valid & self.labelled[at]
        sample: dict[str, Any] = {**to_sample(query.grid, valid, **layers)}
        if len(layers) == 2:
            sample["observed"] = to_sample(query.grid, observed)["valid"]
        return picked(sample, channels)  # type: ignore[arg-type]  # a sample's keys are all optional

    def __repr__(self) -> str:
        return f"ArrayDataset({self.name!r}, {tuple(self.image.shape)} {self.image.dtype})"


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None or one is other:
        return one is other
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
