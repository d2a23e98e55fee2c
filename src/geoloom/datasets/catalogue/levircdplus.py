"""LEVIR-CD+: new and lost buildings on pairs of aerial pictures."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures
from ..samples.stacks import DateStack

IMAGE = DateStack((Pictures(RGB, column="before"), Pictures(RGB, column="after")))
TARGETS = (Masks(Pictures(RGB[:1], column="mask", channels=(0,)), Codes({0: 0, 255: 1})),)
OUTPUTS = ClassOutputs(Classes.from_legend({0: "no change", 1: "change"}))

BENCHMARK = Benchmark(
    name="LEVIRCDPlus",
    about="buildings that came or went between two aerial pictures of Texas, 0.5 m",
    files=(
        RemoteFile(
            "LEVIR-CD+.zip",
            None,
            "md5:1adf156f628aa32fb2e8fe6cada16c04",
            gives="LEVIR-CD+",
        ),
    ),
    layout=PatternLayout(
        "LEVIR-CD+/{split}/A/{name}.png",
        {"after": "LEVIR-CD+/{split}/B/{name}.png", "mask": "LEVIR-CD+/{split}/label/{name}.png"},
        column="before",
        divided=("train", "test"),
    ),
    image=IMAGE,
    targets=TARGETS,
    outputs=OUTPUTS,
    samples=985,
    size=(1024, 1024),
    home="https://github.com/S2Looking/Dataset",
    citation="Chen and Shi 2020, Remote Sensing 12(10), doi 10.3390/rs12101662",
    by_hand=(
        "fetch LEVIR-CD+.zip in a browser from "
        "https://drive.google.com/file/d/1JamSsxiytXdzAIk6VDVWfc-OsX-81U81"
    ),
)
