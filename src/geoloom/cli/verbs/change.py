"""geoloom change"""

from __future__ import annotations

from typing import Any

import click

from ..options import class_codes, class_colors, codes, common, do, pairs
from ..parameters import argument, flag
from ..verb import verb


@verb(
    "geoloom change 2015.tif 2020.tif change.tif",
    "geoloom change 2015.tif 2020.tif change.tif --class 1=forest --class 2=pasture --align",
)
@argument("before", help="Map of classes, the earlier one.")
@argument("after", help="The later one, on the same pixels.")
@argument("out", help="Map of changes to write: GeoTIFF.")
@class_codes
@class_colors
@flag("--align", help="Read the later map on the earlier one's pixels, each the nearest.")
@common
@click.pass_context
def change(
    context: click.Context, /, classes: tuple[str, ...], color: tuple[str, ...], **others: Any
) -> None:
    """Compare two maps of classes: what became what, where, and how many hectares.

    The matrix of areas is printed and goes beside the map, as CSV and JSON.
    """
    do("change", context, classes=codes(classes), colors=pairs("--color", color), color=None)
