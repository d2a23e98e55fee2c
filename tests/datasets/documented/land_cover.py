"""Datasets of classes per pixel, as they are documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from documented.layout import Layout, photograph, picture


def halves(left: int, right: int, height: int, width: int) -> np.ndarray:
    """One value left, another one right."""
    values = np.full((height, width), left, np.uint8)
    values[:, width // 2 :] = right
    return values


def landcoverai(root: Path) -> None:
    for number in range(3):
        photograph(root / f"output/N-33-60-D-c-4-2_{number}.jpg", 100 + number, 512, 512)
        picture(root / f"output/N-33-60-D-c-4-2_{number}_m.png", halves(number, 4, 512, 512))


def gid15(root: Path) -> None:
    for split in ("train", "val", "test"):
        photograph(root / f"GID/img_dir/{split}/GF2_{split}.tif", 7, 68, 72)
        if split != "test":
            picture(root / f"GID/ann_dir/{split}/GF2_{split}_15label.png", halves(0, 15, 68, 72))


LAYOUTS = {
    "landcoverai": Layout(
        landcoverai,
        {"output.zip": ["output"]},
        {f"{split}.txt": [f"N-33-60-D-c-4-2_{k}"] for k, split in enumerate(("train", "val", "test"))},
        {
            split: [{"mask": halves(k, 4, 512, 512)}]
            for k, split in enumerate(("train", "val", "test"))
        },
        3, (512, 512), "uint8",
    ),
    "gid15": Layout(
        gid15,
        {"gid-15.zip": ["GID"]},
        {},
        {
            "train": [{"mask": halves(0, 15, 68, 72), "pixel": [7, 100, 200]}],
            "val": [{"mask": halves(0, 15, 68, 72)}],
            "test": [{"pixel": [7, 100, 200]}],
        },
        3, (68, 72), "uint8",
    ),
}  # fmt: skip
