"""`Preprocessor`: indices, standardisation and band choice of a raster of any size, from file to file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import BandError, suggest
from ..core.progress import Progress
from ..core.statistics import BandStatistics
from ..preparation.band_stack import BandStack
from ..preparation.operations import AddCustomIndex, AddIndex, CustomIndex
from ..preparation.options import NodataRule
from ..transforms.normalize import Fit, Normalization, register_normalization
from .preprocessor_params import index_of, strategy_options


class Preprocessor:
    """Plans operations on a raster and carries them out block by block when a result is asked for.

    Memory does not grow with the raster. Indices are computed from the raster's own bands, scaled as the file
    declares, whatever was planned before; other operations act on the stack in the order of the calls. The
    stack stays of the raster's type until an index or a standardisation makes it float32, and floats are
    saved as floats.

    Args:
        raster: File that GDAL reads.
        no_data: Stored value that means unobserved, beside what the file itself says; None adds nothing.
        crs: CRS instead of the file's missing one.
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
        self._stack = BandStack.open(raster, nodata=no_data, crs=crs, nodata_rule=nodata_rule)
        self.header = self._stack.header
        self.no_data = no_data
        self.nodata_rule = nodata_rule
        self._custom: dict[str, CustomIndex] = {}
        self._nodata_value: float | None = None
        self.observed: float | None = None
        """Share of the pixels of the last raster saved that are observed, 0..1; None before one."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the stack's bands, indices last."""
        return self._stack.bands

    @property
    def normalization(self) -> Normalization | None:
        """The rule of the last standardisation; None before one."""
        return self._stack.normalization

    def compute_indices(self, parameters: Mapping[str, Mapping[str, Any]]) -> None:
        """Append one band for each index.

        Args:
            parameters: Index name -> its bands by position, 0-based, as in
                `{"ndvi": {"idx_b_red": 3, "idx_b_nir": 4}}`; and `factor`, what reflectance 1 is stored as,
                such as 10000 (indices of reflectance need it for whole numbers). A raster that
                carries scale and offset, as Landsat Collection 2 does, needs none: they are applied.

        Raises:
            ConfigError: an index or key is unknown, or a factor contradicts the raster's own scale.
            BandError: a position is outside the raster's bands, or the index is there already.
        """
        stack = self._stack
        for name, params in parameters.items():
            stack = stack.with_index(self._index(name, params))
        self._stack = stack

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

    def _index(self, name: str, params: Mapping[str, Any]) -> AddIndex | AddCustomIndex:
        if name in self._custom:
            return AddCustomIndex(name, self._custom[name], dict(params))
        return index_of(name, params, self.header.scaling, tuple(self._custom))

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
            self._stack = self._stack.normalized_as(normalization)
        else:
            options = strategy_options(strategy, params or {})
            self._stack = self._stack.normalized(strategy, **options)

    def register_standardization(self, name: str, function: Fit) -> None:
        """Make a standardisation of your own known.

        Args:
            name: Used in `standardize_image`.
            function: From a `BandStatistics`, the centers and scales of the bands: each becomes
                (x - center) / scale. Of this form, it can be kept with the model and applied to others.
        """
        register_normalization(name, function)

    def statistics(self) -> BandStatistics:
        """Per-band statistics of the stack as planned so far, over valid pixels; reads the raster once or
        twice, in blocks."""
        return self._stack.statistics()

    def remove_bands(self, positions: Sequence[int]) -> None:
        """Leave out bands of the stack, by position, 0-based.

        Raises:
            BandError: a position is outside the stack, or no band would stay.
        """
        self._stack = self._stack.without(positions)

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
        return self._stack.array()

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
            progress: Called with (blocks done, blocks in all).

        Raises:
            WriteError: the file exists, or is the raster itself.
        """
        return self._save(out_path, None, overwrite, progress)

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
        return self._stack.dtype

    def _save(
        self,
        out_path: str | Path,
        positions: Sequence[int] | None,
        overwrite: bool,
        progress: Progress | None,
    ) -> Path:
        self.observed = self._stack.save(
            out_path,
            positions=positions,
            fill=self._nodata_value,
            overwrite=overwrite,
            progress=progress,
        )
        return Path(out_path)
