"""geoloom chips"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do, pairs, scalar

_WHERE = "Where chips are cut"
_APART = "How training and test are kept apart"


def chips(
    context: typer.Context,
    scene: Annotated[
        Path, typer.Argument(help="Scene to cut: a raster, a folder of scenes, a STAC index.")
    ],
    labels: Annotated[Path, typer.Argument(help="Labels, on any grid: a raster or polygons.")],
    out: Annotated[Path, typer.Argument(help="Chip store to write: a folder, *.zarr.")],
    more: Annotated[
        list[str] | None,
        typer.Option(metavar="SCENE=LABELS", help="Another scene with its labels. Repeatable."),
    ] = None,
    size: Annotated[int, typer.Option("--size", "-s", help="Side of a chip, pixels.")] = 256,
    strategy: Annotated[
        str,
        typer.Option(
            help="random, sequential (covers everything) or centroids (around points).",
            rich_help_panel=_WHERE,
        ),
    ] = "random",
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-n",
            help="Chips wanted, for random; 1000 if not given.",
            rich_help_panel=_WHERE,
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            help="Pixels from chip to chip, for sequential; the size if not given.",
            rich_help_panel=_WHERE,
        ),
    ] = None,
    points: Annotated[
        Path | None, typer.Option(help="Vector file, for centroids.", rich_help_panel=_WHERE)
    ] = None,
    class_of_interest: Annotated[
        list[str] | None,
        typer.Option(help="Centre random chips on this class. Repeatable.", rich_help_panel=_WHERE),
    ] = None,
    balanced: Annotated[
        bool,
        typer.Option(
            "--balanced", help="As many random chips centred on each class.", rich_help_panel=_WHERE
        ),
    ] = False,
    min_valid: Annotated[
        float,
        typer.Option(
            help="Least share of a chip that is observed and labelled.", rich_help_panel=_WHERE
        ),
    ] = 0.1,
    split: Annotated[
        str,
        typer.Option(
            help="block (whole blocks of land), regions (--region), random or none.",
            rich_help_panel=_APART,
        ),
    ] = "block",
    test: Annotated[float, typer.Option(help="Share for the test.", rich_help_panel=_APART)] = 0.2,
    val: Annotated[
        float, typer.Option(help="Share for the validation.", rich_help_panel=_APART)
    ] = 0.2,
    block_px: Annotated[
        int | None, typer.Option(help="Side of a block, pixels.", rich_help_panel=_APART)
    ] = None,
    buffer_px: Annotated[
        int | None, typer.Option(help="Gap between splits, pixels.", rich_help_panel=_APART)
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPLIT=PART",
            help="train=left and test=right; or fractions left, top, right, bottom: test=0.5,0,1,1.",
            rich_help_panel=_APART,
        ),
    ] = None,
    bands: Annotated[
        list[str] | None, typer.Option("--band", help="Band to keep, number or name. Repeatable.")
    ] = None,
    nodata: Annotated[
        float | None, typer.Option(help="Unobserved value of the scene, if untagged.")
    ] = None,
    label_nodata: Annotated[
        float | None, typer.Option(help="Unlabelled value of the labels, if untagged.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Source of chance.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Cut chips from scenes and their label rasters, divided for training and test by land.

    The store keeps pixels in their own type and knows where each chip lies.
    """
    extra = pairs("--more", more) or {}
    parts = pairs("--region", region) or {}
    do(
        "chips",
        context,
        scene=[scene, *extra],
        labels=[labels, *extra.values()],
        bands=[scalar(band) for band in bands or []],
        regions={name: part.split(",") if "," in part else part for name, part in parts.items()},
        more=None,
        region=None,
    )
