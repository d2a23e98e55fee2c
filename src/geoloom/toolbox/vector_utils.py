"""Vector layers merged and reprojected, and chips as outlines, under the paper's names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
from shapely.geometry import Polygon

from ..chips.store import ChipStore
from ..core.errors import ChipError
from ..preparation.vector_layers import merge_layers, reproject_layer, write_layer


def merge_vector_layers(
    files: Sequence[str | Path], out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Put the features of several files into one, in the CRS of the first. Attributes are kept.

    `geoloom.preparation.vector_layers.merge_layers` explains the arguments, and what it raises.
    """
    return merge_layers(files, out_path, overwrite=overwrite)


def reproj_shape_to_raster(
    shp_file: str | Path, raster_file: str | Path, out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Bring a vector layer into the CRS of a raster, point by point.

    `geoloom.preparation.vector_layers.reproject_layer` says what it raises.
    """
    return reproject_layer(shp_file, raster_file, out_path, overwrite=overwrite)


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
    return write_layer(frame, out_path, inputs=(store.path,), overwrite=overwrite)


def _outline(store: ChipStore, i: int) -> Polygon:
    a, b, c, d, e, f = store.transform(i)
    height, width = store.size
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    return Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
