"""How a scene is prepared, and what of that does not go together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from ..core.errors import ConfigError, suggest
from ..io.vector.areas import RoiSource
from ..transforms.clouds import QualityBand
from ..transforms.decibels import check_power_unit
from ..transforms.indices import get_index
from ..transforms.normalize import Normalization, list_normalizations
from ..transforms.speckle import make_speckle_filter

Join = Literal["mosaic", "bands", "dates"]
"""How several files become one: side by side, band beside band, or date after date."""

CropTo = Literal["extent", "polygons"]
"""What of an area of interest a scene is cropped to."""

NodataRule = Literal["any", "all"]
"""Whether a pixel is unobserved where `any` of its bands holds nodata, or only where `all` do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """The options of `prepare`, which explains them."""

    scenes: int
    """How many files there are."""
    join: Join | None
    roi: RoiSource | None = field(hash=False)
    crop_to: CropTo
    cloud_mask: str | Path | None
    cloud_band: int | str | None
    sensor: QualityBand
    cloud_values: tuple[int, ...]
    speckle: str | None
    resolution: float | None
    to_unit: str | None
    name: Mapping[int | str, str] | None = field(hash=False)
    unit: str | tuple[str, ...] | None
    index: tuple[str, ...]
    band: Mapping[str, int | str] | None = field(hash=False)
    factor: float | None
    drop: tuple[int | str, ...]
    normalize: str | None
    normalization: Normalization | str | Path | None
    nodata: float | None
    nodata_rule: NodataRule
    assume_crs: str | None

    @property
    def without_clouds(self) -> bool:
        """Whether clouds are taken out."""
        return self.cloud_mask is not None or self.cloud_band is not None

    @property
    def of_radar(self) -> bool:
        """Whether something is done that goes by the unit of backscatter."""
        return self.speckle is not None or self.to_unit is not None

    @property
    def normalizes(self) -> bool:
        """Whether the bands are normalised."""
        return self.normalize is not None or self.normalization is not None

    def check(self) -> None:
        """Refuse what cannot be done, before any work.

        Raises:
            ConfigError: the message names each option and what is wrong with it.
        """
        problems = [f"{name} {message}" for name, message in self.problems()]
        if problems:
            raise ConfigError(f"prepare: {'; '.join(problems)}")

    def problems(self) -> Iterator[tuple[str, str]]:
        """(option, what is wrong with it): names that are not known, and what does not go together."""
        yield from self._unknown()
        if self.scenes < 1:
            yield "images", "names no file; give at least one"
        if self.normalize and self.normalization:
            yield "normalize", "fits new numbers, and normalization gives those of a file; keep one"
        if (self.scenes > 1) != (self.join is not None):
            yield "join", "goes with several scenes: mosaic, bands or dates"
        framed = (
            self.join is not None
            or self.roi is not None
            or self.without_clouds
            or self.resolution is not None
            or self.of_radar
        )
        if self.nodata_rule == "all" and framed:
            yield (
                "nodata_rule",
                "all is applied to a scene as delivered: prepare it alone first, then join, crop, "
                "resample, filter, convert or take clouds out of what that wrote",
            )
        if self.cloud_mask is not None and self.cloud_band is not None:
            yield "cloud_mask", "is a file, and cloud_band a band of the scene; keep one"
        if self.cloud_values and not self.without_clouds:
            yield (
                "cloud_values",
                "are values of cloud_mask (a file) or cloud_band; give one of them too",
            )
        if self.resolution is not None and not 0 < self.resolution < math.inf:
            yield "resolution", f"found {self.resolution}; expected a pixel size above 0"

    def _unknown(self) -> Iterator[tuple[str, str]]:
        choices: dict[str, tuple[Any, Any]] = {
            "join": (self.join, Join),
            "crop_to": (self.crop_to, CropTo),
            "sensor": (self.sensor, QualityBand),
            "nodata_rule": (self.nodata_rule, NodataRule),
        }
        for name, (value, choice) in choices.items():
            if value is not None and value not in get_args(choice):
                yield name, f"found {value!r}{suggest(value, get_args(choice))}"
        for index in self.index:
            try:
                get_index(index)
            except ConfigError as error:
                yield "index", str(error)
        if self.speckle is not None:
            try:
                make_speckle_filter(self.speckle)
            except ConfigError as error:
                yield "speckle", str(error)
        if self.to_unit is not None:
            try:
                check_power_unit(self.to_unit)
            except ConfigError as error:
                yield "to_unit", str(error)
        kinds = list_normalizations()
        if self.normalize is not None and self.normalize not in kinds:
            known = suggest(self.normalize, kinds)
            yield "normalize", f"no normalisation is named {self.normalize!r}{known}"
        if self.factor is not None and not self.factor > 0:
            yield "factor", f"found {self.factor}; expected a number above 0"
