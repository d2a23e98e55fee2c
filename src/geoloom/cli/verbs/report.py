"""geoloom report"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import class_codes, class_colors, codes, common, do, pairs
from ..parameters import argument, option
from ..verb import verb


@verb("geoloom report model/ map.tif report.html --truth labels.gpkg")
@argument("model", help="Model folder.")
@argument(
    "map_",
    help="Map or table of answers, from `geoloom predict`; not needed where images are answered as a whole.",
    metavar="[MAP]",
)
@argument("out", help="HTML file to write.", metavar="OUT", optional=True)
@option("--scene", help="Scene to show; the one that was mapped if not given.", kind=Path)
@option("--truth", help="Labels or measurements to compare the whole map with.", kind=Path)
@option(
    "--accuracy",
    help="JSON from `geoloom evaluate`; those beside model, map and report if not given.",
    kind=Path,
)
@option(
    "--chips",
    help="Chip store or folder of pictures; that of the training if not given.",
    kind=Path,
)
@option(
    "--bands",
    help="Bands of the scene to show besides: one, or red,green,blue; names or numbers.",
)
@class_codes
@class_colors
@common
@click.pass_context
def report(
    context: click.Context,
    /,
    map_: Path,
    out: Path | None,
    bands: str | None,
    classes: tuple[str, ...],
    color: tuple[str, ...],
    **others: Any,
) -> None:
    """Put map, accuracy, curves and areas into one HTML file that works offline."""
    given, page = (None, map_) if out is None else (map_, out)
    chosen = None if bands is None else [band.strip() for band in bands.split(",")]
    do(
        "report",
        context,
        map=given,
        map_=None,
        out=page,
        bands=chosen,
        classes=codes(classes),
        colors=pairs("--color", color),
        color=None,
    )
