"""Datasets of boxes and outlines, as they are documented."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from documented.layout import Layout, photograph

VHR10_SIZES = {("positive", 1): (40, 50), ("positive", 2): (60, 30), ("negative", 1): (24, 32)}


def vhr10(root: Path) -> None:
    for (kind, number), size in VHR10_SIZES.items():
        photograph(
            root / f"NWPU VHR-10 dataset/{kind} image set/{number:03}.png", number + 10, *size
        )
        png = root / f"NWPU VHR-10 dataset/{kind} image set/{number:03}.png"
        png.rename(png.with_suffix(".jpg"))  # what a file is, its first bytes say
    things = [
        # A rectangle on the first picture, an L of two rings on the second, whose second thing is a triangle.
        (0, 1, [10, 5, 20, 10], [[10, 5, 30, 5, 30, 15, 10, 15]]),
        (1, 10, [0, 0, 8, 8], [[0, 0, 8, 0, 8, 4, 0, 4], [0, 2, 4, 2, 4, 8, 0, 8]]),
        (1, 3, [20, 50, 10, 10], [[20, 50, 30, 50, 20, 60]]),
    ]
    document = {
        "images": [
            {"id": k, "width": w, "height": h} for k, (h, w) in enumerate([(40, 50), (60, 30)])
        ],
        "categories": [{"id": k + 1, "name": str(k)} for k in range(10)],
        "annotations": [
            {
                "id": k,
                "image_id": image,
                "category_id": category,
                "bbox": box,
                "segmentation": rings,
            }
            for k, (image, category, box, rings) in enumerate(things)
        ],
    }
    (root / "annotations.json").write_text(json.dumps(document), encoding="utf-8")


def vhr10_masks() -> tuple[np.ndarray, np.ndarray]:
    first = np.zeros((1, 40, 50), bool)
    first[0, 5:15, 10:30] = True
    second = np.zeros((2, 60, 30), bool)
    second[0, 0:4, 0:8] = True
    second[0, 4:8, 0:4] = True
    for row in range(10):
        # Of the triangle, pixels whose centres lie in it; those on its edge are left open by the test.
        second[1, 50 + row, 20 : 30 - row] = True
    return first, second


FIRST, SECOND = vhr10_masks()
NOTHING = {"boxes": np.zeros((0, 4)), "box_labels": np.zeros(0)}

LAYOUTS = {
    "vhr10": Layout(
        vhr10,
        {"NWPU VHR-10 dataset.zip": ["NWPU VHR-10 dataset"], "annotations.json": ["annotations.json"]},
        {},
        {
            "": [
                {"size": (24, 32), "box_masks": np.zeros((0, 24, 32)), **NOTHING},
                {
                    "size": (40, 50),
                    "pixel": [11, 100, 200],
                    "boxes": [[10, 5, 30, 15]],
                    "box_labels": [0],
                    "box_masks": FIRST,
                },
                {
                    "size": (60, 30),
                    "boxes": [[0, 0, 8, 8], [20, 50, 30, 60]],
                    "box_labels": [9, 2],
                },
            ]
        },
        3, None, "uint8", choices={"images": "all"},
    ),
}  # fmt: skip
