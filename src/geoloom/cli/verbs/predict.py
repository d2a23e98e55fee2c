"""geoloom predict"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..network_facts import network_facts
from ..options import HOW, area, common, do, plugins
from ..parameters import argument, flag, option
from ..verb import verb

_SCENES = "What is mapped"
_SMOOTH = "Smoothing"
_PIXELS = "Which pixels the map has"


@verb(
    "geoloom predict model/ scene.tif map.tif --vector map.gpkg",
    "geoloom predict model/ B04.tif B08.tif map.tif --join bands",
    "geoloom predict model/ scenes/ map.tif --when 2019-07 --roi park.gpkg",
    "geoloom predict model/ scene.tif map.tif --engine dask --workers 4",
    "geoloom predict net.onnx scene.tif map.tif --bands red,nir --scale 1e-4 --mean 0 --std 1 --classes a,b",
)
@argument("model", help="Model folder, or ONNX file.")
@argument(
    "scene",
    help="Scene of any size; several files; a folder of scenes; of a model per image also chips or pictures.",
    many=True,
)
@argument(
    "out", help="Map to write, a COG; a folder, with --per-scene; a table, of chips or pictures."
)
@option(
    "--output",
    help="map: its answers. features: of a network per image, the numbers behind them.",
    default="map",
)
@option("--probabilities", help="Write the class probabilities too, one band per class.", kind=Path)
@option("--vector", help="Write the map's polygons too, as a GeoPackage.", kind=Path)
@option(
    "--min-area",
    help="Hectares of the smallest polygon; smaller ones join a neighbour.",
    kind=float,
)
@option(
    "--smooth", help="majority: most frequent class around. bayes: probabilities.", section=_SMOOTH
)
@option(
    "--smooth-window",
    help="Side of the window, odd; 3 pixels for majority, 7 for bayes.",
    kind=int,
    section=_SMOOTH,
)
@option(
    "--smoothness",
    help="Of bayes: the larger, the more neighbours count.",
    kind=float,
    default=10.0,
    section=_SMOOTH,
)
@option(
    "--smooth-fraction",
    help="Of bayes: share of neighbours that count, the likeliest.",
    kind=float,
    default=0.5,
    section=_SMOOTH,
)
@option("--join", help="Several files are: mosaic, bands or dates.", section=_SCENES)
@option("--when", help="Of a folder: 2019-07, or 2019-06/2019-08.", section=_SCENES)
@option("--assume-crs", help="Instead of the files' missing or wrong CRS.", section=_SCENES)
@option("--nodata", help="Unobserved value, if untagged.", kind=float, section=_SCENES)
@option(
    "--unit",
    help="What the scene's numbers are, if untagged: surface_reflectance, DN, ...",
    section=_SCENES,
)
@option(
    "--roi",
    help="Area to map: west,south,east,north in degrees; or a vector file.",
    section=_PIXELS,
)
@option(
    "--roi-crs",
    help="CRS of a roi of four numbers, then left,bottom,right,top: EPSG:32633.",
    section=_PIXELS,
)
@option("--crs", help="CRS of the map, where not the scenes'.", section=_PIXELS)
@option(
    "--resolution", help="Side of its pixels, in units of its CRS.", kind=float, section=_PIXELS
)
@option("--like", help="A raster whose pixels the map shall have.", kind=Path, section=_PIXELS)
@flag(
    "--per-scene",
    help="A map of each scene, on its own pixels, into a folder.",
    section=_PIXELS,
)
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
@option(
    "--window",
    help="Of a model per image: side of what it sees, pixels; as trained if not given.",
    kind=int,
    section=_PIXELS,
)
@option(
    "--stride",
    help="Of a model per image: pixels from window to window; the window if not given.",
    kind=int,
    section=_PIXELS,
)
@option(
    "--min-valid",
    help="Of a model per image: least share of a window that is observed.",
    kind=float,
    default=0.25,
    section=_PIXELS,
)
@option("--device", help="auto, cpu or cuda.", default="auto")
@option("--precision", help="auto, float32, bfloat16 or float16.", default="auto")
@option("--engine", help="local: this process. dask: a cluster.", default="local")
@option("--scheduler", help="Address of a Dask scheduler; default: a local cluster.")
@option("--workers", help="Processes of the local cluster.", kind=int, default=2)
@network_facts
@flag("--dry-run", help="Tell what would be read and done, and stop.", section=HOW)
@plugins
@common
@click.pass_context
def predict(context: click.Context, /, roi: str | None, **others: Any) -> None:
    """Map scenes with a model, on their own pixels or on a grid of choice.

    A run that was stopped goes on where it was when the same command is given again.
    """
    do("predict", context, roi=area(roi))
