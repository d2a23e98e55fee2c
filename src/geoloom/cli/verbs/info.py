"""geoloom info"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from ..options import as_json, debug
from ..parameters import argument, flag, option
from ..terminal import session
from ..verb import verb

_SHOWN = 5
"""Sizes of pictures that are printed; JSON has all of them."""
_LONGEST_CRS = 40
"""Characters of a CRS that are printed; a definition is longer than any code."""


@verb("geoloom info scene.tif", "geoloom info labels.shp --field class")
@argument(
    "file",
    help="A raster, picture, vector layer, chip store, model folder, ONNX file or folder of class folders.",
)
@option("--field", help="Of a vector layer: list this field's values.")
@flag("--exact", help="Of a raster of any size: look at every pixel, not at a sample.")
@as_json
@debug
def info(file: Path, field: str | None, exact: bool, as_json: bool, debug: bool) -> None:
    """Say what a file holds: its grid and bands, its classes and fields, or what a model needs.

    Of a raster also figures of each band, counts of codes, and what looks suspicious.
    """
    with session(as_json=as_json, debug=debug) as terminal:
        facts = describe(file, field, exact=exact)
        shown = in_words(facts)
        width = max(len(key) for key in shown)
        text = "\n".join(f"{key:{width}}  {_plain(value)}" for key, value in shown.items())
        terminal.answer({"verb": "info", "file": str(file), **facts}, text)


def describe(file: Path, field: str | None = None, *, exact: bool = False) -> dict[str, Any]:
    """The facts that a user needs to name bands, fields and classes in the next command.

    Raises:
        ReadError: it is of no kind that is known.
    """
    from ...core.errors import ReadError, VectorError

    if (file / "model.json").is_file():
        return _model(file)
    if file.is_dir():
        return _class_folders(file) or _chips(file)
    if file.suffix.lower() == ".onnx" and file.is_file():
        return _network(file)
    if not file.exists():
        raise ReadError(f"{file} not found; check the path")
    from ...io.headers.header import read_header

    try:
        header = read_header(file)
    except ReadError as not_a_raster:
        try:
            return _vector(file, field)
        except VectorError:
            raise
        except Exception:  # pyogrio and GDAL know many ways to say that they cannot read it
            return _picture(file, not_a_raster)
    return {**_raster(header), **_pixels(header, exact=exact)}


def _pixels(header: Any, *, exact: bool) -> dict[str, Any]:
    """What a look at the pixels gives; of a remote file only where every one is asked for."""
    from ...core.errors import ReadError
    from ...io.access.remote import is_remote
    from ...preparation.inspection import inspect_raster

    if is_remote(header.uri) and not exact:
        return {"looked_at": 0.0}
    try:
        return inspect_raster(header, exact=exact).to_dict()
    except ReadError as error:
        return {"suspicious": [f"its pixels cannot be read: {error}"]}


def _raster(header: Any) -> dict[str, Any]:
    from ...core.area import grid_area_m2
    from ...core.grid import crs_name

    affine = header.grid.affine
    area_km2 = grid_area_m2(header.grid) / 1e6
    return {
        "kind": "raster",
        "width": int(header.grid.shape[1]),
        "height": int(header.grid.shape[0]),
        "bands": list(header.band_names),
        "type": list(dict.fromkeys(header.dtypes)),
        "nodata": list({str(value): _number(value) for value in header.nodata}.values()),
        "crs": crs_name(header.grid.crs),
        "pixel": [abs(affine.a), abs(affine.e)],
        "unit": _unit(header.grid.crs),
        "bounds": [round(v, 6) for v in header.grid.boundingbox.bbox],
        **({"area_km2": float(f"{area_km2:.6g}")} if math.isfinite(area_km2) else {}),
        **({"classes": dict(header.class_names)} if header.class_names else {}),
    }


def _number(value: float | None) -> float | int | str | None:
    """A nodata value for JSON, which has no NaN."""
    if value is None or math.isfinite(value):
        return int(value) if value is not None and value == int(value) else value
    return str(value)


def in_words(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts as a person reads them: numbers that belong together in one line, with their unit."""
    shown: dict[str, Any] = {}
    for key, value in facts.items():
        if key == "width":
            shown["size"] = f"{value} x {facts['height']} px"
        elif key == "pixel":
            across, down = (_short(side) for side in value)
            shown["pixel"] = f"{across} x {down} {facts['unit']}"
        elif key == "sizes":
            some = {f"{s['width']} x {s['height']} px": s["count"] for s in value[:_SHOWN]}
            shown["sizes"] = {**some, **_rest(value)}
        elif key == "unreadable":
            shown["unreadable"] = f"{len(value)}, such as {value[0]}"
        elif key == "bands" and value and isinstance(value[0], list):
            shown["bands"] = value[0] if len(value) == 1 else [f"({_plain(b)})" for b in value]
        elif key == "statistics":
            shown.update(_statistics(value))
        elif key == "codes":
            shown.update({f"code {row['code']}": _code(row) for row in value})
        elif key == "suspicious":
            shown["looks suspicious"] = "\n  ".join(["", *value]) if value else "nothing"
        elif key == "looked_at":
            if value < 1:
                shown["looked at"] = f"{100 * value:.2g} % of the pixels (--exact looks at all)"
        elif key == "facts":
            shown.update({n: f"{_plain(f['value'])} ({f['from']})" for n, f in value.items()})
        elif key in ("must_be_stated", "remarks"):
            if value:
                shown[key.replace("_", " ")] = "\n  ".join(["", *value])
        elif key == "crs" and isinstance(value, str):
            shown["crs"] = _crs_in_words(value)
        elif key == "crs" and value is None:
            shown["crs"] = "none; say which by --assume-crs"
        elif key not in ("height", "unit"):
            shown[key] = value
    return shown


def _crs_in_words(text: str) -> str:
    """A CRS by its code; one without by its name and method, not in all the words of its definition.

    Example:
        >>> _crs_in_words("EPSG:32720")
        'EPSG:32720'
    """
    if len(text) <= _LONGEST_CRS:
        return text
    from pyproj import CRS

    crs = CRS(text)
    crs = crs.source_crs if crs.is_bound and crs.source_crs else crs
    parts = [crs.name, crs.coordinate_operation.method_name if crs.coordinate_operation else ""]
    return f"{', '.join(part for part in parts if part)} (no EPSG code)"


def _statistics(bands: list[dict[str, Any]]) -> dict[str, str]:
    """A line for each band."""
    lines: dict[str, str] = {}
    for number, band in enumerate(bands, start=1):
        valid = f"{100 * band['valid']:.1f} % valid"
        figures = ""
        if band["mean"] is not None:
            figures = f"{band['min']:.6g} to {band['max']:.6g}, mean {band['mean']:.6g}, "
        lines[f"band {number}"] = f"{figures}{valid} ({band['name']})"
    return lines


def _code(row: dict[str, Any]) -> str:
    name = f" ({row['name']})" if row["name"] else ""
    return f"{row['pixels']:,} px, {row['hectares']:,.1f} ha{name}"


def _rest(sizes: list[dict[str, int]]) -> dict[str, int]:
    """The pictures of sizes that are not shown."""
    left = sizes[_SHOWN:]
    return {f"{len(left)} other sizes": sum(size["count"] for size in left)} if left else {}


def _short(value: float) -> str:
    """Six digits, and no exponent.

    Example:
        >>> _short(8.14913e-05), _short(30.0)
        ('0.0000814913', '30')
    """
    digits = 6 - math.floor(math.log10(value)) - 1 if value > 0 else 0
    return f"{value:.{max(0, digits)}f}".rstrip("0").rstrip(".") if digits > 0 else f"{value:.0f}"


def _unit(crs: Any) -> str:
    return "degree" if crs.geographic else str(crs.units[0])


def _vector(file: Path, field: str | None) -> dict[str, Any]:
    import pyogrio

    from ...core.errors import VectorError
    from ...io.vector.layers import field_values
    from ...io.vector.point_tables import PointColumns

    facts = pyogrio.read_info(file)
    fields = [str(name) for name in facts["fields"]]
    geometry, crs = facts["geometry_type"], facts["crs"]
    if geometry is None:
        try:
            columns = PointColumns.of(file, fields)
        except VectorError:  # a table of something else
            pass
        else:
            geometry, crs = f"Point ({columns.x}, {columns.y})", columns.crs
    return {
        "kind": "vector",
        "features": facts["features"],
        "geometry": geometry,
        "crs": crs,
        "fields": fields,
        **({} if field is None else {field: field_values(file, field)}),
    }


def _picture(file: Path, not_a_raster: Exception) -> dict[str, Any]:
    """Of an image without a place on Earth."""
    from ...core.errors import ReadError
    from ...io.pictures.read import picture_info

    try:
        info = picture_info(file)
    except ReadError:
        raise not_a_raster from None
    return {
        "kind": "picture",
        "width": info.shape[1],
        "height": info.shape[0],
        "bands": list(info.band_names),
        "type": info.dtype,
    }


def _class_folders(file: Path) -> dict[str, Any] | None:
    """Of a folder of folders with pictures; None where it is none."""
    from ...core.errors import DatasetError, ReadError
    from ...core.grid import crs_name
    from ...datasets.layouts.class_folders import ClassFolders
    from ...io.pictures.read import picture_infos

    try:
        listing = ClassFolders().find(file)
    except DatasetError:
        return None
    found = picture_infos(listing.paths)
    infos = [info for info in found if not isinstance(info, ReadError)]
    wrong = [info for info in found if isinstance(info, ReadError)]
    shapes = Counter(info.shape for info in infos).most_common()
    places = sorted({crs_name(info.grid.crs) for info in infos if info.grid is not None})
    return {
        "kind": "class folders",
        "pictures": len(infos),
        "classes": dict(Counter(listing.columns["class"])),
        "splits": listing.splits,
        "sizes": [{"width": w, "height": h, "count": count} for (h, w), count in shapes],
        "bands": [list(bands) for bands in dict.fromkeys(info.band_names for info in infos)],
        "type": list(dict.fromkeys(info.dtype for info in infos)),
        "crs": places,
        **({"unreadable": [str(error) for error in wrong]} if wrong else {}),
    }


def _chips(file: Path) -> dict[str, Any]:
    from ...chips.store import ChipStore

    store = ChipStore.open(file)
    return {
        "kind": "chips",
        "chips": len(store),
        "width": int(store.size[1]),
        "height": int(store.size[0]),
        "bands": list(store.band_names),
        "type": str(store.dtype),
        "labels": "none" if store.outputs is None else store.outputs.short,
        "classes": list(store.classes.names) if store.classes else [],
        "splits": dict(store.splits),
        "scenes": list(store.sources),
    }


def _model(file: Path) -> dict[str, Any]:
    from ...models.saved import read_card

    return _card(read_card(file))


def _network(file: Path) -> dict[str, Any]:
    """Of an ONNX file: what is known of its network and where from, and what has to be stated."""
    from ...models.foreign.described import describe_network

    known = describe_network(file)
    graph = known.graph
    shapes = {
        "inputs": [str(tensor) for tensor in graph.inputs],
        "outputs": [str(tensor) for tensor in graph.outputs],
        "weights": list(graph.weights) or ["in the file"],
        "opset": graph.opset,
    }
    if known.own is not None:
        card = _card(known.own.card)
        return {**card, "kind": "model that geoloom exported (ONNX)", **shapes}
    values, origins = known.facts.to_dict(), dict(known.origins)
    if known.facts.classes is not None:
        pairs = zip(values["classes"]["codes"], values["classes"]["names"], strict=True)
        values["classes"] = {str(code): name for code, name in pairs}
    return {
        "kind": "network (ONNX)",
        "made_by": graph.producer or "unknown",
        **shapes,
        "facts": {name: {"value": v, "from": origins[name]} for name, v in values.items()},
        "must_be_stated": list(known.missing),
        "remarks": list(known.remarks),
    }


def _card(card: Any) -> dict[str, Any]:
    figures = ("overall_accuracy", "mean_accuracy", "mean_f1", "mean_iou", "kappa")
    return {
        "kind": "model",
        "architecture": card.architecture,
        "options": dict(card.options),
        "bands": list(card.band_names),
        "units": [band.unit or "unknown" for band in card.bands],
        "gives": card.outputs.short,
        "classes": list(card.outputs.names) if hasattr(card.outputs, "classes") else [],
        "chip_size": card.chip_size_px,
        "validation": {key: card.metrics[key] for key in figures if key in card.metrics},
    }


def _plain(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
