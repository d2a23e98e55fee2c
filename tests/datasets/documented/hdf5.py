"""Datasets in HDF5 files, as they are documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from documented.layout import Layout

COUNTS = {"training": 4, "validation": 3, "testing": 2}


def so2sat(root: Path) -> None:
    """In row r, channel c of Sentinel-1 is -(c + r / 10), of Sentinel-2 (c + 1) / 100 + r; class r + 2."""
    for stem, count in COUNTS.items():
        rows = np.arange(count, dtype="float64")[:, None, None, None] * np.ones((1, 32, 32, 1))
        label = np.zeros((count, 17), "float64")
        label[np.arange(count), np.arange(count) + 2] = 1
        with h5py.File(root / f"{stem}.h5", "w") as file:
            file["sen1"] = -(np.arange(8.0) + rows / 10)
            file["sen2"] = (np.arange(10.0) + 1) / 100 + rows
            file["label"] = label


def sample(row: int) -> dict[str, Any]:
    s1 = [-(c + row / 10) for c in range(8)]
    return {"label": row + 2, "pixel": [*s1, *((c + 1) / 100 + row for c in range(10))]}


LAYOUTS = {
    "so2sat": Layout(
        so2sat,
        {f"{stem}.h5": [f"{stem}.h5"] for stem in COUNTS},
        {},
        {
            split: [sample(row) for row in range(count)]
            for split, count in zip(("train", "val", "test"), COUNTS.values(), strict=True)
        },
        18, (32, 32), "float64",
    ),
}  # fmt: skip
