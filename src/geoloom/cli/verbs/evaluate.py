"""geoloom evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do


def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    chips: Annotated[Path, typer.Argument(help="Chip store, or with --truth a scene.")],
    truth: Annotated[
        Path | None,
        typer.Option(help="Label raster to score a whole scene against."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Which chips of the store: train, test or valid.")
    ] = "test",
    out: Annotated[
        Path | None,
        typer.Option(help="JSON to write; default: <model>.<split>.json.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score a model on chips that it has not seen."""
    do("evaluate", context)
