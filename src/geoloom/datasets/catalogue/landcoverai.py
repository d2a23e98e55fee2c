"""LandCover.ai: land cover on orthophotos of Poland, cut into chips."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures

_HOME = (
    "https://hf.co/datasets/dragon7/LandCover.ai/resolve/262c75fbbf77d107f0a8335e9eef1f6234481d08/"
)
CLASSES = Classes.from_legend(
    dict(enumerate(["Background", "Building", "Woodland", "Water", "Road"]))
)

BENCHMARK = Benchmark(
    name="LandCoverAI",
    about="buildings, woodland, water and roads on orthophotos of Poland, 0.25 and 0.5 m, in chips",
    files=(
        RemoteFile(
            "output.zip",
            f"{_HOME}output.zip",
            "md5:e0cf2403116dc08c97a69604bd0cdb74",
            gives="output",
        ),
        RemoteFile("train.txt", f"{_HOME}train.txt", "md5:059d87b49390d557d15090167493f758"),
        RemoteFile("val.txt", f"{_HOME}val.txt", "md5:3f3ff579b050d1fcd12e66ce48f73d67"),
        RemoteFile("test.txt", f"{_HOME}test.txt", "md5:b019a7607a10166a81f4e243c456c212"),
    ),
    layout=PatternLayout(
        "output/{name}.jpg",
        {"mask": "output/{name}_m.png"},
        lists=(("train", "train.txt"), ("val", "val.txt"), ("test", "test.txt")),
    ),
    image=Pictures(RGB),
    targets=(Masks(Pictures(RGB[:1], column="mask", channels=(0,)), Codes(range(len(CLASSES)))),),
    outputs=ClassOutputs(CLASSES),
    samples=10_674,
    size=(512, 512),
    home="https://landcover.ai.linuxpolska.com",
    citation="Boguszewski et al. 2021, CVPR Workshops, arXiv 2005.02264",
    licence="CC BY-NC-SA 4.0",
    note="Chips of one orthophoto are in several splits, so that training and test are neighbours",
)
