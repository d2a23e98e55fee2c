"""ISPRS Vaihingen: land cover on orthophotos of a town."""

from __future__ import annotations

from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.pictures import Pictures
from .potsdam2d import HOME, NIR, OUTPUTS, TARGETS

_ARCHIVE = "ISPRS_semantic_labeling_Vaihingen"
_CHANNELS = (NIR, *RGB[:2])
"""Infrared, red, green."""
_MEMBERS = {
    "train": (1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37),
    "test": (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38),
}

BENCHMARK = Benchmark(
    name="Vaihingen2D",
    about="land cover on orthophotos of Vaihingen, infrared, red and green, 0.09 m",
    files=(
        RemoteFile(f"{_ARCHIVE}.zip", None, "md5:462b8dca7b6fa9eaf729840f0cdfc7f3", gives="top"),
        RemoteFile(
            f"{_ARCHIVE}_ground_truth_COMPLETE.zip",
            None,
            "md5:4802dd6326e2727a352fb735be450277",
            gives="top_mosaic_09cm_area*.tif",
        ),
    ),
    layout=PatternLayout(
        "top/{name:top_mosaic_09cm_area[0-9]+}.tif",
        {"mask": "{name}.tif"},
        members={
            split: tuple(f"top_mosaic_09cm_area{area}" for area in areas)
            for split, areas in _MEMBERS.items()
        },
    ),
    image=Pictures(_CHANNELS),
    targets=TARGETS,
    outputs=OUTPUTS,
    samples=33,
    home=f"{HOME}/2d-sem-label-vaihingen.aspx",
    citation="ISPRS 2D Semantic Labeling Contest, Vaihingen",
    note=(
        "The order of the channels (infrared, red, green) is from the contest's pages, not from the files. "
        "Pixels of colours that mean no class are not labelled"
    ),
    by_hand=f"ask ISPRS for the data ({HOME}), fetch both archives",
)
