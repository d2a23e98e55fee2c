"""NWPU VHR-10: ten kinds of things on pictures from the air and from space, with their outlines."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ...core.classes import Classes
from ...core.outputs import BoxOutputs
from ..benchmarks.coco import with_coco
from ..benchmarks.declaration import RGB, Benchmark, Choice, RemoteFile
from ..benchmarks.function import FunctionLayout
from ..benchmarks.patterns import PatternLayout
from ..samples.boxes import Boxes
from ..samples.listing import Listing
from ..samples.pictures import Pictures

_HOME = "https://hf.co/datasets/isaaccorley/vhr10/resolve/"
_CLASSES = Classes.of(
    [
        "airplane",
        "ships",
        "storage tank",
        "baseball diamond",
        "tennis court",
        "basketball court",
        "ground track field",
        "harbor",
        "bridge",
        "vehicle",
    ]
)


def _find(root: Path, split: str | None, kind: str) -> Listing:
    """Pictures of a kind; those with things in them are numbered from 0 where their names begin with 1."""
    pattern = f"NWPU VHR-10 dataset/{{set:{kind}}} image set/{{number:[0-9]+}}.jpg"
    listing = PatternLayout(pattern).find(root, split)
    ids = [
        int(number) - 1 if of == "positive" else None
        for of, number in zip(listing.columns["set"], listing.columns["number"], strict=True)
    ]
    return with_coco(listing, root / "annotations.json", ids, _CLASSES.codes)


def _layout(kind: str) -> FunctionLayout:
    return FunctionLayout(partial(_find, kind=kind))


BENCHMARK = Benchmark(
    name="VHR10",
    about="ten kinds of things on pictures from the air and from space, boxes and outlines, 0.08 to 2 m",
    files=(
        RemoteFile(
            "NWPU VHR-10 dataset.zip",
            f"{_HOME}60ecc4be33609184e2224606858cd00b7daba8df/NWPU%20VHR-10%20dataset.zip",
            "md5:6add6751469c12dd8c8d6223064c6c4d",
            gives="NWPU VHR-10 dataset",
        ),
        RemoteFile(
            "annotations.json",
            f"{_HOME}7e7968ad265dadc4494e0ca4a079e0b63dc6f3f8/annotations.json",
            "md5:7c76ec50c17a61bb0514050d20f22c08",
        ),
    ),
    layout=_layout("positive"),
    image=Pictures(RGB),
    targets=(Boxes(masks=True),),
    outputs=BoxOutputs(_CLASSES, masks=True),
    samples=800,
    choices=(
        Choice(
            "images",
            "pictures with things in them, without, or all",
            {kind: {"layout": _layout(kind)} for kind in ("positive", "negative")}
            | {"all": {"layout": _layout("positive|negative")}},
        ),
    ),
    home="https://hf.co/datasets/isaaccorley/vhr10",
    citation="Cheng et al. 2014, ISPRS Journal 98, doi 10.1016/j.isprsjprs.2014.10.002",
    licence="MIT",
    note="650 pictures hold things of the ten classes, 150 hold none (choice images)",
)
