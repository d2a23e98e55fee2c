"""LEVIR-CD: new and lost buildings on pairs of aerial pictures."""

from __future__ import annotations

from dataclasses import replace

from ..benchmarks.declaration import RemoteFile
from ..benchmarks.patterns import PatternLayout
from .levircdplus import BENCHMARK as PLUS

_MD5 = {
    "train": "a638e71f480628652dea78d8544307e4",
    "val": "f7b857978524f9aa8c3bf7f94e3047a4",
    "test": "07d5dd89e46f5c1359e2eca746989ed9",
}

BENCHMARK = replace(
    PLUS,
    name="LEVIRCD",
    files=tuple(
        RemoteFile(
            f"{split}.zip", None, f"md5:{md5}", gives=f"label/{split}_*.png", splits=(split,)
        )
        for split, md5 in _MD5.items()
    ),
    layout=PatternLayout(
        "A/{split}_{number}.png",
        {"after": "B/{split}_{number}.png", "mask": "label/{split}_{number}.png"},
        column="before",
        divided=tuple(_MD5),
    ),
    samples=637,
    note="The number of samples is from memory",
    home="https://justchenhao.github.io/LEVIR",
    by_hand=(
        "fetch train.zip, val.zip and test.zip in a browser from "
        "https://drive.google.com/file/d/18GuoCuBn48oZKAlEo-LrNwABrFhVALU-, "
        "https://drive.google.com/file/d/1BqSt4ueO7XAyQ_84mUjswUSJt13ZBuzG and "
        "https://drive.google.com/file/d/1jj3qJD_grJlgIhUWO09zibRGJe0R4Tn0"
    ),
)
