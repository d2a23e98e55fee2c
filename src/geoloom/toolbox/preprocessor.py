"""`Preprocessor`: indices, standardisation and band choice of a raster of any size, from file to file."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ..core.errors import BandError, ConfigError, suggest
from ..core.files import may_replace
from ..core.grid import PixelWindow, block_windows, window_grid
from ..core.progress import Progress
from ..core.statistics import BandStatistics, band_statistics
from ..io.headers.header import read_header
from ..io.headers.validity import as_stored
from ..io.raster import read
from ..io.write.cog import CogWriter
from ..transforms.normalize import Fit, Normalization, register_normalization
from .observation import NodataRule, observed_bands, wider
from .standardisation import fit_strategy
from .steps import (
    AddCustomIndex,
    AddIndex,
    Block,
    CustomIndex,
    RemoveBands,
    Scalings,
    Standardise,
    Step,
    filled,
    index_step,
)

log = logging.getLogger(__name__)

NORMALIZATION_TAG = "GEOLOOM_NORMALIZATION"
"""Tag of a standardised raster that holds its rule, as JSON."""


class Preprocessor:
    """Plans operations on a raster and carries them out block by block when a result is asked for.

    Memory does not grow with the raster. Indices are computed from the raster's own bands, scaled as the file
    tells, whatever was planned before; other operations act on the stack in the order of the calls. The stack
    stays of the raster's type until an index or a standardisation makes it float32, and floats are saved as
    floats.

    Args:
        raster: File that GDAL reads.
        no_data: Stored value that means unobserved, beside what the file itself says; None adds nothing.
        crs: CRS in place of the file's missing one.
        nodata_rule: `any` (default) takes a pixel as unobserved where one of its bands holds nodata; `all`,
            only where every band does. Choose `all` for stretched 8-bit images whose darkest measured value
            is also their nodata value. Integers then get a wider type, whose lowest value is the new nodata.

    Raises:
        ReadError: the file cannot be read.
        ConfigError: the rule is unknown.

    Source:
        The DeepGeo paper, section 2.1 and figure 2. Unlike DeepGeo's code: EVI and EVI2 are on reflectance
        (give `factor` for scaled integers), ranges are each band's own, and floats are not cut to 8 bits.

    Example:
        >>> preproc = Preprocessor("my_raster.tif", no_data=0)  # doctest: +SKIP
        >>> preproc.compute_indices({"ndvi": {"idx_b_red": 3, "idx_b_nir": 4}})  # doctest: +SKIP
        >>> preproc.standardize_image("mean_std")  # doctest: +SKIP
        >>> preproc.save_stacked_raster("output.tiff")  # doctest: +SKIP
    """

    def __init__(
        self,
        raster: str | Path,
        no_data: float | None = None,
        *,
        crs: str | None = None,
        nodata_rule: NodataRule = "any",
    ) -> None:
        if nodata_rule not in get_args(NodataRule):
            raise ConfigError(
                f"unknown nodata_rule {nodata_rule!r}{suggest(nodata_rule, get_args(NodataRule))}"
            )
        self.header = read_header(raster, crs=crs)
        self.no_data = no_data
        self.nodata_rule = nodata_rule
        self._numbers = self.header.data_bands
        self._steps: list[Step] = []
        self._custom: dict[str, CustomIndex] = {}
        self._nodata_value: float | None = None
        self._normalization: Normalization | None = None
        self.observed: float | None = None
        """Share of the pixels of the last raster saved that are observed, 0..1; None before one."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the stack's bands, indices last."""
        names = tuple(self.header.band_names[n - 1] for n in self._numbers)
        for step in self._steps:
            names = step.bands(names)
        return names

    @property
    def _scalings(self) -> Scalings:
        scalings = self.header.scaling
        for step in self._steps:
            scalings = step.scalings(scalings)
        return scalings

    @property
    def normalization(self) -> Normalization | None:
        """The rule of the last standardisation; None before one."""
        return self._normalization

    def compute_indices(self, parameters: Mapping[str, Mapping[str, Any]]) -> None:
        """Append one band for each index.

        Args:
            parameters: Index name -> its bands by position, 0-based, as in
                `{"ndvi": {"idx_b_red": 3, "idx_b_nir": 4}}`; and `factor`, what reflectance 1 is stored as,
                such as 10000 (used by `evi`, `evi2` and registered indices; default 1). A raster that
                carries scale and offset, as Landsat Collection 2 does, needs none: they are applied.

        Raises:
            ConfigError: an index or key is unknown, or a factor contradicts the raster's own scale.
            BandError: a position is outside the raster's bands, or the index is there already.
        """
        steps = [
            AddCustomIndex(name, self._custom[name], dict(params))
            if name in self._custom
            else index_step(name, params, self.header.scaling, tuple(self._custom))
            for name, params in parameters.items()
        ]
        for name in parameters:
            if name in self.bands:
                raise BandError(f"the stack has a band {name!r} already")
        self._steps += steps

    compute_indexes = compute_indices

    def register_new_idx_func(self, name: str, function: CustomIndex) -> None:
        """Make an index of your own known to this preprocessor.

        Args:
            name: Used in `compute_indices`.
            function: `function(np_raster, params)`: the raster (H, W, B), masked where not observed, block by
                block, and the params given in `compute_indices`; gives (H, W). It must look at each pixel
                alone. See `geoloom.transforms.register_index` for indices known everywhere.
        """
        self._custom[name] = function

    def standardize_image(
        self,
        strategy: str = "reduce_sr",
        params: Mapping[str, Any] | None = None,
        *,
        normalization: Normalization | str | Path | None = None,
    ) -> None:
        """Normalise every band of the stack; statistics are of this raster's valid pixels, or given.

        Args:
            strategy: `mean_std`, `median_std`, `norm_range` (params `min`, `max`, default -1 and 1; each
                band's own range), `reduce_sr` (param `factor`, default 10000; indices are left as they are),
                `tensorflow` or `per_image` (mean 0 and deviation 1 over all bands together), or a
                registered name.
            params: Of the strategy.
            normalization: The rule of another raster (or the JSON saved beside it), so that an image to be
                classified is standardised as the training image was; replaces `strategy`.

        Raises:
            ConfigError: the strategy or a parameter is unknown.
            BandError: the rule is of other bands, or a band has no valid pixel.
        """
        if normalization is not None:
            rule = (
                normalization
                if isinstance(normalization, Normalization)
                else Normalization.load(normalization)
            )
            self._check_bands(rule)
        else:
            rule = fit_strategy(
                strategy, params or {}, self.statistics, self.bands, len(self._indices())
            )
        self._steps.append(Standardise(rule))
        self._normalization = rule

    def register_standardization(self, name: str, function: Fit) -> None:
        """Make a standardisation of your own known.

        Args:
            name: Used in `standardize_image`.
            function: From a `BandStatistics`, the centers and scales of the bands: each becomes
                (x - center) / scale. Of this form, it can be kept with the model and applied to others.
        """
        register_normalization(name, function)

    def _indices(self) -> tuple[str, ...]:
        own = {step.name for step in self._steps if isinstance(step, AddIndex | AddCustomIndex)}
        return tuple(band for band in self.bands if band in own)

    def _check_bands(self, rule: Normalization) -> None:
        if rule.bands and rule.bands != self.bands:
            raise BandError(
                f"the normalisation is of the bands {', '.join(rule.bands)}, the stack has "
                f"{', '.join(self.bands)}; plan the same indices and bands as for the training image"
            )

    def statistics(self) -> BandStatistics:
        """Per-band statistics of the stack as planned so far, over valid pixels; reads the raster once or
        twice, in blocks."""
        return band_statistics(
            lambda: ((block.image, block.valid) for _, block in self._blocks()), self.bands
        )

    def remove_bands(self, positions: Sequence[int]) -> None:
        """Leave out bands of the stack, by position, 0-based.

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
        self._steps.append(RemoveBands(chosen))

    def set_nodata_value(self, new_value: float) -> None:
        """Choose what unobserved pixels are saved as. Default: NaN for floats, else the file's own value."""
        self._nodata_value = float(new_value)

    def get_position_index_band(self, index: str) -> int:
        """Position of an index in the stack, 0-based.

        Raises:
            BandError: it was not computed, or was removed.
        """
        if index not in self.bands:
            raise BandError(f"the stack has no band {index!r}{suggest(index, self.bands)}")
        return self.bands.index(index)

    def get_index_band(self, index: str) -> np.ma.MaskedArray:
        """One band of the stack, (H, W), masked where not valid."""
        return self.get_array_stacked_raster()[..., self.get_position_index_band(index)]

    def get_array_stacked_raster(self) -> np.ma.MaskedArray:
        """The whole stack in memory, (H, W, B), masked where not valid."""
        height, width = self.header.grid.shape
        values = np.zeros((height, width, len(self.bands)), dtype=self.dtype)
        hidden = np.ones(values.shape, dtype=bool)
        for window, block in self._blocks():
            at = np.s_[
                window.row : window.row + window.height, window.col : window.col + window.width
            ]
            values[at] = np.moveaxis(block.image, 0, -1)
            hidden[at] = ~block.valid[..., None]
        return np.ma.MaskedArray(values, mask=hidden)

    def save_stacked_raster(
        self,
        out_path: str | Path,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Write the stack to a cloud-optimised GeoTIFF, in blocks.

        After a standardisation its rule is kept in the file's tags and as `<name>.normalization.json` beside.

        Args:
            out_path: File to write.
            overwrite: Replace it.
            progress: Told (blocks done, blocks in all).

        Raises:
            WriteError: the file exists, or is the raster itself.
        """
        return self._save(out_path, range(len(self.bands)), overwrite, progress)

    def save_index_raster(
        self, index: str, out_path: str | Path, *, overwrite: bool = False
    ) -> Path:
        """Write one band of the stack, as `save_stacked_raster` does.

        Raises:
            BandError: the index was not computed.
            WriteError: the file exists.
        """
        return self._save(out_path, [self.get_position_index_band(index)], overwrite, None)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stack: the raster's own, or float32 after an index or a standardisation."""
        if any(not isinstance(step, RemoveBands) for step in self._steps):
            return np.dtype(np.float32)
        return self._stack_dtype

    @property
    def _stack_dtype(self) -> np.dtype[Any]:
        """Type of the raster's bands on their way in."""
        own = np.result_type(*(self.header.dtypes[n - 1] for n in self._numbers))
        # Under `all`, no value of the raster's own type is free to mean nodata.
        return wider(own) if self.nodata_rule == "all" else own

    def _save(
        self,
        out_path: str | Path,
        positions: Sequence[int],
        overwrite: bool,
        progress: Progress | None,
    ) -> Path:
        out = Path(out_path)
        may_replace(out, overwrite=overwrite, inputs=[self.header.uri])
        nodata = self._nodata()
        tags: dict[str, str] = {}
        if self._normalization is not None:
            tags[NORMALIZATION_TAG] = json.dumps(self._normalization.to_dict())
        total = sum(1 for _ in block_windows(self.header.grid.shape))
        seen = 0
        with CogWriter(
            out,
            self.header.grid,
            count=len(positions),
            dtype=self.dtype,
            nodata=nodata,
            descriptions=[self.bands[i] for i in positions],
            scaling=[self._scalings[i] for i in positions],
            tags=tags,
            inputs=(self.header.uri,),
            overwrite=overwrite,
        ) as writer:
            for done, (window, block) in enumerate(self._blocks(), start=1):
                image = filled(block.image[list(positions)], block.valid, nodata)
                writer.write(image, window.row, window.col)
                seen += int(np.count_nonzero(block.valid))
                if progress is not None:
                    progress(done, total)
        self.observed = seen / math.prod(self.header.grid.shape)
        if self._normalization is not None:
            self._normalization.save(out.with_suffix(".normalization.json"))
        return out

    def _nodata(self) -> float | None:
        if self._nodata_value is not None:
            if as_stored(self._nodata_value, self.dtype) is None:
                raise BandError(f"nodata value {self._nodata_value} does not fit {self.dtype}")
            return self._nodata_value
        if self.dtype.kind == "f":
            return float("nan")
        if self.nodata_rule == "all":
            return float(np.iinfo(self.dtype).min)
        own = self.header.nodata[self._numbers[0] - 1]
        return own if own is not None else self.no_data

    def _blocks(self) -> Iterator[tuple[PixelWindow, Block]]:
        # NaN as the only nodata value: no integer equals it, so that the rule below decides alone.
        ignored = float("nan") if self.nodata_rule == "all" else None
        tagged = [self.header.nodata[number - 1] for number in self._numbers]
        for window in block_windows(self.header.grid.shape):
            grid = window_grid(self.header.grid, window)
            found = read(self.header, grid, bands=self._numbers, nodata=ignored)
            values = found.values.astype(self._stack_dtype, copy=False)
            seen = observed_bands(found.values, self.nodata_rule, tagged, self.no_data)
            block = Block(values, values, found.valid & seen)
            for step in self._steps:
                block = step(block)
            yield window, block
