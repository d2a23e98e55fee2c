"""ADVANCE: scenes from the air, and what they sound like."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.audio import Audio
from ..samples.pictures import Pictures

_HOME = "https://zenodo.org/records/3828124/files/"
_CLASSES = (
    "airport",
    "beach",
    "bridge",
    "farmland",
    "forest",
    "grassland",
    "harbour",
    "lake",
    "orchard",
    "residential",
    "sparse shrub land",
    "sports land",
    "train station",
)

BENCHMARK = Benchmark(
    name="ADVANCE",
    about="thirteen kinds of scenes on aerial pictures, 0.5 m, each with ten seconds of its sound",
    files=tuple(
        RemoteFile(f"{stem}.zip", f"{_HOME}{stem}.zip?download=1", f"md5:{md5}", gives=folder)
        for stem, folder, md5 in (
            ("ADVANCE_vision", "vision", "a9e8748219ef5864d3b5a8979a67b471"),
            ("ADVANCE_sound", "sound", "a2d12f2d2a64f5c3d3a9d8c09aaf1c31"),
        )
    ),
    layout=PatternLayout(
        "vision/{class}/{name}.jpg", {"audio": "sound/{class}/{name}.wav"}, classes=_CLASSES
    ),
    image=Pictures(RGB),
    targets=(Audio(),),
    outputs=ClassOutputs(Classes.from_legend(dict(enumerate(_CLASSES))), per="image"),
    samples=5_075,
    size=(512, 512),
    home="https://akchen.github.io/ADVANCE-DATASET",
    citation="Hu et al. 2020, ECCV, arXiv 2005.08449",
    licence="CC BY 4.0",
)
