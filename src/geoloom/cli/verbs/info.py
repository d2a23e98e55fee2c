"""geoloom info"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import Debug, Json
from ..terminal import session


def info(
    file: Annotated[
        Path, typer.Argument(help="A raster, a vector layer, a chip store or a model folder.")
    ],
    field: Annotated[
        str | None, typer.Option(help="Of a vector layer: list this field's values.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what a file holds: its grid and bands, its classes and fields, or what a model needs."""
    with session(as_json=as_json, debug=debug) as terminal:
        facts = describe(file, field)
        width = max(len(key) for key in facts)
        text = "\n".join(f"{key:{width}}  {_plain(value)}" for key, value in facts.items())
        terminal.answer({"verb": "info", "file": str(file), **facts}, text)


def describe(file: Path, field: str | None = None) -> dict[str, Any]:
    """The facts that a user needs to name bands, fields and classes in the next command.

    Raises:
        ReadError: it is none of the four kinds.
    """
    from ...core.errors import ReadError, VectorError

    if (file / "model.json").is_file():
        return _model(file)
    if file.is_dir():
        return _chips(file)
    if not file.exists():
        raise ReadError(f"{file} not found; check the path")
    from ...io.header import read_header

    try:
        return _raster(read_header(file))
    except ReadError as not_a_raster:
        try:
            return _vector(file, field)
        except VectorError:
            raise
        except Exception:  # pyogrio and GDAL know many ways to say that they cannot read it
            raise not_a_raster from None


def _raster(header: Any) -> dict[str, Any]:
    from ...core.area import grid_area_m2
    from ...core.grid import crs_name

    affine = header.grid.affine
    area_km2 = grid_area_m2(header.grid) / 1e6
    return {
        "kind": "raster",
        "size": f"{header.grid.shape[1]} x {header.grid.shape[0]} px",
        "bands": list(header.band_names),
        "type": list(dict.fromkeys(header.dtypes)),
        "nodata": list(dict.fromkeys(str(value) for value in header.nodata)),
        "crs": crs_name(header.grid.crs),
        "pixel": f"{abs(affine.a):g} x {abs(affine.e):g} {_unit(header.grid.crs)}",
        "bounds": [round(v, 6) for v in header.grid.boundingbox.bbox],
        **({"area_km2": float(f"{area_km2:.6g}")} if math.isfinite(area_km2) else {}),
        **({"classes": dict(header.class_names)} if header.class_names else {}),
    }


def _unit(crs: Any) -> str:
    return "degree" if crs.geographic else str(crs.units[0])


def _vector(file: Path, field: str | None) -> dict[str, Any]:
    import pyogrio

    from ...core.errors import VectorError, suggest

    facts = pyogrio.read_info(file)
    values = {}
    if field is not None:
        if field not in facts["fields"]:
            raise VectorError(f"{file} has no field {field!r}{suggest(field, facts['fields'])}")
        table = pyogrio.read_dataframe(file, columns=[field], read_geometry=False)
        values = {field: {str(k): int(v) for k, v in table[field].value_counts().items()}}
    return {
        "kind": "vector",
        "features": facts["features"],
        "geometry": facts["geometry_type"],
        "crs": facts["crs"],
        "fields": list(facts["fields"]),
        **values,
    }


def _chips(file: Path) -> dict[str, Any]:
    from ...chips.store import ChipStore

    store = ChipStore.open(file)
    return {
        "kind": "chips",
        "chips": len(store),
        "size": f"{store.size[1]} x {store.size[0]} px",
        "bands": list(store.bands),
        "type": str(store.dtype),
        "classes": list(store.classes.names) if store.classes else [],
        "splits": dict(store.splits),
        "scenes": list(store.sources),
    }


def _model(file: Path) -> dict[str, Any]:
    facts = json.loads((file / "model.json").read_text(encoding="utf-8"))
    return {
        "kind": "model",
        "architecture": facts["architecture"],
        "options": facts["options"],
        "bands": facts["bands"],
        "classes": facts["classes"]["names"],
        "chip size": facts.get("chip_size_px"),
        "metrics": facts.get("metrics", {}),
    }


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return str(value)
