"""geoloom report"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do


def report(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    map_: Annotated[Path, typer.Argument(metavar="map", help="Map, from `geoloom predict`.")],
    out: Annotated[Path, typer.Argument(help="HTML file to write.")],
    scene: Annotated[
        Path | None,
        typer.Option(help="Scene to show; the one that was mapped if not given."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Labels, raster or polygons, to compare the whole map with."),
    ] = None,
    accuracy: Annotated[
        Path | None,
        typer.Option(
            help="JSON from `geoloom evaluate`; those beside model, map and report if not given."
        ),
    ] = None,
    chips: Annotated[
        Path | None,
        typer.Option(help="Chip store; the one that the model was trained on if not given."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Put map, accuracy, curves and areas into one HTML file that works offline."""
    do("report", context, map=map_, map_=None)
