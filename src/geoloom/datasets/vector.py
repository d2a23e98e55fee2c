"""Vector layers as a dataset of masks."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Self

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.classes import Classes
from ..core.errors import DatasetError
from ..core.hints.torchgeo import OF_LAYERS, hints_keywords
from ..core.interval import Interval
from ..core.outline import surface, to_lonlat
from ..core.query import Query, Sample
from ..core.roi import Table, is_table
from ..core.suffixes import VECTOR_SUFFIXES
from ..io.access.finding import Paths, matching_names
from ..io.access.naming import Naming
from ..io.vector.layers import ClassChoice, Features, read_feature_files
from ..io.vector.tables import digest, read_table
from .base import GeoDataset, Layer, Transform
from .options import assumed_crs, given_paths, output_crs, pixel_size, require_callable
from .reading.sample import first_of, to_sample
from .region import Region, common_lattice
from .scenes.index import lonlat_boxes

log = logging.getLogger(__name__)

MAX_OUTLINED = 20_000
"""Layers of more features are sampled over their bounding box, not over the union of their polygons."""


@dataclass(frozen=True, slots=True)
class LayerFile:
    """The features of one file, or of one time of a table."""

    features: Features
    when: Interval
    name: str
    uri: str
    """Empty of what lies in memory."""


class VectorDataset(GeoDataset):
    """Polygons, lines or points, burned onto the query's grid as class codes.

    Codes are 1..K in the order of `classes`. Pixels under no feature have code 0: they are not labelled and
    so not valid, unless `background` names what they are.

    Example:
        >>> labels = VectorDataset("prodes.shp", class_field="class")        # doctest: +SKIP
        >>> buildings = VectorDataset("houses.gpkg", background="no house")  # doctest: +SKIP
        >>> fields = VectorDataset(table[table.area > 1e4], class_field="crop")  # doctest: +SKIP
    """

    filename_glob: str = "*"
    """Shell pattern of the file names wanted in folders."""
    filename_regex: str = ".*"
    """Verbose regular expression with the groups `date` or `start` and `stop`."""
    date_format: str = "%Y%m%d"
    """`strptime` format of the date groups."""

    @hints_keywords(OF_LAYERS)
    def __init__(
        self,
        paths: Paths | Table | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        class_field: str | None = None,
        label_name: str | None = None,
        classes: ClassChoice | None = None,
        date_field: str | None = None,
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
            paths: Files, folders or shell patterns, or a GeoDataFrame, which answers as a file of its rows
                does and may be altered afterwards. Default: `data`.
            crs: CRS of the grid on which the layer alone is sampled. Default: the first file's.
            res: Pixel size of that grid, in its CRS's units. Needed only to sample the layer alone.
            transforms: What is done to each sample.
            root: Another name for `paths`.
            class_field: Attribute that gives the class; without it all features are one class.
            label_name: Another name for `class_field`. Codes follow from `classes` all the same, not from
                numbers that the attribute may hold.
            classes: Classes of interest in the order of their codes; nested groups make one class. Default:
                all values of all files, sorted. Other features are left out.
            date_field: Column of a GeoDataFrame that says when each feature holds: days, times, years, or
                texts such as `"2019-07"`. Features without a date hold always.
            layer: Which layer of files that hold several.
            where: SQL condition on attributes.
            all_touched: Burn every pixel that a feature touches, not only those whose centre it holds.
            background: Name of the class, code 0, of pixels under no feature. Default: not labelled.
            filename_glob, filename_regex, date_format: As the class attributes.
            assume_crs: CRS to use instead of the files' missing or wrong one.

        Raises:
            DatasetError: no file matches, or an option of files is given with a table.
            VectorError: a field, class, layer or CRS is missing.
        """
        self._naming = Naming(
            filename_glob or self.filename_glob,
            filename_regex or self.filename_regex,
            date_format or self.date_format,
        )
        require_callable(transforms)
        self._transforms = transforms
        self._asked_crs, self._asked_res = output_crs(crs), pixel_size(res)
        self._reading = _field(class_field, label_name), layer, where, assumed_crs(assume_crs)
        self._choice = classes
        self.all_touched, self.background = all_touched, background
        self._paths: tuple[str, ...] = ()
        self._content: str | None = None
        if is_table(paths):
            of_files = {
                "root": root,
                "layer": layer,
                "where": where,
                "filename_glob": filename_glob,
                "filename_regex": filename_regex,
                "date_format": date_format,
            }
            _refuse_given(of_files)
            self._files, self._content = self._load_table(paths, date_field)
        else:
            _refuse_dates(date_field)
            self._paths = given_paths(paths, root)
            self._files = self._load()
        if label_name is not None:
            _say_codes(label_name, self._files[0].features.class_names)

    @property
    def bands(self) -> tuple[Band, ...]:
        """One: the class."""
        return (Band("class", role="class", nodata=None if self.background else 0),)

    @property
    def layers(self) -> frozenset[Layer]:
        """`mask`."""
        return frozenset({"mask"})

    def _stored_classes(self) -> Classes | None:
        """Names and codes, the background's 0 first where it has a name; None for more than 255."""
        names = dict(self._files[0].features.class_names)
        if len(names) > 255:
            return None
        if self.background is not None:
            names = {0: self.background, **names}
        return Classes.of(list(names.values()), list(names))

    @property
    def files(self) -> tuple[str, ...]:
        """The layers' files; none of a table."""
        return tuple(file.uri for file in self._files if file.uri)

    @property
    def features(self) -> tuple[Features, ...]:
        """What is burned, of each file or time."""
        return tuple(file.features for file in self._files)

    def _load(self) -> tuple[LayerFile, ...]:
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
            LayerFile(features, name.when, name.scene, name.uri)
            for features, name in zip(loaded, names, strict=True)
        )

    def _load_table(self, table: Any, date_field: str | None) -> tuple[tuple[LayerFile, ...], str]:
        """The features by time, and a digest of them, which stands for the name that a file has."""
        class_field, _, _, assume_crs = self._reading
        by_time = read_table(
            table,
            class_field=class_field,
            classes=self._choice,
            date_field=date_field,
            crs=assume_crs,
        )
        layers = tuple(LayerFile(features, when, "table", "") for when, features in by_time)
        return layers, digest(by_time)

    def sample_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which samples hold a layer; see `GeoDataset.sample_dtype`."""
        return np.dtype(np.int64) if layer == "mask" and self._transforms is None else None

    def _found_as(self, other: Self) -> bool:
        pairs = zip(self._files, other._files, strict=False)
        return len(self._files) == len(other._files) and all(_equal(a, b) for a, b in pairs)

    def _identity(self) -> Hashable:
        return (
            self._paths,
            self._content,
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
        newest_first = sorted(files, key=lambda f: f.when, reverse=True)
        by_time = groupby(newest_first, key=lambda f: f.when)
        return first_of(self._burned(tuple(group), query) for _, group in by_time)

    def _burned(self, files: Sequence[LayerFile], query: Query) -> Sample:
        """What files of one time say together: background is what lies under a feature of none."""
        mask, *others = (
            file.features.burn(query.grid, all_touched=self.all_touched) for file in files
        )
        for other in others:
            mask = np.where(mask > 0, mask, other)
        valid = np.ones(mask.shape, bool) if self.background is not None else mask > 0
        return to_sample(query.grid, valid, mask=mask.astype(np.int64))

    def __repr__(self) -> str:
        names = ", ".join(self._files[0].features.class_names.values())
        return (
            f"{type(self).__name__}({sum(len(f.features) for f in self._files)} features: {names})"
        )


def _field(class_field: str | None, label_name: str | None) -> str | None:
    """The attribute meant by two arguments that are one."""
    if class_field is not None and label_name is not None:
        raise DatasetError("class_field and label_name are the same argument; give one")
    return label_name if class_field is None else class_field


def _say_codes(label_name: str, class_names: Mapping[int, str]) -> None:
    """Elsewhere the numbers of the attribute are what is burned: say where that differs."""
    moved = {name: code for code, name in class_names.items() if name != str(code)}
    if moved and all(name.lstrip("-").isdigit() for name in class_names.values()):
        log.warning(
            "label_name=%r: masks hold the codes 1..%d in the order of the classes, not the numbers of the "
            "attribute (%s); dataset.classes has both",
            label_name,
            len(class_names),
            ", ".join(f"{name} is {code}" for name, code in list(moved.items())[:4]),
        )


def _refuse_given(of_files: Mapping[str, object]) -> None:
    for name, value in of_files.items():
        if value is not None:
            raise DatasetError(
                f"{name}={value!r} is of files, and a table is given; choose rows before: "
                "VectorDataset(table[table.year == 2016])"
            )


def _refuse_dates(date_field: str | None) -> None:
    if date_field is not None:
        raise DatasetError(
            f"date_field={date_field!r} is of tables, and files are given, whose names have their dates "
            "(filename_regex); read one first: VectorDataset(geopandas.read_file(path), date_field=...)"
        )


def _equal(one: LayerFile, other: LayerFile) -> bool:
    a, b = one.features, other.features
    return (
        (one.when, one.name, a.crs, dict(a.class_names))
        == (other.when, other.name, b.crs, dict(b.class_names))
        and np.array_equal(a.codes, b.codes)
        and bool(shapely.equals_exact(a.geometries, b.geometries).all())
    )


def _region(file: LayerFile, *, everywhere: bool) -> Region:
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
