"""geoloom predict"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import common, do
from ..parameters import argument, flag, option
from ..verb import verb


@verb(
    "geoloom predict model/ scene.tif map.tif --vector map.gpkg",
    "geoloom predict model/ scene.tif map.tif --engine dask --workers 4",
)
@argument("model", help="Model folder.")
@argument("scene", help="Scene to map, of any size.")
@argument("out", help="Map to write: cloud-optimised GeoTIFF.")
@option("--probabilities", help="Write the class probabilities too, one band per class.", kind=Path)
@option("--vector", help="Write the map's polygons too, as a GeoPackage.", kind=Path)
@option("--tile", help="Side of a tile, pixels.", kind=int, default=512)
@option("--halo", help="Context around a tile, pixels.", kind=int, default=64)
@option("--blend", help="cosine: blend overlaps. crop: use each tile's middle.", default="cosine")
@flag("--tta", help="Average over a tile's eight orientations; eight times slower.")
@option(
    "--batch-size",
    "-b",
    help="Tiles a step; 1 on a processor and 4 on a GPU if not given.",
    kind=int,
)
@option("--device", help="auto, cpu or cuda.", default="auto")
@option("--precision", help="auto, float32, bfloat16 or float16.", default="auto")
@option("--nodata", help="Unobserved value of the scene, if untagged.", kind=float)
@option("--unit", help="What the scene's numbers are, if untagged: surface_reflectance, DN, ...")
@option("--crs", help="Instead of the scene's missing or wrong CRS.")
@option("--engine", help="local: this process. dask: a cluster.", default="local")
@option("--scheduler", help="Address of a Dask scheduler; default: a local cluster.")
@option("--workers", help="Processes of the local cluster.", kind=int, default=2)
@common
@click.pass_context
def predict(context: click.Context, /, **others: Any) -> None:
    """Map a whole scene with a model, on the scene's own grid.

    A run that was stopped goes on where it was when the same command is given again.
    """
    do("predict", context)
