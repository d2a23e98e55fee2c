"""geoloom rasterize"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do, pairs


def rasterize(
    context: typer.Context,
    labels: Annotated[
        Path, typer.Argument(help="Vector layer in any CRS: shapefile, GeoPackage, GeoJSON.")
    ],
    scene: Annotated[Path, typer.Argument(help="Scene whose pixels are to be labelled.")],
    out: Annotated[Path, typer.Argument(help="Label raster to write: GeoTIFF.")],
    class_field: Annotated[
        str, typer.Option("--class-field", "-f", help="Field that tells the class.")
    ] = "class",
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            "-c",
            metavar="NAME=VALUES",
            help="A class and the field's values that mean it: forest=FLORESTA,MATA; or just a "
            "value. Repeatable, in the order of the codes. Default: every value, sorted.",
            show_default=False,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(help="Name of a class for all other features; left out if not given."),
    ] = None,
    color: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=#RRGGBB",
            help="A class's colour in the raster and in all maps made from it. Repeatable.",
        ),
    ] = None,
    all_touched: Annotated[
        bool,
        typer.Option("--all-touched", help="Label every pixel touched, not only by its centre."),
    ] = False,
    layer: Annotated[str | None, typer.Option(help="Which layer of the file.")] = None,
    where: Annotated[
        str | None, typer.Option(help='Only features for which this holds: "year = 2016".')
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="In place of the layer's missing or wrong CRS.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Burn a vector layer's classes onto a scene's pixels.

    Codes are 1, 2, ... in the order of the classes; 0 is unlabelled. Names and colours go into the file.
    """
    groups: dict[str, list[str]] = {}
    for text in classes or []:
        name, _, values = text.partition("=")
        if name in groups:
            raise typer.BadParameter(
                f"{name} is given twice; write all its values at once: {name}=A,B",
                param_hint="--class",
            )
        groups[name] = values.split(",") if values else [name]
    colors = pairs("--color", color)
    do("rasterize", context, classes=groups, colors=colors, color=None)
