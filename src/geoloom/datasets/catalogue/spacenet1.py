"""SpaceNet 1: buildings of Rio de Janeiro, and what all SpaceNets have in common."""

from __future__ import annotations

from typing import Any

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import BoxOutputs, ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, Choice, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.footprints import Footprints
from ..samples.pictures import Pictures

_BUCKET = "https://spacenet-dataset.s3.amazonaws.com/spacenet"
_BUILDINGS = Classes.of(["building"])
LICENCE = "CC BY-SA 4.0"
CITATION = "Van Etten, Lindenbaum and Bacastow 2018, arXiv 1807.01232"

WORLDVIEW = (
    Band("coastal", "coastal", 0.425),
    Band("blue", "blue", 0.48),
    Band("green", "green", 0.545),
    Band("yellow", "other", 0.605),
    Band("red", "red", 0.66),
    Band("red edge", "rededge1", 0.725),
    Band("nir1", "nir", 0.833),
    Band("nir2", "nir09", 0.95),
)
"""The eight bands of WorldView-2 and -3."""
PAN = (Band("pan", "pan"),)

_LABELS: dict[str, dict[str, Any]] = {
    "instances": {
        "targets": (Footprints(),),
        "outputs": BoxOutputs(_BUILDINGS, masks=True),
    },
    "boxes": {
        "targets": (Footprints(box_masks=False),),
        "outputs": BoxOutputs(_BUILDINGS),
    },
    "mask": {
        "targets": (Footprints(boxes=False),),
        "outputs": ClassOutputs(Classes.from_legend({0: "background", 1: "building"})),
    },
}


def labels(default: str = "instances") -> Choice:
    """What is learned of buildings."""
    chosen = {default: _LABELS[default]} | _LABELS
    return Choice("labels", "boxes with masks, boxes alone, or a mask of all buildings", chosen)


def default_labels(chosen: str = "instances") -> dict[str, Any]:
    """What a `Benchmark` says where nobody chooses."""
    return _LABELS[chosen]


def tarballs(folder: str, split: str, *listed: str) -> tuple[RemoteFile, ...]:
    """Files of a split; each is given as name, md5 and what it unpacks to, parted by spaces."""
    inside = f"{folder}/{split}"
    return tuple(
        RemoteFile(
            name,
            f"{_BUCKET}/{folder}/tarballs/{name}",
            f"md5:{md5}",
            gives="/".join([inside, *gives]),
            splits=(split,),
            inside=inside,
        )
        for name, md5, *gives in map(str.split, listed)
    )


def _image(name: str, image: Pictures, train: str, test: str) -> dict[str, Any]:
    """A product, with the md5 of its archives."""
    return {
        "image": image,
        "layout": PatternLayout(
            f"SN1_buildings/{{split}}/{name}/{name}_{{name}}.tif",
            {"footprints": "SN1_buildings/{split}/geojson/Geo_{name}.geojson"},
            optional=("footprints",),
            divided=("train", "test"),
        ),
        "files": (
            *tarballs(
                "SN1_buildings",
                "train",
                f"SN1_buildings_train_AOI_1_Rio_{name}.tar.gz {train} {name}",
                "SN1_buildings_train_AOI_1_Rio_geojson_buildings.tar.gz "
                "b6e02fbd727f252ea038abe4f77a77b3 geojson",
            ),
            *tarballs(
                "SN1_buildings",
                "test",
                f"SN1_buildings_test_AOI_1_Rio_{name}.tar.gz {test} {name}",
            ),
        ),
    }


_RGB = _image(
    "3band",
    Pictures(RGB),
    "279e334a2120ecac70439ea246174516",
    "18283d78b21c239bc1831f3bf1d2c996",
)
_EIGHT = _image(
    "8band",
    Pictures(WORLDVIEW, "uint16"),
    "6440a9eedbd7c4fe9741875135362c8c",
    "732b3a40603b76e80aac84e002e2b3e8",
)

BENCHMARK = Benchmark(
    name="SpaceNet1",
    about="buildings of Rio de Janeiro on pictures of WorldView-2, 0.5 m, and 2 m of eight bands",
    **_RGB,
    **default_labels(),
    samples=9_735,
    placed=True,
    choices=(
        Choice("image", "sharpened colours or all bands", {"3band": _RGB, "8band": _EIGHT}),
        labels(),
    ),
    home="https://spacenet.ai/spacenet-buildings-dataset-v1",
    citation=CITATION,
    licence=LICENCE,
    note="Test pictures have no labels. Sizes vary by a pixel: 406 x 439, of eight bands 102 x 110",
)
