"""Datasets whose samples tables name, as they are documented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from documented.layout import Layout, photograph, picture

PLACES = (
    "Toronto_ISPRS", "Selwyn_LINZ", "Potsdam_ISPRS", "Vaihingen_ISPRS", "Columbus_CSUAV_AFRL", "Utah_AGRC",
)  # fmt: skip


def cowc(list_name: str, numbers: list[int]) -> Callable[[Path], None]:
    """A patch of each place and split; the list of the training split begins with a byte order mark."""

    def write(root: Path) -> None:
        for split, start in (("train", 0), ("test", 6)):
            lines = []
            for k, place in enumerate(PLACES):
                file = f"{place}/{split}/{place}.{k:05}.png"
                photograph(root / file, start + k)
                lines.append(f"{file} {numbers[start + k]}\n")
            encoding = "utf-8-sig" if split == "train" else "utf-8"
            (root / list_name.format(split)).write_text("".join(lines), encoding=encoding)

    return write


def cowc_layout(part: str, list_name: str, key: str, numbers: list[int]) -> Layout:
    listed = {
        f"{list_name.format(split)}.bz2": [list_name.format(split)] for split in ("train", "test")
    }
    packed = {f"COWC_{part}_{place}.tbz": [place] for place in PLACES}
    samples = [
        {key: number if key == "label" else [number], "pixel": [k, 100, 200]}
        for k, number in enumerate(numbers)
    ]
    return Layout(
        cowc(list_name, numbers),
        listed | packed,
        {},
        {"train": samples[:6], "test": samples[6:]},
        3, (256, 256), "uint8",
    )  # fmt: skip


def tropicalcyclone(root: Path) -> None:
    for split, stem, speeds in (("train", "training_set", (43, 44)), ("test", "test_set", (34,))):
        features, labels = ["Image ID,Storm ID,Relative Time,Ocean"], ["Image ID,Wind Speed"]
        for k, speed in enumerate(speeds):
            name = f"abs_{k:03}" if split == "train" else f"acd_{k:03}"
            picture(root / split / f"{name}.jpg", np.full((366, 366), 60 + speed))
            features.append(f"{name},{name[:3]},{k * 1800},2")
            labels.append(f"{name},{speed}")
        (root / f"{stem}_features.csv").write_text("\n".join(features) + "\n", encoding="utf-8")
        # In another order than the features.
        rows = [labels[0], *reversed(labels[1:])]
        (root / f"{stem}_labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


LAYOUTS = {
    "cowcdetection": cowc_layout(
        "Detection", "COWC_{}_list_detection.txt", "label", [0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1]
    ),
    "cowccounting": cowc_layout(
        "Counting", "COWC_{}_list_64_class.txt", "value", [0, 1, 12, 63, 3, 0, 5, 1, 0, 70, 2, 9]
    ),
    "tropicalcyclone": Layout(
        tropicalcyclone,
        {},
        {},
        {
            "train": [{"value": [43], "pixel": [103]}, {"value": [44], "pixel": [104]}],
            "test": [{"value": [34], "pixel": [94]}],
        },
        1, (366, 366), "uint8",
    ),
}  # fmt: skip
