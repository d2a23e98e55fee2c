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
    scene: Annotated[Path | None, typer.Option(help="Scene to show below the map.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Labels to score the map against.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Put map, accuracy, curves and areas into one HTML file that works offline."""
    do("report", context)
