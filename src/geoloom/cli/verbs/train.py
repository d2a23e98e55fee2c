"""geoloom train"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do, pairs, scalar

_HOW = "How it learns"
_DATA = "What it sees"


def train(
    context: typer.Context,
    chips: Annotated[Path, typer.Argument(help="Chip store, from `geoloom chips`.")],
    out: Annotated[Path, typer.Argument(help="Model folder to make.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Network; `geoloom models` lists them.")
    ] = "unet",
    width: Annotated[
        float | None,
        typer.Option(help="Multiplies the network's channels: 0.25 for a CPU, 1 as published."),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Chance that a deep channel is left out.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another option of the network. Repeatable."),
    ] = None,
    epochs: Annotated[
        int, typer.Option("--epochs", "-e", help="Passes over the chips.", rich_help_panel=_HOW)
    ] = 50,
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", help="Chips a step.", rich_help_panel=_HOW)
    ] = 16,
    learning_rate: Annotated[
        float, typer.Option(help="The highest of the schedule.", rich_help_panel=_HOW)
    ] = 3e-3,
    schedule: Annotated[
        str,
        typer.Option(help="one_cycle, cosine, exponential or constant.", rich_help_panel=_HOW),
    ] = "one_cycle",
    decay_rate: Annotated[
        float, typer.Option(help="Factor of exponential.", rich_help_panel=_HOW)
    ] = 0.1,
    decay_steps: Annotated[
        int | None,
        typer.Option(help="Steps over which exponential decays by it.", rich_help_panel=_HOW),
    ] = None,
    weight_decay: Annotated[
        float, typer.Option(help="Pull of the weights to 0.", rich_help_panel=_HOW)
    ] = 1e-2,
    average: Annotated[
        float,
        typer.Option(
            help="Keep the weights' mean over this share of the training; 0.1 steadies scores.",
            rich_help_panel=_HOW,
        ),
    ] = 0.0,
    loss: Annotated[
        str, typer.Option(help="crossentropy, dice, focal, ...", rich_help_panel=_HOW)
    ] = "crossentropy",
    label_smoothing: Annotated[
        float,
        typer.Option(help="Of crossentropy: 0.1 for labels with errors.", rich_help_panel=_HOW),
    ] = 0.0,
    class_weights: Annotated[
        str | None,
        typer.Option(help="balanced, sqrt, ..., or a number a class: 1,2,1.", rich_help_panel=_HOW),
    ] = None,
    early_stopping: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without gain.", rich_help_panel=_HOW),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(help="Another chip store to choose the weights on.", rich_help_panel=_HOW),
    ] = None,
    seed: Annotated[int, typer.Option(help="Source of chance.", rich_help_panel=_HOW)] = 0,
    normalize: Annotated[
        str,
        typer.Option(
            help="mean_std, median_std, norm_range, reduce_sr or per_image.", rich_help_panel=_DATA
        ),
    ] = "mean_std",
    augment: Annotated[
        list[str] | None,
        typer.Option(
            help="rot90, rot180, rot270, flip_left_right, flip_up_down, flip_transpose; "
            "all (if not given) or none. Repeatable.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    augment_mode: Annotated[
        str,
        typer.Option(
            help="random: at most one of them a chip and epoch. copies: each of them of every chip.",
            rich_help_panel=_DATA,
        ),
    ] = "random",
    jitter: Annotated[
        float,
        typer.Option(
            help="Random gain and offset of each band: 0.2 for scenes under another light.",
            rich_help_panel=_DATA,
        ),
    ] = 0.0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was stopped.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network on chips.

    The model folder holds the weights and all that prediction needs: bands, normalisation, classes, colours.
    """
    options = pairs("--option", option) or {}
    weights: str | list[str] | None = class_weights
    if class_weights and class_weights[0].isdigit():
        weights = class_weights.split(",")
    do(
        "train",
        context,
        options={name: scalar(value) for name, value in options.items()},
        class_weights=weights,
        option=None,
    )
