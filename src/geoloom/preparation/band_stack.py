"""The bands of a raster of any size, with what is planned for them: indices, normalisation, bands dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ..core.errors import BandError, ConfigError, suggest
from ..core.files import may_replace
from ..core.grid import PixelWindow, block_windows, window_grid, window_slices
from ..core.progress import Progress
from ..core.statistics import BandStatistics, band_statistics
from ..io.engines.gdal_window import common_dtype
from ..io.headers.header import Header, read_header
from ..io.headers.validity import as_stored
from ..io.raster import read
from ..io.write.cog import CogWriter
from ..transforms.normalize import Normalization
from .nodata import fill_unobserved, observed_pixels, wider_dtype
from .operations import (
    AddCustomIndex,
    AddIndex,
    Block,
    DropBands,
    Normalize,
    Operation,
    Scalings,
    Units,
)
from .options import NodataRule
from .stack_normalization import fit_stack, normalization_path

NORMALIZATION_TAG = "GEOLOOM_NORMALIZATION"
"""Tag of a normalised raster that holds its rule, as JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class BandStack:
    """The bands of a raster and what is planned for them; nothing is read before a result is asked for.

    Indices are computed from the raster's own bands, whatever was planned before; other operations act on
    the stack in their order. It stays of the raster's type until an index or a normalisation makes it
    float32.

    Raises:
        ConfigError: the rule is unknown.
    """

    header: Header
    nodata: float | None = None
    """Stored value that means unobserved, beside what the file itself says; None adds nothing."""
    nodata_rule: NodataRule = "any"
    """See `NodataRule`. Under `all`, integers get a wider type, whose lowest value is the new nodata."""
    operations: tuple[Operation, ...] = ()

    def __post_init__(self) -> None:
        rules = get_args(NodataRule)
        if self.nodata_rule not in rules:
            raise ConfigError(
                f"unknown nodata_rule {self.nodata_rule!r}{suggest(self.nodata_rule, rules)}"
            )

    @classmethod
    def open(
        cls,
        raster: str | Path,
        *,
        nodata: float | None = None,
        crs: str | None = None,
        nodata_rule: NodataRule = "any",
    ) -> BandStack:
        """The bands of a file.

        Raises:
            ReadError: the file cannot be read.
            ConfigError: the rule is unknown.
        """
        return cls(read_header(raster, crs=crs), nodata, nodata_rule)

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands, indices last."""
        names = tuple(self.header.band_names[n - 1] for n in self.header.data_bands)
        for operation in self.operations:
            names = operation.bands(names)
        return names

    @property
    def scalings(self) -> Scalings:
        """Scale and offset of each band."""
        scalings = self.header.scaling
        for operation in self.operations:
            scalings = operation.scalings(scalings)
        return scalings

    @property
    def units(self) -> Units:
        """Of each band's physical values; None where it is not known."""
        units: Units = self.header.data_units
        for operation in self.operations:
            units = operation.units(units)
        return units

    @property
    def indices(self) -> tuple[str, ...]:
        """Names of those bands that are indices."""
        indices = (AddIndex, AddCustomIndex)
        own = {operation.name for operation in self.operations if isinstance(operation, indices)}
        return tuple(band for band in self.bands if band in own)

    @property
    def normalization(self) -> Normalization | None:
        """The rule of the last normalisation; None without one."""
        rules = [step.rule for step in self.operations if isinstance(step, Normalize)]
        return rules[-1] if rules else None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values: the raster's own, or float32 after an index or a normalisation."""
        if any(not isinstance(operation, DropBands) for operation in self.operations):
            return np.dtype(np.float32)
        return self._read_dtype

    @property
    def _read_dtype(self) -> np.dtype[Any]:
        """Type of the raster's bands on their way in."""
        own = common_dtype(self.header, self.header.data_bands)
        # Under `all`, no value of the raster's own type is free to mean nodata.
        return wider_dtype(own) if self.nodata_rule == "all" else own

    def with_index(self, index: AddIndex | AddCustomIndex) -> BandStack:
        """The stack with one more band.

        Raises:
            BandError: it has a band of that name.
        """
        if index.name in self.bands:
            raise BandError(f"the stack has a band {index.name!r} already")
        return self._then(index)

    def without(self, positions: Sequence[int]) -> BandStack:
        """The stack without some of its bands, by position, 0-based.

        Raises:
            BandError: a position is outside the stack, or no band would stay.
        """
        chosen = tuple(sorted({int(p) for p in positions}))
        outside = [p for p in chosen if not 0 <= p < len(self.bands)]
        if outside or len(chosen) == len(self.bands):
            raise BandError(
                f"cannot remove bands {list(positions)} of {len(self.bands)} ({', '.join(self.bands)}, "
                "counted from 0); at least one must stay"
            )
        return self._then(DropBands(chosen))

    def normalized(
        self, kind: str, *, low: float = -1.0, high: float = 1.0, factor: float = 10000.0
    ) -> BandStack:
        """The stack normalised by statistics of its own valid pixels; arguments as `fit_stack`.

        Raises:
            ConfigError: the kind is unknown.
            BandError: a band has no valid pixel.
        """
        count = len(self.indices)
        rule = fit_stack(
            kind, self.statistics, self.bands, indices=count, low=low, high=high, factor=factor
        )
        return self._then(Normalize(rule))

    def normalized_as(self, rule: Normalization | str | Path) -> BandStack:
        """The stack normalised as another raster was.

        Args:
            rule: Of the other raster, or the JSON saved beside it.

        Raises:
            BandError: the rule is of other bands.
            ReadError: the file holds no rule.
        """
        loaded = rule if isinstance(rule, Normalization) else Normalization.load(rule)
        if loaded.bands and loaded.bands != self.bands:
            raise BandError(
                f"the normalisation is of the bands {', '.join(loaded.bands)}, the stack has "
                f"{', '.join(self.bands)}; plan the same indices and bands as for the training image"
            )
        return self._then(Normalize(loaded))

    def _then(self, operation: Operation) -> BandStack:
        return replace(self, operations=(*self.operations, operation))

    def statistics(self) -> BandStatistics:
        """Statistics of each band over valid pixels; reads the raster once or twice, in blocks."""
        return band_statistics(
            lambda: ((block.image, block.valid) for _, block in self.blocks()), self.bands
        )

    def blocks(self) -> Iterator[tuple[PixelWindow, Block]]:
        """The stack, window by window."""
        numbers = self.header.data_bands
        # NaN as the only nodata value: no integer equals it, so that the rule below decides alone.
        ignored = float("nan") if self.nodata_rule == "all" else None
        tagged = [self.header.nodata[number - 1] for number in numbers]
        for window in block_windows(self.header.grid.shape):
            grid = window_grid(self.header.grid, window)
            raster = read(self.header, grid, bands=numbers, nodata=ignored)
            values = raster.values.astype(self._read_dtype, copy=False)
            seen = observed_pixels(raster.values, self.nodata_rule, tagged, self.nodata)
            block = Block(values, values, raster.valid & seen)
            for operation in self.operations:
                block = operation(block)
            yield window, block

    def array(self) -> np.ma.MaskedArray:
        """The whole stack in memory, (H, W, C), masked where not valid."""
        height, width = self.header.grid.shape
        values = np.zeros((height, width, len(self.bands)), dtype=self.dtype)
        hidden = np.ones(values.shape, dtype=bool)
        for window, block in self.blocks():
            at = window_slices(window)
            values[at] = np.moveaxis(block.image, 0, -1)
            hidden[at] = ~block.valid[..., None]
        return np.ma.MaskedArray(values, mask=hidden)

    def fill_value(self, wanted: float | None = None) -> float | None:
        """What unobserved pixels are saved as: the value wanted, else NaN for floats, else the file's own.

        Raises:
            BandError: the value wanted is none of the stack's type.
        """
        if wanted is not None:
            if as_stored(wanted, self.dtype) is None:
                raise BandError(f"nodata value {wanted} does not fit {self.dtype}")
            return wanted
        if self.dtype.kind == "f":
            return float("nan")
        if self.nodata_rule == "all":
            return float(np.iinfo(self.dtype).min)
        own = self.header.nodata[self.header.data_bands[0] - 1]
        return own if own is not None else self.nodata

    def save(
        self,
        out: str | Path,
        *,
        positions: Sequence[int] | None = None,
        fill: float | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> float:
        """Write the stack to a cloud-optimised GeoTIFF, in blocks.

        After a normalisation its rule is kept in the file's tags and as `<name>.normalization.json` beside.

        Args:
            out: File to write.
            positions: Which of the bands, 0-based; None writes all.
            fill: What unobserved pixels are saved as; see `fill_value`.
            overwrite: Replace the file.
            progress: Called with (blocks done, blocks in all).

        Returns:
            The share of the pixels that are observed, 0..1.

        Raises:
            WriteError: the file exists, or is the raster itself.
            BandError: `fill` does not fit the type.
        """
        target = Path(out)
        may_replace(target, overwrite=overwrite, inputs=[self.header.uri])
        chosen = list(range(len(self.bands)) if positions is None else positions)
        nodata, rule = self.fill_value(fill), self.normalization
        total = sum(1 for _ in block_windows(self.header.grid.shape))
        observed = 0
        with CogWriter(
            target,
            self.header.grid,
            count=len(chosen),
            dtype=self.dtype,
            nodata=nodata,
            descriptions=[self.bands[i] for i in chosen],
            scaling=[self.scalings[i] for i in chosen],
            units=[self.units[i] for i in chosen],
            tags={} if rule is None else {NORMALIZATION_TAG: json.dumps(rule.to_dict())},
            inputs=(self.header.uri,),
            overwrite=overwrite,
        ) as writer:
            for done, (window, block) in enumerate(self.blocks(), start=1):
                image = fill_unobserved(block.image[chosen], block.valid, nodata)
                writer.write(image, window.row, window.col)
                observed += int(np.count_nonzero(block.valid))
                if progress is not None:
                    progress(done, total)
        if rule is not None:
            rule.save(normalization_path(target))
        height, width = self.header.grid.shape
        return observed / (int(height) * int(width))
