"""geoloom chips"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import class_codes, class_colors, codes, common, do, pairs, scalar
from ..parameters import argument, flag, option
from ..verb import verb

_WHERE = "Where chips are cut"
_APART = "How training and test are kept apart"


@verb(
    "geoloom chips scene.tif labels.tif chips.zarr --size 256 --count 2000",
    "geoloom chips scene.tif labels.tif chips.zarr --split regions --region train=left "
    "--region test=right",
    "geoloom chips scene.tif heights.tif chips.zarr --label-kind values",
)
@argument("scene", help="Scene to cut: a raster, a folder of scenes, a STAC index.")
@argument("labels", help="Labels, on any grid: a raster or polygons.")
@argument("out", help="Chip store to write: a folder, *.zarr.")
@option(
    "--more", help="Another scene with its labels. Repeatable.", many=True, metavar="SCENE=LABELS"
)
@option(
    "--label-kind",
    help="What the labels hold: classes, or values (measurements, for pixel_regression).",
    default="classes",
)
@option("--size", "-s", help="Side of a chip, pixels.", kind=int, default=256)
@option(
    "--strategy",
    help="random, sequential (covers everything) or centroids (around points).",
    default="random",
    section=_WHERE,
)
@option(
    "--count", "-n", help="Chips wanted, for random; 1000 if not given.", kind=int, section=_WHERE
)
@option(
    "--stride",
    help="Pixels from chip to chip, for sequential; the size if not given.",
    kind=int,
    section=_WHERE,
)
@option("--points", help="Vector file, for centroids.", kind=Path, section=_WHERE)
@option(
    "--class-of-interest",
    help="Centre random chips on this class. Repeatable.",
    many=True,
    section=_WHERE,
)
@flag("--balanced", help="As many random chips centred on each class.", section=_WHERE)
@option(
    "--min-valid",
    help="Least share of a chip that is observed and labelled.",
    kind=float,
    default=0.1,
    section=_WHERE,
)
@option(
    "--split",
    help="block (whole blocks of land), cell (--cell-m), scene (whole scenes), regions (--region), feature "
    "(whole polygons), random or none.",
    default="block",
    section=_APART,
)
@flag(
    "--stratify",
    help="For feature: deal the polygons of each class by themselves.",
    section=_APART,
)
@option("--test", help="Share for the test.", kind=float, default=0.2, section=_APART)
@option("--val", help="Share for the validation.", kind=float, default=0.2, section=_APART)
@option("--block-px", help="Side of a block, pixels.", kind=int, section=_APART)
@option("--buffer-px", help="Gap between splits, pixels.", kind=int, section=_APART)
@option("--cell-m", help="For cell: side of a cell, metres.", kind=float, section=_APART)
@option(
    "--min-gap-m",
    help="Fail where chips of different splits are nearer, metres.",
    kind=float,
    section=_APART,
)
@option(
    "--region",
    help="train=left and test=right; or fractions left, top, right, bottom: test=0.5,0,1,1; or polygons: "
    "test=plots.gpkg. Repeatable, also for one split.",
    many=True,
    metavar="SPLIT=PART",
    section=_APART,
)
@class_codes
@class_colors
@option("--band", "bands", help="Band to keep, number or name. Repeatable.", many=True)
@option("--nodata", help="Unobserved value of the scene, if untagged.", kind=float)
@option("--label-nodata", help="Unlabelled value of the labels, if untagged.", kind=float)
@option("--seed", help="Source of chance.", kind=int, default=0)
@common
@click.pass_context
def chips(
    context: click.Context,
    /,
    scene: Path,
    labels: Path,
    more: tuple[str, ...],
    region: tuple[str, ...],
    bands: tuple[str, ...],
    classes: tuple[str, ...],
    color: tuple[str, ...],
    **others: Any,
) -> None:
    """Cut chips from scenes and their label rasters, divided for training and test by land.

    The store keeps pixels in their own type and knows where each chip lies.
    """
    extra = pairs("--more", more)
    regions: dict[str, list[Any]] = {}
    for text in region:
        [(name, part)] = pairs("--region", [text]).items()
        regions.setdefault(name, []).append(part.split(",") if "," in part else part)
    do(
        "chips",
        context,
        scene=[scene, *extra],
        labels=[labels, *extra.values()],
        bands=[scalar(band) for band in bands],
        regions=regions,
        classes=codes(classes),
        colors=pairs("--color", color),
        color=None,
        more=None,
        region=None,
    )
