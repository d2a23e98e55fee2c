"""Rasters of precomputed embeddings as a dataset of vectors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ...core.composite import CompositeRule
from ...core.errors import DatasetError, ReadError
from ...core.grid import PixelWindow, window_grid
from ...core.progress import Progress
from ...core.query import Query, Sample, Scene
from ...core.resampling import DEFAULT_OF_MEASUREMENTS, Resampling
from ...io.access.finding import Paths
from ...io.engines.windowed import Pixels, WindowedRaster, put_on_grid
from ...io.headers.scan import Footprints, OnError
from ..base import Transform
from ..options import require_flags
from ..raster import RasterDataset
from ..reading.by_file import read_scene
from ..reading.calibration import PHYSICAL, declared_calibrations, describe
from ..reading.pending import PendingRead
from ..reading.read_plan import Plan
from ..reading.sample import picked
from ..scenes.cached import IndexPlace
from .quantization import Quantization, quantization_of


class EmbeddingDataset(RasterDataset):
    """Rasters whose pixels are vectors that a network has learned, in whatever numbers they are stored.

    Samples hold `image` (C, H, W) float32: values, not codes. Onto another grid values are resampled, not
    codes, whose means may mean something else. Files with dates answer for their time, as all rasters do.

    Example:
        >>> layers = EmbeddingDataset("alphaearth", quantization="alphaearth")      # doctest: +SKIP
        >>> layers[gl.Query(grid, gl.Interval.of("2024"))]["image"].shape            # doctest: +SKIP
        torch.Size([64, 256, 256])
    """

    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str] | None = None,
        transforms: Transform | None = None,
        *,
        quantization: Quantization | str | None = None,
        unit_length: bool = False,
        root: Paths | None = None,
        filename_glob: str | None = None,
        filename_regex: str | None = None,
        date_format: str | None = None,
        mosaic: CompositeRule = "newest",
        resampling: Resampling = DEFAULT_OF_MEASUREMENTS,
        nodata: float | None = None,
        assume_crs: str | None = None,
        index: IndexPlace = None,
        footprints: Footprints = "grid",
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> None:
        """Find the files and read their headers.

        Args:
            paths, crs, res, bands, transforms, root: As `RasterDataset`.
            quantization: What the stored numbers mean: `LinearCodes`, `SignedPower`, `CodeTable`, or a text
                as of `quantization_of`, such as `alphaearth`. Tables and scales per band are in the order of
                the dataset's bands. Default: the scale and offset that each file declares, if any.
            unit_length: Give each pixel's vector the length 1, which means of vectors do not have; vectors
                of length 0 count as unobserved. After `with_bands`, the length over the bands chosen.
            resampling: Of values, where lattices differ: `bilinear` if not given; `nearest` gives vectors as
                they are stored.
            nodata: Code that means unobserved, instead of what the quantisation or the files say.
            filename_glob, filename_regex, date_format, mosaic: As `RasterDataset`.
            assume_crs, index, footprints, on_error, progress: Likewise.

        Raises:
            DatasetError: the quantisation is none, is of another number of bands, or stands against a scale
                that the files declare; or as `RasterDataset`.
        """
        require_flags(unit_length=unit_length)
        rule = quantization_of(quantization)
        if nodata is None and rule is not None:
            nodata = rule.nodata
        self.quantization, self.unit_length = rule, unit_length
        super().__init__(
            paths,
            crs,
            res,
            bands,
            transforms,
            root=root,
            gives="image",
            filename_glob=filename_glob,
            filename_regex=filename_regex,
            date_format=date_format,
            mosaic=mosaic,
            resampling=resampling,
            nodata=nodata,
            scaled=True,
            assume_crs=assume_crs,
            index=index,
            footprints=footprints,
            on_error=on_error,
            progress=progress,
        )
        self._places = {band.name: place for place, band in enumerate(self.bands)}
        self._check_rule()

    def _check_rule(self) -> None:
        rule = self.quantization
        if rule is None:
            return
        if rule.bands not in (None, len(self.bands)):
            raise DatasetError(
                f"quantization is of {rule.bands} bands, and {self!r} has {len(self.bands)}; give one entry "
                "for each band, or one for all"
            )
        for band, own in zip(self.bands, declared_calibrations(self.scenes), strict=True):
            if own != PHYSICAL:
                raise DatasetError(
                    f"band {band.name!r} of {self!r} declares {describe(own)}, and a quantization is given "
                    "as well: leave it out; or, where the declaration is wrong, take it out of the files "
                    "(gdal_edit -unsetscale -unsetoffset)"
                )

    def _identity(self) -> Hashable:
        return super()._identity(), self.quantization, self.unit_length

    @property
    def _is_unrounded(self) -> bool:
        return True

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        if not self.unit_length:
            return super()._plan(queries, channels)
        # The length of a vector is known by all its bands.
        return [
            plan
            and Plan(
                plan.orders, partial(_of_length_one, plan.finish, channels), describe=plan.reads
            )
            for plan in super()._plan(queries, None)
        ]

    def _waiting(
        self, query: Query, scenes: list[int], channels: tuple[int, ...] | None
    ) -> PendingRead | None:
        return super()._waiting(query, scenes, channels) if self.quantization is None else None

    def _read_scene(
        self, grid: GeoBox, scene: Scene, channels: tuple[int, ...] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        rule = self.quantization
        if rule is None:
            return super()._read_scene(grid, scene, channels)
        bands = scene.bands if channels is None else [scene.bands[i] for i in channels]
        places = [self._places[band.name] for band in bands]

        def values_on(part: GeoBox) -> tuple[np.ndarray, np.ndarray]:
            codes, valid = read_scene(
                scene,
                part,
                channels=channels,
                resampling=self.resampling,
                nodata=self.nodata,
                crs=self._assume_crs,
                unrounded=rule.is_linear,
            )
            _require_values(rule, codes, valid, scene.name)
            values = rule.decode(codes, places)
            values[:, ~valid] = 0
            return values, valid

        if rule.is_linear or self.resampling == "nearest":
            return values_on(grid)
        windows = partial(_window, scene.grid, values_on)
        fill = np.zeros((len(bands), 1, 1), np.float32)
        source = WindowedRaster(scene.grid, windows, fill)
        values, seen = put_on_grid(source, grid, self.resampling or DEFAULT_OF_MEASUREMENTS)
        valid: np.ndarray = np.logical_and.reduce(seen, axis=0)
        return values, valid


def _window(
    lattice: GeoBox,
    values_on: Callable[[GeoBox], tuple[np.ndarray, np.ndarray]],
    window: PixelWindow,
) -> Pixels:
    values, valid = values_on(window_grid(lattice, window))
    return values, np.broadcast_to(valid, values.shape)


def _require_values(rule: Quantization, codes: np.ndarray, valid: np.ndarray, where: str) -> None:
    """Refuse observed codes that have no value."""
    if rule.codes is None:
        return
    first, last = rule.codes
    seen = codes[:, valid]
    if seen.size and (seen.min() < first or seen.max() > last):
        raise ReadError(
            f"{where} holds codes from {seen.min()} to {seen.max()}, and the table has values for {first} to "
            f"{last}: give a value for each code; or nodata=, where a code means unobserved"
        )


def _of_length_one(
    finish: Callable[[], Sample | None], channels: tuple[int, ...] | None
) -> Sample | None:
    """A sample's vectors divided by their lengths, then the channels wanted."""
    sample = finish()
    if sample is None:
        return None
    image: Any = sample["image"]
    length = image.square().sum(dim=0).sqrt()
    known = length > 0
    image = image / length.where(known, length.new_ones(()))
    whole: Any = {**sample, "image": image, "valid": sample["valid"] & known}
    return picked(whole, channels)
