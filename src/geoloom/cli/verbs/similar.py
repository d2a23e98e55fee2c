"""geoloom similar"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import area, common, do
from ..parameters import argument, flag, option
from ..verb import verb

_STORED = "What the numbers mean"
_PIXELS = "Which pixels the map has"


@verb(
    "geoloom similar features.tif -51.20,-3.40 similar.tif",
    "geoloom similar alphaearth/ plots.gpkg similar.tif --quantization alphaearth --when 2024",
    "geoloom similar embeddings.tif plots.csv distance.tif --metric euclidean --roi park.gpkg",
)
@argument("embeddings", help="Rasters of vectors: files, folders or patterns.", many=True)
@argument(
    "place",
    help="Longitude,latitude in degrees; or a vector file or CSV of points, whose mean counts.",
    metavar="PLACE",
)
@argument("out", help="Map to write, a COG; a folder, with --per-scene.")
@option(
    "--metric",
    help="cosine: -1 to 1. dot: the product. euclidean: a distance.",
    default="cosine",
)
@option(
    "--quantization",
    help="alphaearth; linear:SCALE,OFFSET; power:SCALE,POWER. Default: as the files declare.",
    section=_STORED,
)
@option("--nodata", help="Unobserved value, if untagged.", kind=float, section=_STORED)
@option("--when", help="Of dated files: 2024, or 2023/2024.")
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
@option("--crs", help="CRS of the map, where not the files'.", section=_PIXELS)
@option(
    "--resolution", help="Side of its pixels, in units of its CRS.", kind=float, section=_PIXELS
)
@option("--like", help="A raster whose pixels the map shall have.", kind=Path, section=_PIXELS)
@flag("--per-scene", help="A map of each file, on its own pixels, into a folder.", section=_PIXELS)
@option("--tile", help="Side of a tile, pixels.", kind=int, default=256)
@common
@click.pass_context
def similar(context: click.Context, /, roi: str | None, place: Path, **others: Any) -> None:
    """Map where it is like at a place, by embeddings: how alike each pixel's vector is to the place's.

    Of several places the mean counts. A run that was stopped goes on where it was.
    """
    do("similar", context, roi=area(roi), place=str(place))
