"""Datasets of pairs of dates, as they are documented."""

from __future__ import annotations

from pathlib import Path

from documented.land_cover import halves
from documented.layout import Layout, photograph, picture


def levircdplus(root: Path) -> None:
    for split, number in (("train", 1), ("train", 2), ("test", 3)):
        folder = root / "LEVIR-CD+" / split
        photograph(folder / f"A/{number}.png", number, 64, 64)
        photograph(folder / f"B/{number}.png", 50 + number, 64, 64)
        picture(folder / f"label/{number}.png", halves(0, 255, 64, 64))


def pair(number: int) -> dict[str, object]:
    return {
        "mask": halves(0, 1, 64, 64),
        "pixel": [[number, 100, 200], [50 + number, 100, 200]],
    }


LAYOUTS = {
    "levircdplus": Layout(
        levircdplus,
        {"LEVIR-CD+.zip": ["LEVIR-CD+"]},
        {},
        {"train": [pair(1), pair(2)], "test": [pair(3)]},
        3, (64, 64), "uint8", dates=2,
    ),
}  # fmt: skip
