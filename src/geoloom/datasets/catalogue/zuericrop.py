"""ZueriCrop: crops around Zurich through a year of Sentinel-2."""

from __future__ import annotations

from dataclasses import replace

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, RemoteFile
from ..benchmarks.hdf5 import Hdf5Layout
from ..samples.hdf5_rows import Hdf5Rows
from ..samples.masks import Codes, Masks
from ..sensors.sentinel2_bands import SENTINEL2_BANDS

_HOME = (
    "https://hf.co/datasets/isaaccorley/zuericrop/resolve/8ac0f416fbaab032d8670cc55f984b9f079e86b2/"
)
_SIZE = (24, 24)
_NAMED = {band.name: replace(band, gsd_m=10.0, nodata=None) for band in SENTINEL2_BANDS}
_BANDS = tuple(
    replace(_NAMED["B08"], name="NIR") if name == "NIR" else _NAMED[name]
    for name in ("NIR", "B03", "B02", "B04", "B05", "B06", "B07", "B11", "B12")
)
_CLASSES = Classes.from_legend({code: f"crop {code + 1}" for code in range(48)})


def _plane(name: str) -> Hdf5Rows:
    return Hdf5Rows((Band(name),), name, "HWC", _SIZE, "float64")


BENCHMARK = Benchmark(
    name="ZueriCrop",
    about="48 kinds of crops on fields around Zurich, 142 dates of Sentinel-2 in 2019",
    files=(
        RemoteFile(
            "ZueriCrop.hdf5", f"{_HOME}ZueriCrop.hdf5", "md5:1635231df67f3d25f4f1e62c98e221a4"
        ),
        RemoteFile("labels.csv", f"{_HOME}labels.csv", "md5:5118398c7a5bbc246f5f6bb35d8d529b"),
    ),
    layout=Hdf5Layout({"": "ZueriCrop.hdf5"}, "gt"),
    image=Hdf5Rows(_BANDS, "data", "THWC", _SIZE, "float64", dates=142),
    targets=(
        Masks(
            _plane("gt"),
            Codes({code + 1: code for code in range(48)}, unlabelled=(0,), others="unlabelled"),
            column="file",
        ),
        Masks(_plane("gt_instance"), Codes(range(1 << 20)), key="mask:field", column="file"),
    ),
    outputs=ClassOutputs(_CLASSES),
    samples=27_977,
    size=_SIZE,
    home="https://github.com/0zgur0/multi-stage-convSTAR-network",
    citation="Turkoglu et al. 2021, Remote Sensing of Environment 264, arXiv 2102.08820",
    note=(
        "Crops are numbered as in gt; their names are in labels.csv. That 0 is no crop, and how many samples "
        "there are, is from memory. Fields are the layer mask:field. Dates and units are not in the files"
    ),
)
