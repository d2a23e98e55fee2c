"""geoloom train"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import common, do, pairs, plugins, scalar
from ..parameters import argument, flag, option
from ..verb import verb

_HOW = "How it learns"
_DATA = "What it sees"


@verb("geoloom train chips.zarr model/ --model fcn8s --width 0.25 -e 50")
@argument(
    "chips", help="Chip store, from `geoloom chips`; or a folder of pictures in folders of classes."
)
@argument("out", help="Model folder to make.")
@option(
    "--task",
    "-t",
    help="What is learned, by default what the labels are: segmentation (classes of "
    "pixels), classification (of images) or pixel_regression (values of pixels).",
)
@option("--model", "-m", help="Network; `geoloom models` lists them.", default="unet")
@option(
    "--width", help="Multiplies the network's channels: 0.25 for a CPU, 1 as published.", kind=float
)
@option("--dropout", help="Chance that a deep channel is left out.", kind=float)
@option(
    "--option", help="Another option of the network. Repeatable.", many=True, metavar="NAME=VALUE"
)
@option(
    "--weights",
    help="What the network begins with: pretrained weights by name, as `geoloom weights list` has them; "
    "imagenet, for networks of timm and smp; or a model folder or a file of weights.",
    metavar="NAME|PATH",
)
@option(
    "--missing-bands",
    help="What a band gets that the weights do not know: mean, zeros or fresh.",
    default="mean",
)
@option(
    "--weights-bands",
    help="Of a file of weights: what it was trained on, such as red,green,blue.",
    metavar="BANDS",
)
@option("--epochs", "-e", help="Passes over the chips.", kind=int, default=50, section=_HOW)
@option(
    "--batch-size", "-b", help="Chips per step, of all devices.", kind=int, default=16, section=_HOW
)
@option(
    "--learning-rate", help="The highest of the schedule.", kind=float, default=3e-3, section=_HOW
)
@option(
    "--schedule",
    help="one_cycle, cosine, exponential or constant.",
    default="one_cycle",
    section=_HOW,
)
@option("--decay-rate", help="Factor of exponential.", kind=float, default=0.1, section=_HOW)
@option("--decay-steps", help="Steps over which exponential decays by it.", kind=int, section=_HOW)
@option("--weight-decay", help="Pull of the weights to 0.", kind=float, default=1e-2, section=_HOW)
@option(
    "--average",
    help="Keep the weights' mean over this share of the training; 0.1 steadies scores.",
    kind=float,
    default=0.0,
    section=_HOW,
)
@option(
    "--keep",
    help="Weights kept: best, of the epoch with the lowest validation loss; or last.",
    default="best",
    section=_HOW,
)
@option(
    "--loss",
    help="crossentropy, dice, ... of classes; mse, mae, ... of values; with options, and in sums: "
    "ce+0.5*tversky:alpha=0.3,beta=0.7.",
    section=_HOW,
)
@option(
    "--label-smoothing",
    help="Of crossentropy: 0.1 for labels with errors.",
    kind=float,
    default=0.0,
    section=_HOW,
)
@option("--class-weights", help="balanced, sqrt, ..., or a number per class: 1,2,1.", section=_HOW)
@option("--early-stopping", help="Stop after so many epochs without gain.", kind=int, section=_HOW)
@option(
    "--recipe",
    help="Settings for few labels, where none are given: auto, if labels are few; few_labels; or none.",
    default="auto",
    section=_HOW,
)
@flag(
    "--baseline",
    help="Also score a random forest of pixels on the same chips: what the network has to beat.",
    section=_HOW,
)
@option("--val", help="Another chip store to choose the weights on.", kind=Path, section=_HOW)
@option("--seed", help="Source of chance.", kind=int, default=0, section=_HOW)
@option(
    "--normalize",
    help="mean_std, median_std, norm_range, reduce_sr or per_image.",
    default="mean_std",
    section=_DATA,
)
@option("--size", help="Of pictures: resize each to this side, pixels.", kind=int, section=_DATA)
@option(
    "--augment",
    help="rot90, rot180, rot270, flip_left_right, flip_up_down, flip_transpose; all (if not given) or none; "
    "and further ones: rotate:degrees=30, resized_crop, noise, jitter, mixup, ... Repeatable.",
    many=True,
    section=_DATA,
)
@option(
    "--augment-mode",
    help="random: at most one of them a chip and epoch. copies: each of them of every chip.",
    default="random",
    section=_DATA,
)
@option(
    "--jitter",
    help="Random gain and offset of each band: 0.2 for scenes under another light; short for --augment "
    "jitter:strength=0.2.",
    kind=float,
    default=0.0,
    section=_DATA,
)
@option("--device", help="auto, cpu or cuda.", default="auto")
@option("--devices", help="How many train together; auto for all GPUs.", kind=str, default=1)
@option("--precision", help="auto, float32, bfloat16 or float16.", default="auto")
@flag("--resume", help="Go on with a training that was stopped.")
@plugins
@common
@click.pass_context
def train(
    context: click.Context, /, option: tuple[str, ...], class_weights: str | None, **others: Any
) -> None:
    """Train a network on chips, or on pictures in folders of their classes.

    The model folder holds the weights and all that prediction needs: bands, normalisation, classes, colours.
    """
    options = pairs("--option", option)
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
