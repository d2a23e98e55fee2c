"""Reading vector layers: which classes there are, and what is wrong with the geometries."""

from __future__ import annotations

import difflib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from odc.geo.crs import CRS

from ...core.antimeridian import HALF_TURN, crosses, unwrapped
from ...core.errors import GridError, VectorError, suggest
from ...core.grid import as_crs, crs_name
from ..access.paths import path_text
from .features import Features
from .geoparquet import is_geoparquet, open_geoparquet, read_geoparquet
from .point_tables import TABLES, PointColumns

__all__ = [
    "ClassChoice",
    "Features",
    "field_values",
    "list_fields",
    "make_features",
    "read_feature_files",
    "read_features",
]

log = logging.getLogger(__name__)

ClassChoice = Sequence[str | int | Sequence[str | int]] | Mapping[str, Sequence[str | int]]
"""Classes of interest in code order: values of the class field; a nested sequence of values makes one
class of them; a mapping gives such groups their names."""

_POLYGONAL = (3, 6)
_NO_FIELDS = "; it has none (a shapefile's are in the .dbf beside it: is that there, and readable?)"


@dataclass(frozen=True, slots=True)
class _Layer:
    """What a file holds, before classes are made of it."""

    geometries: np.ndarray
    values: np.ndarray | None
    crs: str | None
    name: str
    columns: PointColumns | None = None
    """Of a table: where its coordinates stand."""


def read_features(
    path: str | Path,
    *,
    layer: str | None = None,
    class_field: str | None = None,
    classes: ClassChoice | None = None,
    where: str | None = None,
    crs: str | CRS | None = None,
) -> Features:
    """Features of a vector layer (Shapefile, GeoPackage, GeoJSON, GeoParquet, ...) with class codes.

    Broken polygons are repaired, empty and unclassed features dropped; the log says how many.

    Args:
        path: File that GDAL reads; a GeoParquet file; or a CSV of points with columns `lon` and `lat`, taken
            as WGS 84 unless `crs` is given, or `x` and `y`.
        layer: Which layer; needed where the file has several.
        class_field: Attribute that gives the class; without it all features are one class.
        classes: The classes of interest, in the order of their codes 1..K. Default: all values, sorted.
            Features of other classes get code 0.
        where: SQL condition on attributes, such as `"year = 2016"`; of GeoParquet as SQLite has it.
        crs: Overrides the file's CRS.

    Raises:
        VectorError: the file, layer, field, class or CRS is missing; the message names the nearest.
        GridError: `crs` is not a CRS.
    """
    (features,) = read_feature_files(
        [path], layer=layer, class_field=class_field, classes=classes, where=where, crs=crs
    )
    return features


def read_feature_files(
    paths: Sequence[str | Path],
    *,
    layer: str | None = None,
    class_field: str | None = None,
    classes: ClassChoice | None = None,
    where: str | None = None,
    crs: str | CRS | None = None,
) -> tuple[Features, ...]:
    """Features of several files with one table of codes; see `read_features`."""
    for name, value in (("layer", layer), ("class_field", class_field), ("where", where)):
        if value is not None and not isinstance(value, str):
            raise VectorError(f"{name} is {value!r}; give a text")
    files = [_path_of(path) for path in paths]
    read = [_read_layer(f, layer=layer, field=class_field, where=where or None) for f in files]
    kept = [
        usable(f.geometries, f.values, f.name if len(read) == 1 else "feature", str(p))[:2]
        for f, p in zip(read, paths, strict=True)
    ]
    for f, path in zip(read, files, strict=True):
        if where and not len(f.geometries):
            raise VectorError(f"{path}: where={where!r} holds for none of its features; loosen it")
        if f.columns is not None and crs is None:
            f.columns.check(f.geometries, path)
    where_from = str(paths[0]) if len(read) == 1 else f"{paths[0]} and {len(read) - 1} others"
    groups = grouped(classes, class_field is not None, [labels for _, labels in kept], where_from)
    return tuple(
        coded(shapes, labels, groups, known_crs(crs, f.crs, str(p)), str(p))
        for f, (shapes, labels), p in zip(read, kept, paths, strict=True)
    )


def make_features(
    geometries: Sequence[Any] | np.ndarray,
    values: Sequence[Any] | np.ndarray | None,
    *,
    crs: str | CRS,
    classes: ClassChoice | None = None,
    source: str = "features",
) -> Features:
    """Features from geometries and their class values already in memory; see `read_features`.

    Example:
        >>> make_features([shapely.box(0, 0, 1, 1)], ["forest"], crs="EPSG:4326").class_names
        {1: 'forest'}
    """
    shapes, labels, _ = usable(np.asarray(geometries, dtype=object), values, "feature", source)
    groups = grouped(classes, values is not None, [labels], source)
    return coded(shapes, labels, groups, as_crs(crs), source)


def coded(
    shapes: np.ndarray,
    labels: np.ndarray,
    groups: Sequence[tuple[str, tuple[str, ...]]],
    crs: CRS,
    source: str,
) -> Features:
    """Features whose codes are the positions, from 1, of the groups that their labels are in; 0 in none."""
    code_of = {value: code for code, (_, members) in enumerate(groups, 1) for value in members}
    return Features(
        geometries=_unfolded(shapes, crs, source),
        codes=np.array([code_of.get(label, 0) for label in labels], dtype=np.int32),
        class_names={code: name for code, (name, _) in enumerate(groups, 1)},
        crs=crs,
        source=source,
    )


def list_fields(path: str | Path, layer: str | None = None) -> dict[str, str]:
    """Attribute names of a layer and their types, in file order.

    Raises:
        VectorError: the file cannot be read as a vector layer.
    """
    path = _path_of(path)
    if is_geoparquet(path):
        schema = open_geoparquet(path).schema_arrow
        return {name: str(kind) for name, kind in zip(schema.names, schema.types, strict=True)}
    import pyogrio

    with _refusing(path):
        name, _ = _chosen_layer(path, layer)
        info = pyogrio.read_info(path, layer=name)
    return dict(zip(info["fields"].tolist(), info["dtypes"].tolist(), strict=True))


def field_values(path: str | Path, field: str) -> dict[str, int]:
    """How many features of a layer have each value of a field, as classes are named by them; most first.

    Raises:
        VectorError: the file or the field is missing.
    """
    import pyogrio

    path = _path_of(path)
    fields = list_fields(path)
    if field not in fields:
        raise VectorError(f"{path} has no field {field!r}{suggest(field, fields)}")
    with _refusing(path):
        table = pyogrio.read_dataframe(path, columns=[field], read_geometry=False)
    return dict(Counter(filter(None, _labels(table[field].to_numpy()))).most_common())


def _path_of(path: str | Path) -> Path:
    return Path(path_text(path, VectorError))


@contextmanager
def _refusing(path: Path, hint: str = "") -> Iterator[None]:
    """What GDAL and pyogrio refuse, as errors that name the file."""
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        yield
    except VectorError:
        raise
    except (DataSourceError, DataLayerError, ValueError, OSError) as error:
        raise VectorError(f"{path} cannot be read as a vector layer: {error}{hint}") from error


def _read_layer(path: Path, *, layer: str | None, field: str | None, where: str | None) -> _Layer:
    if not path.exists() and not str(path).startswith("/vsi"):
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1)
        raise VectorError(f"no file {path}" + (f"; did you mean {near[0]!r}?" if near else ""))
    if is_geoparquet(path):
        table = read_geoparquet(path, field=field, where=where)
        return _Layer(table.geometries, table.values, table.crs, path.stem)
    _refuse_directions(path)
    import pyogrio.raw

    with _refusing(path):
        name, points = _chosen_layer(path, layer)
        fields = list_fields(path, name)
    if field is not None and field not in fields:
        known = suggest(field, fields) if fields else _NO_FIELDS
        raise VectorError(f"{path} has no field {field!r}{known}")
    hint = f" (where={where!r}; fields: {', '.join(fields)})" if where else ""
    with _refusing(path, hint):
        meta, _, wkb, columns = pyogrio.raw.read(
            path,
            layer=name,
            columns=[field] if field else [],
            where=where,
            force_2d=True,
            **(points.options if points else {}),
        )
    geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    crs = points.crs if points else meta["crs"]
    return _Layer(geometries, columns[0] if field else None, crs, name, points)


def _refuse_directions(path: Path) -> None:
    """See that a file is not an OGR VRT by its contents alone: it may refer to any file or server."""
    if path.suffix.lower() == ".vrt" or not path.is_file():
        return
    with _refusing(path), path.open("rb") as file:
        start = file.read(4096)
    if b"<OGRVRTDataSource" in start:
        raise VectorError(
            f"{path} is not a layer but directions to other places (an OGR VRT), expected a format that "
            "holds its own features; if you trust it, give it a name that ends in .vrt"
        )


def _chosen_layer(path: Path, layer: str | None) -> tuple[str, PointColumns | None]:
    """The layer's name; of a table without geometries also the columns that hold coordinates."""
    import pyogrio

    listed = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    names = [name for name, kind in listed if kind is not None]
    if (
        not names
        and path.suffix.lower() in TABLES
        and layer in (None, *(name for name, _ in listed))
    ):
        fields = [str(field) for field in pyogrio.read_info(path)["fields"]]
        return listed[0][0], PointColumns.of(path, fields)
    if layer is not None:
        if layer not in names:
            raise VectorError(
                f"{path} has no layer {layer!r} with geometries{suggest(layer, names)}"
            )
        return layer, None
    if len(names) != 1:
        layers = ", ".join(f"{name} ({kind})" for name, kind in listed) or "none"
        raise VectorError(
            f"{path} has {len(names)} layers with geometries, expected one; choose one by layer= (--layer). "
            f"Layers: {layers}"
        )
    return names[0], None


def known_crs(given: str | CRS | None, stored: str | None, source: str) -> CRS:
    if given is None and not stored:
        raise VectorError(
            f"{source} has no CRS (a missing .prj?); say which by assume_crs= (--assume-crs), such as "
            "EPSG:32722"
        )
    if given is None:
        try:
            return as_crs(stored)
        except GridError as error:
            raise VectorError(f"{source}: cannot understand its CRS: {error}") from error
    known = as_crs(given)
    with suppress(GridError):  # what is replaced need not be understood
        if stored and known != as_crs(stored):
            log.warning(
                "%s: its CRS %s is overridden by %s", source, stored[:40], crs_name(known)[:40]
            )
    return known


def _labels(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Class values as text; None where missing. Whole floats lose their `.0` (dBase stores no integers)."""
    return np.array([_label(value) for value in np.asarray(values, dtype=object)], dtype=object)


def _label(value: Any) -> str | None:
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    return text or None


def usable(
    shapes: np.ndarray, values: Sequence[Any] | np.ndarray | None, name: str, source: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repairs broken polygons; drops empty geometries and features without a class, and logs how many.

    Returns:
        Geometries and labels of the M features kept, and bool (N,), True = kept.
    """
    labels = np.full(len(shapes), name, dtype=object) if values is None else _labels(values)
    broken = ~(shapely.is_valid(shapes) | shapely.is_missing(shapes))
    if broken.any():
        shapes = shapes.copy()
        shapes[broken] = [_repaired(shape) for shape in shapes[broken]]
        count = int(broken.sum())
        log.warning(
            "%s: repaired %d invalid geometr%s", source, count, "y" if count == 1 else "ies"
        )
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    unclassed = ~empty & np.array([label is None for label in labels], dtype=bool)
    if empty.any():
        log.warning(
            "%s: dropped %s without a geometry",
            source,
            counted(int(empty.sum()), "feature", "features"),
        )
    if unclassed.any():
        log.warning(
            "%s: dropped %s without a class",
            source,
            counted(int(unclassed.sum()), "feature", "features"),
        )
    keep = ~(empty | unclassed)
    if not keep.any():
        raise VectorError(
            f"{source} has no usable feature among {len(shapes)}: {int(empty.sum())} without a geometry, "
            f"{int(unclassed.sum())} without a class"
        )
    return shapes[keep], labels[keep], keep


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "feature", "features")
        '1 feature'
    """
    return f"{number} {one if number == 1 else many}"


def _repaired(shape: Any) -> Any:
    """The shape made valid; of a polygon, its areas only."""
    fixed = shapely.make_valid(shape)
    if shapely.get_type_id(shape) not in _POLYGONAL:
        return fixed
    parts = shapely.get_parts(shapely.get_parts(fixed))
    return shapely.union_all(parts[np.isin(shapely.get_type_id(parts), _POLYGONAL)])


def grouped(
    classes: ClassChoice | None, classified: bool, labels: Sequence[np.ndarray], source: str
) -> list[tuple[str, tuple[str, ...]]]:
    """Name and member values of each class, in code order."""
    known = sorted({label for array in labels for label in array.tolist()}, key=_natural)
    if classes is not None and not classified:
        raise VectorError(
            f"{source}: classes {classes!r} are asked for but no class_field says which feature is which; "
            "give class_field"
        )
    if classes is None:
        return [(value, (value,)) for value in known]
    if not isinstance(classes, (str, Sequence, Mapping)):
        raise VectorError(
            f"classes={classes!r}; give a list of values, or a mapping of names to values"
        )
    if isinstance(classes, str):
        raise VectorError(f"classes={classes!r} is one text; give a list such as [{classes!r}]")
    groups: list[tuple[str, tuple[str, ...]]] = []
    entries = classes.items() if isinstance(classes, Mapping) else ((None, c) for c in classes)
    for name, entry in entries:
        values = (entry,) if isinstance(entry, (str, int, float, np.integer)) else entry
        if not isinstance(values, Sequence) or not values:
            raise VectorError(
                f"classes={classes!r} holds {entry!r}; give values of the field, or groups of them"
            )
        members = tuple(_label(value) or "" for value in values)
        groups.append((name or " + ".join(members), members))
    wanted = [value for _, members in groups for value in members]
    for value in wanted:
        if value not in known:
            raise VectorError(f"{source} has no class {value!r}{suggest(value, known)}")
        if wanted.count(value) > 1:
            raise VectorError(
                f"class {value!r} is listed twice in classes={classes!r}; list it once"
            )
    if not groups:
        raise VectorError(f"classes is empty; name some of: {', '.join(known)}")
    return groups


def _natural(value: str) -> tuple[int, float, str]:
    """Numbers by size, then texts by alphabet."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def _unfolded(shapes: np.ndarray, crs: CRS, source: str) -> np.ndarray:
    """In degrees: features with an edge from 179 to -179 are meant to cross the antimeridian, so they do."""
    if not crs.geographic:
        return shapes
    bounds = shapely.bounds(shapes)
    wide = np.flatnonzero(bounds[:, 2] - bounds[:, 0] > HALF_TURN)
    out = shapes.copy()
    for i in wide:
        parts = shapely.get_num_geometries(shapes[i])
        if parts == 1 and crosses(shapely.get_coordinates(shapes[i])[:, 0]):
            out[i] = shapely.transform(
                shapes[i], lambda xy: np.column_stack([unwrapped(xy[:, 0]), xy[:, 1]])
            )
            log.info("%s: feature %d taken to cross the antimeridian", source, i)
    return out
