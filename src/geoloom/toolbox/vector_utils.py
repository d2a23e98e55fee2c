"""Vector layers on their way: merged, reprojected, and chips as outlines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry import Polygon

from ..chips.store import ChipStore
from ..core.errors import ChipError, VectorError, WriteError
from ..core.files import hint_if_full, may_replace, publish, scratch_folder, writing
from ..core.grid import crs_name
from ..io.headers.header import read_header


def merge_vector_layers(
    files: Sequence[str | Path], out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Put the features of several files into one, in the CRS of the first. Attributes are kept.

    Args:
        files: Vector files, in any CRSs.
        out_path: File to write; its suffix tells the format (gpkg, shp, geojson).
        overwrite: Replace the file.

    Raises:
        VectorError: there is no file, or one cannot be read or has no CRS.
        WriteError: the output exists.
    """
    if isinstance(files, str | Path) or not files:
        raise VectorError(f"expected a list of vector files, found {files!r}")
    layers = [_read(path) for path in files]
    crs = layers[0].crs
    merged = pd.concat([layer.to_crs(crs) for layer in layers], ignore_index=True)
    frame = gpd.GeoDataFrame(merged, crs=crs)
    return _write(frame, out_path, inputs=files, overwrite=overwrite)


def reproj_shape_to_raster(
    shp_file: str | Path, raster_file: str | Path, out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Bring a vector layer into the CRS of a raster, point by point.

    Args:
        shp_file: Vector file.
        raster_file: Its CRS is taken.
        out_path: File to write.
        overwrite: Replace the file.

    Raises:
        VectorError: the layer cannot be read or has no CRS.
        ReadError: the raster cannot be read.
        WriteError: the output exists.
    """
    crs = crs_name(read_header(raster_file).grid.crs)
    layer = _read(shp_file).to_crs(crs)
    return _write(layer, out_path, inputs=(shp_file, raster_file), overwrite=overwrite)


def save_chips_shp(
    chips: ChipStore | str | Path, out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Write the outlines of chips, with their number, split and scene.

    Args:
        chips: A store, or its path; with `#train` behind it, one split.
        out_path: Vector file to write. Chips of several CRSs are brought into that of the first.
        overwrite: Replace the file.

    Raises:
        ChipError: the chips have no place on Earth.
        WriteError: the output exists.
    """
    store = chips if isinstance(chips, ChipStore) else ChipStore.open(chips)
    table = store.table
    if (table["crs"] == "").any():
        raise ChipError(
            f"chips of {store.path} were cut from arrays without a grid: no place is known"
        )
    parts = [
        gpd.GeoDataFrame(
            {
                "chip": rows["index"],
                "split": rows["split"].fillna(""),
                "source": rows["source"],
                "row": rows["row"],
                "col": rows["col"],
            },
            geometry=[_outline(store, int(i)) for i in rows["index"]],
            crs=crs,
        )
        for crs, rows in table.groupby("crs", sort=False)
    ]
    outlines = pd.concat([part.to_crs(parts[0].crs) for part in parts], ignore_index=True)
    frame = gpd.GeoDataFrame(outlines, crs=parts[0].crs)
    return _write(frame, out_path, inputs=(store.path,), overwrite=overwrite)


def _outline(store: ChipStore, i: int) -> Polygon:
    a, b, c, d, e, f = store.transform(i)
    height, width = store.size
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    return Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])


def _read(path: str | Path) -> Any:
    try:
        layer = gpd.read_file(path)
    except Exception as error:  # pyogrio raises several kinds for what is no vector file
        raise VectorError(f"{path} cannot be read as a vector layer: {error}") from error
    if layer.crs is None:
        raise VectorError(
            f"{path} has no CRS (a missing .prj?); give it one: ogr2ogr -a_srs EPSG:n"
        )
    return layer


def _write(
    layer: Any, out_path: str | Path, *, inputs: Sequence[str | Path], overwrite: bool
) -> Path:
    out = Path(out_path)
    with scratch_folder(out) as folder:
        may_replace(out, overwrite=overwrite, inputs=inputs)
        try:
            layer.to_file(folder / out.name, engine="pyogrio")
        except (DataSourceError, DataLayerError, ValueError) as error:
            raise WriteError(f"cannot write {out}: {error}{hint_if_full(out.parent)}") from error
        with writing(out):
            # A shapefile is several files; the one that names it appears last.
            for made in sorted(folder.iterdir(), key=lambda file: file.name == out.name):
                publish(made, out.with_name(made.name))
    return out
