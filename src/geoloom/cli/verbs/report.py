"""geoloom report"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import common, do
from ..parameters import argument, option
from ..verb import verb


@verb("geoloom report model/ map.tif report.html --truth labels.gpkg")
@argument("model", help="Model folder.")
@argument("map_", help="Map, from `geoloom predict`.", metavar="MAP")
@argument("out", help="HTML file to write.")
@option("--scene", help="Scene to show; the one that was mapped if not given.", kind=Path)
@option("--truth", help="Labels or measurements to compare the whole map with.", kind=Path)
@option(
    "--accuracy",
    help="JSON from `geoloom evaluate`; those beside model, map and report if not given.",
    kind=Path,
)
@option(
    "--chips", help="Chip store; the one that the model was trained on if not given.", kind=Path
)
@common
@click.pass_context
def report(context: click.Context, /, map_: Path, **others: Any) -> None:
    """Put map, accuracy, curves and areas into one HTML file that works offline."""
    do("report", context, map=map_, map_=None)
