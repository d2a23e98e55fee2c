"""geoloom rasterize"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import common, do, pairs
from ..parameters import argument, flag, option
from ..verb import verb


@verb(
    "geoloom rasterize labels.shp scene.tif labels.tif --class-field class",
    "geoloom rasterize prodes.shp scene.tif labels.tif -f agregClass -c forest=FLORESTA "
    "-c deforestation=DESMATAMENTO",
    "geoloom rasterize points.csv scene.tif labels.tif -f class --radius 30",
    "geoloom rasterize crowns.gpkg scene.tif labels.tif --burn tree --background other",
)
@argument(
    "labels", help="Vector layer in any CRS: shapefile, GeoPackage, GeoJSON; or a CSV of points."
)
@argument("scene", help="Scene whose pixels are to be labelled.")
@argument("out", help="Label raster to write: GeoTIFF.")
@option("--class-field", "-f", help="Field that gives the class; class if not given.")
@option(
    "--class",
    "-c",
    "classes",
    help="A class and the field's values that mean it: forest=FLORESTA,MATA; or just a "
    "value. Repeatable, in the order of the codes. Default: every value, sorted.",
    many=True,
    metavar="NAME=VALUES",
)
@option("--other", help="Name of a class for all other features; left out if not given.")
@option("--burn", help="Name of the one class of all features, instead of a field.")
@option("--background", help="Name of a class for pixels without a feature; not drawn in maps.")
@option(
    "--background-within",
    help="Areas where these are of the background: a vector layer. Default: everywhere.",
    kind=Path,
)
@option(
    "--radius",
    help="Metres on the ground around points and lines. Default: the pixels right under them.",
    kind=float,
)
@option(
    "--color",
    help="A class's colour, or transparent, in the raster and in all maps made from it. Repeatable.",
    many=True,
    metavar="NAME=#RRGGBB",
)
@flag("--all-touched", help="Label every pixel touched, not only by its centre.")
@option("--layer", help="Which layer of the file.")
@option("--where", help='Only features for which this holds: "year = 2016".')
@option("--assume-crs", help="Instead of the layer's missing or wrong CRS.")
@common
@click.pass_context
def rasterize(
    context: click.Context, /, classes: tuple[str, ...], color: tuple[str, ...], **others: Any
) -> None:
    """Burn a vector layer's classes onto a scene's pixels.

    Codes are 1, 2, ... in the order of the classes; 0 is unlabelled. Names and colours go into the file.
    """
    groups: dict[str, list[str]] = {}
    for text in classes:
        name, _, values = text.partition("=")
        if name in groups:
            raise click.BadParameter(
                f"{name} is given twice; write all its values at once: {name}=A,B",
                param_hint="--class",
            )
        groups[name] = values.split(",") if values else [name]
    colors = pairs("--color", color)
    do("rasterize", context, classes=groups, colors=colors, color=None)
