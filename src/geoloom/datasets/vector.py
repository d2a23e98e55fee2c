"""Vector layers as a dataset of masks."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.classes import Classes
from ..core.interval import Interval
from ..core.outline import surface, to_lonlat
from ..core.query import Query, Sample
from ..core.suffixes import VECTOR_SUFFIXES
from ..io.access.finding import Paths, matching_names
from ..io.access.naming import Naming
from ..io.vector.layers import ClassChoice, Features, read_feature_files
from .base import GeoDataset, Layer, Transform
from .options import assumed_crs, output_crs, pixel_size, require_callable
from .raster import given_paths
from .reading.sample import first_of, to_sample
from .region import Region, common_lattice
from .scenes.index import lonlat_boxes

MAX_OUTLINED = 20_000
"""Layers of more features are sampled over their bounding box, not over the union of their polygons."""


@dataclass(frozen=True, slots=True)
class _LayerFile:
    features: Features
    when: Interval
    name: str
    uri: str


class VectorDataset(GeoDataset):
    """Polygons, lines or points, burned onto the query's grid as class codes.

    Codes are 1..K in the order of `classes`. Pixels under no feature have code 0: they are not labelled and
    so not valid, unless `background` names what they are.

    Example:
        >>> labels = VectorDataset("prodes.shp", class_field="class")        # doctest: +SKIP
        >>> buildings = VectorDataset("houses.gpkg", background="no house")  # doctest: +SKIP
    """

    filename_glob: str = "*"
    """Shell pattern of the file names wanted in folders."""
    filename_regex: str = ".*"
    """Verbose regular expression with the groups `date` or `start` and `stop`."""
    date_format: str = "%Y%m%d"
    """`strptime` format of the date groups."""

    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        class_field: str | None = None,
        classes: ClassChoice | None = None,
        layer: str | None = None,
        where: str | None = None,
        all_touched: bool = False,
        background: str | None = None,
        filename_glob: str | None = None,
        filename_regex: str | None = None,
        date_format: str | None = None,
        assume_crs: str | None = None,
    ) -> None:
        """Read the layers.

        Args:
            paths: Files, folders or shell patterns. Default: `data`.
            crs: CRS of the grid on which the layer alone is sampled. Default: the first file's.
            res: Pixel size of that grid, in its CRS's units. Needed only to sample the layer alone.
            transforms: What is done to each sample.
            root: Another name for `paths`.
            class_field: Attribute that gives the class; without it all features are one class.
            classes: Classes of interest in the order of their codes; nested groups make one class. Default:
                all values of all files, sorted. Other features are left out.
            layer: Which layer of files that hold several.
            where: SQL condition on attributes.
            all_touched: Burn every pixel that a feature touches, not only those whose centre it holds.
            background: Name of the class, code 0, of pixels under no feature. Default: not labelled.
            filename_glob, filename_regex, date_format: As the class attributes.
            assume_crs: CRS to use instead of the files' missing or wrong one.

        Raises:
            DatasetError: no file matches.
            VectorError: a field, class, layer or CRS is missing.
        """
        self._paths = given_paths(paths, root)
        self._naming = Naming(
            filename_glob or self.filename_glob,
            filename_regex or self.filename_regex,
            date_format or self.date_format,
        )
        require_callable(transforms)
        self._transforms = transforms
        self._asked_crs, self._asked_res = output_crs(crs), pixel_size(res)
        self._reading = class_field, layer, where, assumed_crs(assume_crs)
        self._choice = classes
        self.all_touched, self.background = all_touched, background
        self._files = self._load()

    @property
    def bands(self) -> tuple[Band, ...]:
        """One: the class."""
        return (Band("class", role="class", nodata=None if self.background else 0),)

    @property
    def layers(self) -> frozenset[Layer]:
        """`mask`."""
        return frozenset({"mask"})

    @property
    def classes(self) -> Classes | None:
        """Names and codes, the background's 0 first where it has a name; None for more than 255."""
        names = dict(self._files[0].features.class_names)
        if len(names) > 255:
            return None
        if self.background is not None:
            names = {0: self.background, **names}
        return Classes.of(list(names.values()), list(names))

    @property
    def files(self) -> tuple[str, ...]:
        """The layers' files."""
        return tuple(file.uri for file in self._files)

    def _load(self) -> tuple[_LayerFile, ...]:
        class_field, layer, where, assume_crs = self._reading
        names = matching_names(self._paths, self._naming, VECTOR_SUFFIXES)
        loaded = read_feature_files(
            [name.uri for name in names],
            layer=layer,
            class_field=class_field,
            classes=self._choice,
            where=where,
            crs=assume_crs,
        )
        return tuple(
            _LayerFile(features, name.when, name.scene, name.uri)
            for features, name in zip(loaded, names, strict=True)
        )

    def sample_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which samples hold a layer; see `GeoDataset.sample_dtype`."""
        return np.dtype(np.int64) if layer == "mask" and self._transforms is None else None

    def _found_as(self, other: Self) -> bool:
        pairs = zip(self._files, other._files, strict=False)
        return len(self._files) == len(other._files) and all(_equal(a, b) for a, b in pairs)

    def _identity(self) -> Hashable:
        return (
            self._paths,
            self._naming,
            self._reading,
            repr(self._choice),
            self.all_touched,
            self.background,
            self._asked_crs,
            self._asked_res,
        )

    @cached_property
    def _outlines(self) -> tuple[Region, ...]:
        return tuple(_region(f, everywhere=self.background is not None) for f in self._files)

    def _find_regions(self) -> tuple[Region, ...]:
        regions = self._outlines
        if self._asked_res is None:
            return regions
        home = GeoBox.from_bbox((0, 0, 1, 1), crs=regions[0].crs, shape=(1, 1))
        lattice = common_lattice(home, self._asked_crs, self._asked_res)
        moved = (region.on_lattice(lattice) for region in regions)
        return tuple(region for region in moved if region is not None)

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        boxes = lonlat_boxes(query.grid)
        files = [
            file
            for file, region in zip(self._files, self._outlines, strict=True)
            if query.takes(file.when)
            and any(shapely.box(*region.footprint.bounds).intersects(box) for box in boxes)
        ]
        newest_first = sorted(files, key=lambda f: f.when.start, reverse=True)
        return first_of(self._burned(file, query) for file in newest_first)

    def _burned(self, file: _LayerFile, query: Query) -> Sample:
        mask = file.features.burn(query.grid, all_touched=self.all_touched)
        valid = np.ones(mask.shape, bool) if self.background is not None else mask > 0
        return to_sample(query.grid, valid, mask=mask.astype(np.int64))

    def __repr__(self) -> str:
        names = ", ".join(self._files[0].features.class_names.values())
        return (
            f"{type(self).__name__}({sum(len(f.features) for f in self._files)} features: {names})"
        )


def _equal(one: _LayerFile, other: _LayerFile) -> bool:
    a, b = one.features, other.features
    return (
        (one.when, one.name, a.crs, dict(a.class_names))
        == (other.when, other.name, b.crs, dict(b.class_names))
        and np.array_equal(a.codes, b.codes)
        and bool(shapely.equals_exact(a.geometries, b.geometries).all())
    )


def _region(file: _LayerFile, *, everywhere: bool) -> Region:
    """Where the features lie: their polygons; of lines, points and large layers, the box around them.

    With `everywhere`, the box: what lies between the features is labelled as well.
    """
    shapes = file.features.geometries[file.features.codes > 0]
    polygonal = np.isin(shapely.get_type_id(shapes), (3, 6)).all()
    if polygonal and len(shapes) <= MAX_OUTLINED and not everywhere:
        outline = surface(shapely.union_all(shapes))
    else:
        outline = shapely.box(*shapely.total_bounds(shapes))
    crs = file.features.crs
    return Region(
        frame=None,
        area=outline,
        crs=crs,
        when=file.when,
        footprint=to_lonlat(outline, crs),
        name=file.name,
    )
