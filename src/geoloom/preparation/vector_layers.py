"""Vector layers from file to file: merged, reprojected, written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataLayerError, DataSourceError

from ..core.errors import VectorError
from ..core.files import may_replace, scratch_folder, writing
from ..core.grid import crs_name
from ..core.publish import publish
from ..io.headers.header import read_header

Frame = Any
"""A GeoDataFrame: geopandas ships no types."""


def merge_layers(files: Sequence[str | Path], out: str | Path, *, overwrite: bool = False) -> Path:
    """Put the features of several files into one, in the CRS of the first. Attributes are kept.

    Args:
        files: Vector files, in any CRSs.
        out: File to write; its suffix gives the format (gpkg, shp, geojson).
        overwrite: Replace the file.

    Raises:
        VectorError: there is no file, or one cannot be read or has no CRS.
        WriteError: the output exists, or is an input.
    """
    if isinstance(files, str | Path) or not files:
        raise VectorError(f"expected a list of vector files, found {files!r}")
    layers = [_read(path) for path in files]
    crs = layers[0].crs
    merged = pd.concat([layer.to_crs(crs) for layer in layers], ignore_index=True)
    return write_layer(gpd.GeoDataFrame(merged, crs=crs), out, inputs=files, overwrite=overwrite)


def reproject_layer(
    layer: str | Path, like: str | Path, out: str | Path, *, overwrite: bool = False
) -> Path:
    """Bring a vector layer into the CRS of a raster, point by point.

    Args:
        layer: Vector file.
        like: The raster whose CRS is taken.
        out: File to write.
        overwrite: Replace the file.

    Raises:
        VectorError: the layer cannot be read or has no CRS.
        ReadError: the raster cannot be read.
        WriteError: the output exists, or is an input.
    """
    crs = crs_name(read_header(like).grid.crs)
    frame = _read(layer).to_crs(crs)
    return write_layer(frame, out, inputs=(layer, like), overwrite=overwrite)


def write_layer(
    frame: Frame,
    out: str | Path,
    *,
    inputs: Sequence[str | Path] = (),
    overwrite: bool = False,
) -> Path:
    """Write features to a file of any format that GDAL writes, by its suffix.

    Raises:
        WriteError: the file exists, is an input, or cannot be written.
    """
    target = Path(out)
    with scratch_folder(target) as folder:
        may_replace(target, overwrite=overwrite, inputs=inputs)
        with writing(target, DataSourceError, DataLayerError, ValueError):
            frame.to_file(folder / target.name, engine="pyogrio")
            # A shapefile is several files; the one that names it appears last.
            for made in sorted(folder.iterdir(), key=lambda file: file.name == target.name):
                publish(made, target.with_name(made.name))
    return target


def _read(path: str | Path) -> Frame:
    try:
        frame = gpd.read_file(path)
    except Exception as error:  # pyogrio raises several kinds for what is not a vector file
        raise VectorError(f"{path} cannot be read as a vector layer: {error}") from error
    if frame.crs is None:
        raise VectorError(
            f"{path} has no CRS (a missing .prj?); give it one: ogr2ogr -a_srs EPSG:n"
        )
    return frame
