"""ISPRS Potsdam: land cover on orthophotos of a city."""

from __future__ import annotations

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Colors, Masks
from ..samples.pictures import Pictures

_COLORS = {
    "Clutter/background": (255, 0, 0),
    "Impervious surfaces": (255, 255, 255),
    "Building": (0, 0, 255),
    "Low Vegetation": (0, 255, 255),
    "Tree": (0, 255, 0),
    "Car": (255, 255, 0),
}
TARGETS = (Masks(Pictures(RGB, column="mask"), Colors(tuple(_COLORS.values()))),)
OUTPUTS = ClassOutputs(Classes.from_legend(dict(enumerate(_COLORS))))
HOME = "https://www.isprs.org/education/benchmarks/UrbanSemLab"
NIR = Band("nir", "nir")

_MEMBERS = {
    "train": "2_10 2_11 2_12 3_10 3_11 3_12 4_10 4_11 4_12 5_10 5_11 5_12 "
    "6_7 6_8 6_9 6_10 6_11 6_12 7_7 7_8 7_9 7_10 7_11 7_12",
    "test": "2_13 2_14 3_13 3_14 4_13 4_14 4_15 5_13 5_14 5_15 6_13 6_14 6_15 7_13",
}

BENCHMARK = Benchmark(
    name="Potsdam2D",
    about="land cover on orthophotos of Potsdam, red, green, blue and infrared, 0.05 m",
    files=(
        RemoteFile(
            "4_Ortho_RGBIR.zip",
            None,
            "md5:c4a8f7d8c7196dd4eba4addd0aae10c1",
            gives="4_Ortho_RGBIR",
        ),
        RemoteFile("5_Labels_all.zip", None, gives="top_potsdam_*_label.tif"),
    ),
    layout=PatternLayout(
        "4_Ortho_RGBIR/{name:top_potsdam_[0-9]+_[0-9]+}_RGBIR.tif",
        {"mask": "{name}_label.tif"},
        members={
            split: tuple(f"top_potsdam_{tile}" for tile in tiles.split())
            for split, tiles in _MEMBERS.items()
        },
    ),
    image=Pictures((*RGB, NIR)),
    targets=TARGETS,
    outputs=OUTPUTS,
    samples=38,
    size=(6000, 6000),
    home=f"{HOME}/2d-sem-label-potsdam.aspx",
    citation="ISPRS 2D Semantic Labeling Contest, Potsdam",
    note=(
        "Pixels of colours that mean no class are not labelled; top_potsdam_4_12_label.tif has such. The "
        "checksum of the labels' archive is not known"
    ),
    by_hand=f"ask ISPRS for the data ({HOME}), fetch both archives",
)
