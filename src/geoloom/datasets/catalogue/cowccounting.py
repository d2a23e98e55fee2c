"""COWC: patches of aerial pictures, and how many cars are in each."""

from __future__ import annotations

from dataclasses import replace

from ...core.outputs import ValueOutputs
from ..benchmarks.tables import TableLayout
from .cowcdetection import BENCHMARK as DETECTION
from .cowcdetection import files

BENCHMARK = replace(
    DETECTION,
    name="COWCCounting",
    about="how many cars are in a patch of an aerial picture, six places, 0.15 m",
    files=files(
        "Counting",
        "COWC_train_list_64_class.txt 187543d20fa6d591b8da51136e8ef8fb",
        "COWC_test_list_64_class.txt 930cfd6e160a7b36db03146282178807",
        "bc2613196dfa93e66d324ae43e7c1fdb",
        "ea842ae055f5c74d0d933d2194764545",
        "19a77ab9932b722ef52b197d70e68ce7",
        "4009c1e420566390746f5b4db02afdb9",
        "daf8033c4e8ceebbf2c3cac3fabb8b10",
        "777ec107ed2a3d54597a739ce74f95ad",
    ),
    layout=TableLayout(
        {split: (f"COWC_{split}_list_64_class.txt",) for split in ("train", "test")},
        file="{file}",
        header=("file", "cars"),
        separator=" ",
        answer="cars",
        key="value",
    ),
    outputs=ValueOutputs(("cars",), (None,), per="image"),
)
