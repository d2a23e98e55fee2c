"""The options of raster datasets, for those of sensors that take them all and add some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from ..core.bands import Band
from ..core.composite import CompositeRule
from ..core.progress import Progress
from ..core.resampling import Resampling
from ..io.headers.scan import Footprints, OnError
from .options import Layer
from .scene_dataset import Dtype
from .scenes.cached import IndexPlace


class RasterOptions(TypedDict, total=False):
    """Keywords of `RasterDataset`; see there."""

    filename_glob: str | None
    filename_regex: str | None
    date_format: str | None
    is_image: bool | None
    gives: Layer | None
    separate_files: bool | None
    all_bands: Sequence[str | Band] | None
    rgb_bands: Sequence[str] | None
    cmap: Mapping[int, tuple[int, int, int] | tuple[int, int, int, int]] | None
    mosaic: CompositeRule
    resampling: Resampling | None
    nodata: float | None
    scaled: bool
    dtype: Dtype
    assume_crs: str | None
    overviews: bool
    index: IndexPlace
    footprints: Footprints
    on_error: OnError
    progress: Progress | None
