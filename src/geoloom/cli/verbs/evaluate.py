"""geoloom evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import area, class_codes, codes, common, do, plugins
from ..parameters import argument, option
from ..verb import verb

_TRUTH = "With truth for a scene or a map"


@verb(
    "geoloom evaluate model/ chips.zarr",
    "geoloom evaluate model/ scene.tif --truth labels.gpkg --class-field class",
    "geoloom evaluate map.tif labels.gpkg --class-field class --out accuracy.json",
)
@argument("model", help="Model folder, or ONNX file; or a finished map.")
@argument(
    "chips",
    help="Chip store or folder of class folders; with --truth, a scene; for a map, its truth.",
)
@option("--split", help="Which of the samples: train, val or test.", default="test")
@option("--truth", help="Labels of a scene, raster or polygons.", kind=Path, section=_TRUTH)
@class_codes
@option("--class-field", help="Of polygons: the field that gives the class.", section=_TRUTH)
@option(
    "--group",
    help="Of polygons: the field's values for the map's next class (a,b for two). Repeatable.",
    many=True,
    section=_TRUTH,
)
@option(
    "--roi",
    help="Where to count: left, right, top or bottom half; west,south,east,north in degrees; or a file.",
    section=_TRUTH,
)
@option(
    "--roi-crs",
    help="CRS of a roi of four numbers, then left,bottom,right,top: EPSG:32633.",
    section=_TRUTH,
)
@option(
    "--probabilities", help="Of a map: its probabilities, for curves.", kind=Path, section=_TRUTH
)
@option("--unit", help="What the numbers of scene or chips are, if they do not say.")
@option("--out", "-o", help="JSON to write; <model>.<split>.json if not given.", kind=Path)
@option("--batch-size", "-b", help="Chips at once.", kind=int, default=16)
@option("--device", help="auto, cpu or cuda.", default="auto")
@option("--devices", help="How many share the work; auto for all GPUs.", kind=str, default=1)
@plugins
@common
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    model: Path,
    chips: Path,
    truth: Path | None,
    classes: tuple[str, ...],
    group: tuple[str, ...],
    roi: str | None,
    **others: Any,
) -> None:
    """Score a model on chips that it has not seen, or a map against truth.

    Every pixel of the ground counts once, in one matrix. The figures go into a JSON file and a text.
    """
    subject: dict[str, Any] = {"model": model, "chips": chips, "truth": truth}
    if model.is_file() and model.suffix.lower() != ".onnx":
        subject = {"map": model, "truth": truth or chips, "model": None, "chips": None}
    elif truth is not None:
        subject = {"model": model, "scene": chips, "truth": truth, "chips": None}
    groups = [tuple(text.split(",")) for text in group]
    do(
        "evaluate",
        context,
        **subject,
        classes=codes(classes),
        groups=groups,
        roi=area(roi),
        group=None,
    )
