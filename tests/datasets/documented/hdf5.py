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


def zuericrop(root: Path) -> None:
    """In row r, channel c of date t is 10 t + c + r / 10; crop r + 1 in the left half, none right."""
    dates = 10.0 * np.arange(142)[None, :, None, None, None]
    rows = np.arange(3)[:, None, None, None, None] / 10
    data = (dates + np.arange(9.0) + rows) * np.ones((3, 142, 24, 24, 9))
    crop = np.zeros((3, 24, 24, 1))
    crop[:, :, :12] = np.arange(1, 4)[:, None, None, None]
    with h5py.File(root / "ZueriCrop.hdf5", "w") as file:
        file["data"] = data
        file["gt"] = crop
        file["gt_instance"] = crop * 100
    (root / "labels.csv").write_text("code,crop\n", encoding="utf-8")


def field(row: int) -> dict[str, Any]:
    left = np.arange(24)[None].repeat(24, 0) < 12
    pixel = [[10 * t + c + row / 10 for c in range(9)] for t in range(142)]
    return {
        "mask": np.where(left, row, 0),
        "valid": left,
        "mask:field": np.where(left, 100 * (row + 1), 0),
        "pixel": pixel,
    }


LAYOUTS = {
    "so2sat": Layout(
        so2sat,
        {},
        {},
        {
            split: [sample(row) for row in range(count)]
            for split, count in zip(("train", "val", "test"), COUNTS.values(), strict=True)
        },
        18, (32, 32), "float64", plain=tuple(f"{stem}.h5" for stem in COUNTS),
    ),
    "zuericrop": Layout(
        zuericrop,
        {},
        {},
        {"": [field(row) for row in range(3)]},
        9, (24, 24), "float64", dates=142, plain=("ZueriCrop.hdf5", "labels.csv"),
    ),
}  # fmt: skip
