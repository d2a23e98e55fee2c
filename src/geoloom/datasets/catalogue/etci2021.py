"""ETCI 2021: floods on tiles of Sentinel-1."""

from __future__ import annotations

from dataclasses import replace

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures
from ..samples.stacks import BandStack
from ..sensors.sentinel1_bands import SENTINEL1_BANDS

_TILES = "{split}/{scene}/tiles/"
_FILES = {
    "train": ("train.zip", "1e95792fe0f6e3c9000abdeab2a8ab0f", "train"),
    "val": ("val_with_ref_labels.zip", "fd18cecb318efc69f8319f90c3771bdf", "test"),
    "test": ("test_without_ref_labels.zip", "da9fa69e1498bd49d5c766338c6dac3d", "test_internal"),
}
"""Split -> archive, its md5, and the folder that it gives."""


def _of(column: str) -> Pictures:
    return Pictures(RGB[:1], column=column, channels=(0,))


_STORED = Codes({0: 0, 255: 1})

BENCHMARK = Benchmark(
    name="ETCI2021",
    about="floods on tiles of Sentinel-1, VV and VH as grey pictures, five regions",
    files=tuple(
        RemoteFile(name, None, f"md5:{md5}", gives=folder, splits=(split,))
        for split, (name, md5, folder) in _FILES.items()
    ),
    layout=PatternLayout(
        f"{_TILES}vv/{{name}}_vv.png",
        {
            "vh": f"{_TILES}vh/{{name}}_vh.png",
            "mask": f"{_TILES}flood_label/{{name}}.png",
            "water_body": f"{_TILES}water_body_label/{{name}}.png",
        },
        column="vv",
        optional=("mask",),
        split_names={folder: split for split, (_, _, folder) in _FILES.items()},
        divided=tuple(_FILES),
    ),
    # Grey pictures, stored as three equal channels; counts of no unit.
    image=BandStack(
        tuple(
            Pictures((replace(band, unit=None),), column=band.name.lower(), channels=(0,))
            for band in SENTINEL1_BANDS[:2]
        )
    ),
    targets=(
        Masks(_of("mask"), _STORED),
        Masks(
            _of("water_body"),
            _STORED,
            key="mask:water_body",
            column="water_body",
            classes=Classes.from_legend({0: "land", 1: "water body"}),
        ),
    ),
    outputs=ClassOutputs(Classes.from_legend({0: "no flood", 1: "flood"})),
    samples=33_405,
    size=(256, 256),
    home="https://nasa-impact.github.io/etci2021",
    citation="NASA IMPACT 2021, ETCI Competition on Flood Detection",
    note=(
        "33,405 is how many tiles train has; those of val and test come on top. Test comes without floods, "
        "and with the water that is always there (`mask:water_body`)"
    ),
    by_hand=(
        "fetch the archives in a browser: train.zip from "
        "https://drive.google.com/file/d/14HqNW5uWLS92n7KrxKgDwUTsSEST6LCr, val_with_ref_labels.zip from "
        "https://drive.google.com/file/d/19sriKPHCZLfJn_Jmk3Z_0b3VaCBVRVyn, test_without_ref_labels.zip from "
        "https://drive.google.com/file/d/1rpMVluASnSHBfm2FhpPDio0GyCPOqg7E"
    ),
)
