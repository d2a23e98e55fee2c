"""geoloom export"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import common, do, plugins
from ..parameters import argument, option
from ..verb import verb


@verb(
    "geoloom export model/ model.onnx",
    "geoloom export model/ plugin.onnx --format deepness --tile-size 256",
    "geoloom export model/ model.pt2",
    "geoloom export model/ item.json",
)
@argument("model", help="Model folder, from `geoloom train`.")
@argument("out", help="File to write: *.onnx, *.pt2 (torch) or *.json (STAC item).")
@option(
    "--format",
    help="onnx; deepness: ONNX for the QGIS plugin; torch; mlm: a STAC item. Default: by the ending.",
)
@option(
    "--tile-size",
    help="Side of the only tiles that the file takes, pixels. Default: any; for deepness, that of the chips.",
    kind=int,
)
@option(
    "--dates",
    help="Of a model of series: how many dates it takes, where its graph needs to know.",
    kind=int,
)
@option(
    "--file",
    help="Of mlm: the exported file that it describes, made if not there. Default: an ONNX file beside it.",
    kind=Path,
)
@plugins
@common
@click.pass_context
def export(context: click.Context, /, **others: Any) -> None:
    """Write a model as a file that runs without geoloom, from stored numbers to finished answers.

    ONNX, a program of torch, or a STAC item with the Machine Learning Model extension beside an ONNX file.
    """
    do("export", context)
