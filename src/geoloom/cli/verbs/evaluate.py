"""geoloom evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import Debug, Json, Overwrite, Quiet, do

_TRUTH = "With truth for a scene or a map"


def evaluate(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="model", help="Model folder; or a finished map.")
    ],
    chips: Annotated[
        Path,
        typer.Argument(
            metavar="chips",
            help="Chip store; or, with --truth, a scene; or, for a map, its truth.",
        ),
    ],
    split: Annotated[
        str, typer.Option(help="Which chips of the store: train, val or test.")
    ] = "test",
    truth: Annotated[
        Path | None,
        typer.Option(help="Labels of a scene, raster or polygons.", rich_help_panel=_TRUTH),
    ] = None,
    class_field: Annotated[
        str | None,
        typer.Option(help="Of polygons: the field that tells the class.", rich_help_panel=_TRUTH),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="Of polygons: the field's values for the map's next class (a,b for two). Repeatable.",
            rich_help_panel=_TRUTH,
        ),
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option(
            help="Where to count: left, right, top or bottom half; left,bottom,right,top; or a file.",
            rich_help_panel=_TRUTH,
        ),
    ] = None,
    probabilities: Annotated[
        Path | None,
        typer.Option(help="Of a map: its probabilities, for curves.", rich_help_panel=_TRUTH),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="JSON to write; <model>.<split>.json if not given."),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", help="Chips at once.")] = 16,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score a model on chips that it has not seen, or a map against truth.

    Every pixel of the ground counts once, in one matrix. The figures go into a JSON file and a text.
    """
    subject: dict[str, Any] = {"model": model, "chips": chips, "truth": truth}
    if model.is_file():
        subject = {"map": model, "truth": truth or chips, "model": None, "chips": None}
    elif truth is not None:
        subject = {"model": model, "scene": chips, "truth": truth, "chips": None}
    area: Any = roi.split(",") if roi and "," in roi else roi
    if isinstance(area, list) and len(area) != 4:
        raise typer.BadParameter(
            f"found {roi}; expected four numbers: left,bottom,right,top", param_hint="--roi"
        )
    groups = [tuple(text.split(",")) for text in group or []]
    do("evaluate", context, **subject, groups=groups, roi=area, group=None)
