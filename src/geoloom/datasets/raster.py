"""Raster files as a dataset."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any, get_args

import numpy as np
from odc.geo.crs import CRS

from ..core.bands import Band, find_bands, names_of
from ..core.classes import MAX_CODE, Classes
from ..core.composite import COMPOSITE_RULES, CompositeRule
from ..core.errors import BandError, DatasetError
from ..core.grid import crs_name
from ..core.hints.torchgeo import OF_DATASETS, hints_keywords
from ..core.progress import Progress
from ..core.query import Scene
from ..core.resampling import AVERAGING, DEFAULT_OF_CLASSES, RESAMPLINGS, Resampling, as_resampling
from ..io.access.finding import Paths
from ..io.access.naming import Naming
from ..io.headers.header import read_header
from ..io.headers.scan import Footprints, OnError, scan
from .base import Layer, Transform
from .options import (
    assumed_crs,
    given_paths,
    layer_asked,
    nodata_value,
    output_crs,
    pixel_size,
    refuse_attributes,
    require_apart,
    require_callable,
    require_choice,
    require_flags,
)
from .reading.calibration import describe
from .region import Region, common_lattice
from .scene_dataset import Dtype, SceneDataset
from .scenes.cached import IndexPlace, Recipe, kept_scenes
from .scenes.located import header_of
from .scenes.observed import with_observed_footprints
from .scenes.table import with_channels

log = logging.getLogger(__name__)

Color = tuple[int, int, int] | tuple[int, int, int, int]

_ARGUMENT = "give it when a dataset is made: super().__init__(..., {0}={1})"
_DATES = (
    "dates come from file names: set filename_regex with the groups start and stop, or date (files "
    "without dates answer at any time)"
)
_NO_ATTRIBUTES = {
    "dtype": _ARGUMENT.format("dtype", "'float32'"),
    "mosaic": _ARGUMENT.format("mosaic", "'first'"),
    "resampling": _ARGUMENT.format("resampling", "'nearest'"),
    "nodata": _ARGUMENT.format("nodata", "0"),
    "scaled": _ARGUMENT.format("scaled", "True"),
    "overviews": _ARGUMENT.format("overviews", "True"),
    "mint": _DATES,
    "maxt": _DATES,
}
"""What a subclass might set, as other libraries read it from classes."""


class RasterDataset(SceneDataset):
    """Raster files in folders, as scenes with bands and dates.

    File names and headers are read when the dataset is made, pixels when it is asked. Every read is one
    step from the file onto the query's grid: a copy where the lattices agree, else one resampling. Sensors
    are subclasses that set the class attributes; each is an argument as well.

    Example:
        >>> ndvi = RasterDataset("cbers", filename_regex=r".*_(?P<date>\\d{8})_NDVI")  # doctest: +SKIP
        >>> ndvi[gl.Query(grid, gl.Interval.of("2019-07"))]["image"].shape             # doctest: +SKIP
        torch.Size([1, 256, 256])
    """

    filename_glob: str = "*"
    """Shell pattern of the file names wanted."""
    filename_regex: str = ".*"
    """Verbose regular expression with the groups `date`, `start`, `stop`, `band`, `resolution`."""
    date_format: str = "%Y%m%d"
    """`strptime` format of the date groups."""
    is_image: bool = True
    """Whether pixels are measurements (`image`) or classes (`mask`)."""
    gives: Layer | None = None
    """What samples hold, if `is_image` does not say: `image`, `mask`, or `value` (measurements to learn)."""
    separate_files: bool = False
    """Whether each band has a file of its own."""
    all_bands: Sequence[str | Band] = ()
    """Bands in file order; empty means: as the files say."""
    extra_bands: Sequence[Band] = ()
    """Bands that the provider also offers, read only when asked for by name."""
    optional_bands: Sequence[str] = ()
    """Those of `all_bands` that some of the provider's products lack; left out where no file has them."""
    rgb_bands: Sequence[str] = ()
    """Names of the red, green and blue bands, for plots."""
    cmap: Mapping[int, Color] = {}
    """Class code -> colour (0-255), where the files have no palette."""
    class_names: Mapping[int, str] = {}
    """Class code -> name, where the files name none."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_attributes(cls, _NO_ATTRIBUTES)

    @hints_keywords(OF_DATASETS)
    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str | Band] | None = None,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        filename_glob: str | None = None,
        filename_regex: str | None = None,
        date_format: str | None = None,
        is_image: bool | None = None,
        gives: Layer | None = None,
        separate_files: bool | None = None,
        all_bands: Sequence[str | Band] | None = None,
        rgb_bands: Sequence[str] | None = None,
        cmap: Mapping[int, Color] | None = None,
        mosaic: CompositeRule = "newest",
        resampling: Resampling | None = None,
        nodata: float | None = None,
        scaled: bool = False,
        dtype: Dtype = "native",
        assume_crs: str | None = None,
        overviews: bool = False,
        index: IndexPlace = None,
        footprints: Footprints = "grid",
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> None:
        """Find the files and read their headers.

        Args:
            paths: Files, folders (searched through) or shell patterns. Default: `data`.
            crs: CRS of one common grid for all scenes. Default: each scene keeps its own pixels.
            res: Pixel size (or x and y) of the common grid, in its CRS's units. Default: the first scene's.
            bands: Bands by name or role, or as they are, in order; each scene must have them. Default:
                `all_bands`.
            transforms: What is done to each sample.
            root: Another name for `paths`.
            filename_glob, filename_regex, date_format, is_image, separate_files, all_bands, rgb_bands, cmap:
                As the class attributes.
            gives: What samples hold: `image`, `mask`, or `value`: measurements to learn, float32 (K, H, W)
                with scale and offset applied, NaN where a band is not observed. Default: as `is_image` says.
            mosaic: Which of several scenes gives a pixel: the `newest` or the `first` (by name) that
                observed it, or their `mean` (float32).
            resampling: Resampling where lattices differ. Default: nearest for masks, palettes and quality
                bands, else bilinear; of values always bilinear.
            nodata: Stored value that means unobserved, instead of what the files say.
            scaled: Apply scale and offset, as declared by the files or else by the sensor; float32. Values
                always are.
            dtype: Of images. `native`: the one that holds the values of all files (float32 for uint16, with
                which torch can scarcely compute); `float32` converts; `stored` keeps uint16, too. Masks are
                int64; `stored` keeps the files' own. Every sample has the same: it is settled when the
                dataset is made.
            assume_crs: CRS to use instead of the files' missing or wrong one.
            overviews: Read grids of much coarser pixels from the files' overviews; see `read`.
            index: Where to keep what the scan found, as GeoParquet, for the next dataset to open in place
                of a scan: a file; True for the folder `.geoloom` beside the data; `"cache"` for the user's
                cache folder. Only files that changed or came since are scanned then.
            footprints: What a scene covers: all of its `grid`, or what lies around the pixels that its first
                band observed (`valid`; pixels are looked at for that, best kept in an index). Samplers draw
                from there.
            on_error: What becomes of files that cannot be read: `skip` leaves their scenes out, when the
                dataset is made and when it is read; the log says how many.
            progress: Called with (files read, all files); then, for `valid` footprints, (scenes, all scenes).

        Raises:
            DatasetError: no file matches, a scene lacks a band, or an option is none.
            BandError: a band is unknown; the message names the nearest.
            ReadError: a file cannot be read or placed; with `skip`, none can.
        """
        given = {
            "filename_glob": filename_glob,
            "filename_regex": filename_regex,
            "date_format": date_format,
            "separate_files": separate_files,
            "all_bands": all_bands,
            "rgb_bands": rgb_bands,
            "cmap": cmap,
        }
        self.__dict__.update({name: value for name, value in given.items() if value is not None})
        self._options = (*given, "gives")
        self.gives = layer_asked(gives, is_image) or layer_asked(self._layer, None)
        self.is_image = self.gives == "image"
        require_choice("mosaic rule", mosaic, COMPOSITE_RULES)
        resampling = as_resampling(resampling)
        require_choice("resampling", resampling or DEFAULT_OF_CLASSES, RESAMPLINGS)
        require_choice("dtype", dtype, get_args(Dtype))
        require_choice("kind of footprints", footprints, get_args(Footprints))
        require_choice("on_error", on_error, get_args(OnError))
        if self.gives == "mask" and (mosaic == "mean" or resampling in AVERAGING):
            raise DatasetError(
                "the mean of class codes means nothing; use mosaic='newest' or 'first', and "
                "resampling='nearest' or 'mode'"
            )
        require_flags(
            separate_files=self.separate_files,
            scaled=scaled,
            overviews=overviews,
        )
        require_callable(transforms)
        require_apart("all_bands", [band.name for band in self._declared()])
        self._paths = given_paths(paths, root)
        self._transforms = transforms
        self._asked_crs, self._asked_res = output_crs(crs), pixel_size(res)
        self.mosaic, self.resampling, self.nodata = mosaic, resampling, nodata_value(nodata)
        self.scaled = scaled or self.gives == "value"
        self.dtype, self._assume_crs = dtype, assumed_crs(assume_crs)
        self.overviews, self.on_error = overviews, on_error
        self._wanted = None if bands is None else self._named(bands)
        self.footprints = footprints
        self._hold(self._find_scenes(index, progress))
        self._warn_of_mixed_scales()

    @property
    def keeps_codes(self) -> bool:
        """Whether masks hold the codes of the files, so that the legends of these explain them."""
        return True

    def _stored_classes(self) -> Classes | None:
        """What the mask's codes mean, by the first file, else by the class attributes."""
        if self.gives != "mask":
            return None
        header = header_of(self._to_read(0, (0,)).assets[0], self._assume_crs)
        declared = header.class_names or self.class_names
        names = {code: name for code, name in declared.items() if name}
        if not names or max(names) > MAX_CODE:
            return None
        return Classes.from_legend(names, header.colormap or self.cmap)

    def file_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which the files hold a layer; see `GeoDataset.file_dtype`."""
        if self._transforms is not None or layer not in self.layers:
            return None
        if self.scaled or self.dtype != "native" or self.mosaic == "mean":
            return None
        stored = self._stored_dtype
        if stored is not None:
            return None if layer == "mask" and stored.kind == "f" else stored
        scene = self._to_read(0, None)  # its addresses signed, where they have to be
        crs = crs_name(scene.grid.crs)
        dtypes = (read_header(a.uri, crs=crs).dtypes[a.index - 1] for a in scene.assets)
        return np.result_type(*dtypes)

    def with_bands(self, bands: Sequence[str]) -> RasterDataset:
        """The same scenes with some of their bands, in another order perhaps; no file is opened."""
        require_apart("bands", bands)
        channels = find_bands(bands, [b.name for b in self.bands], where=type(self).__name__)
        other = object.__new__(type(self))
        other.__dict__.update({k: v for k, v in self.__dict__.items() if k != "regions"})
        other._wanted = tuple(bands)
        other._hold(with_channels(self.scenes, channels))
        return other

    def _warn_of_mixed_scales(self) -> None:
        for band, own in zip(self.bands, self._calibrations(), strict=False):
            if own is not None and len(own) > 1:
                log.warning(
                    "%s: scenes differ in what band %s holds, %s; scaled=True gives all in one unit",
                    type(self).__name__,
                    band.name,
                    describe(own),
                )
                return

    def calibrate(self, band: Band, uri: str) -> Band:
        """The band as this very file holds it; sensors whose scaling changed over the years override it."""
        return band

    def _named(self, bands: Sequence[str | Band]) -> tuple[str, ...]:
        """Band names from names or roles, where the bands are declared."""
        if isinstance(bands, str):
            raise BandError(f"bands must be a sequence, got {bands!r}; write [{bands!r}]")
        if not (
            isinstance(bands, Sequence) and bands and all(isinstance(b, str | Band) for b in bands)
        ):
            raise BandError(f"bands is {bands!r}; give at least one name or role, or None for all")
        names = {band.name: band.name for band in self._declared()}
        for band in self._declared():
            if band.role not in ("other", "class"):
                names.setdefault(band.role, band.name)
        named = tuple(names.get(band, band) for band in names_of(bands))
        require_apart("bands", named)
        return named

    def _declared(self) -> tuple[Band, ...]:
        if not isinstance(self.all_bands, Sequence) or isinstance(self.all_bands, str):
            raise BandError(
                f"all_bands is {self.all_bands!r}; give a sequence of names or of Bands"
            )
        for band in self.all_bands:
            if not isinstance(band, (str, Band)):
                raise BandError(f"all_bands holds {band!r}; give names or Bands")
        plain = (Band.named(b) if isinstance(b, str) else b for b in self.all_bands)
        return (*plain, *self.extra_bands)

    def _find_scenes(self, index: IndexPlace, progress: Progress | None) -> Sequence[Scene]:
        return kept_scenes(index, self._recipe(), partial(self._scan, progress=progress))

    def _recipe(self) -> Recipe:
        declared, count = self._declared(), len(self.all_bands)
        return Recipe(
            paths=self._paths,
            naming=self._naming,
            bands=declared[:count],
            extra=declared[count:],
            wanted=self._wanted,
            crs=self._assume_crs,
            sensor=type(self).__qualname__,
            footprints=self.footprints,
            optional=tuple(self.optional_bands),
            on_error=self.on_error,
            nodata=self.nodata if self.footprints == "valid" else None,
        )

    @property
    def _naming(self) -> Naming:
        return Naming(
            self.filename_glob, self.filename_regex, self.date_format, self.separate_files
        )

    def _scan(
        self, paths: Paths, wanted: Sequence[str] | None, *, progress: Progress | None
    ) -> tuple[Scene, ...]:
        declared, count = self._declared(), len(self.all_bands)
        scenes = scan(
            paths,
            self._naming,
            bands=declared[:count],
            extra=declared[count:],
            optional=self.optional_bands,
            wanted=wanted,
            calibrate=self.calibrate,
            crs=self._assume_crs,
            named=self._paths,
            on_error=self.on_error,
            progress=progress,
        )
        if self.footprints == "grid":
            return scenes
        return with_observed_footprints(
            scenes,
            nodata=self.nodata,
            crs=self._assume_crs,
            on_error=self.on_error,
            progress=progress,
        )

    def _find_regions(self) -> tuple[Region, ...]:
        regions = tuple(
            Region.of_frame(s.grid, s.when, name=s.name, outline=s.footprint)
            for s in self.scenes
            if not s.footprint.is_empty
        )
        if self.footprints == "valid":
            regions = tuple(region.within_footprint() for region in regions)
        if self._asked_crs is None and self._asked_res is None:
            return regions
        lattice = common_lattice(self.scenes[0].grid, self._asked_crs, self._asked_res)
        moved = (region.on_lattice(lattice) for region in regions)
        return tuple(region for region in moved if region is not None)

    def _identity(self) -> Hashable:
        options = tuple(_hashable(getattr(self, option)) for option in self._options)
        reading = self.mosaic, self.resampling, self.nodata, self.scaled, self.dtype, self.overviews
        place = self._assume_crs, self._asked_crs, self._asked_res, self.footprints, self.on_error
        return self._paths, place, self._wanted, options, reading

    def __repr__(self) -> str:
        names = ", ".join(band.name for band in self.bands)
        return f"{type(self).__name__}({len(self.scenes)} scenes, bands {names})"


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple(sorted(value.items()))
    is_listing = isinstance(value, Sequence) and not isinstance(value, str)
    key: Hashable = tuple(_hashable(item) for item in value) if is_listing else value
    return key
