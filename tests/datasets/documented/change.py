"""Datasets of pairs of dates, as they are documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from documented.land_cover import halves
from documented.layout import Layout, photograph, picture, raster


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


LEVIR = (("train", 1), ("train", 2), ("val", 3), ("test", 4))


def levircd(root: Path) -> None:
    for split, number in LEVIR:
        photograph(root / f"A/{split}_{number}.png", number, 64, 64)
        photograph(root / f"B/{split}_{number}.png", 50 + number, 64, 64)
        picture(root / f"label/{split}_{number}.png", halves(0, 255, 64, 64))


XVIEW2 = (("train", "hurricane-harvey_00000015"), ("test", "mexico-earthquake_00000003"))
DAMAGE = np.repeat(np.arange(5)[None].repeat(10, 0), 2, axis=1)
"""Columns of every grade."""


def xview2(root: Path) -> None:
    for number, (split, name) in enumerate(XVIEW2):
        for k, when in enumerate(("pre", "post")):
            target = DAMAGE if when == "post" else DAMAGE > 0
            photograph(root / f"{split}/images/{name}_{when}_disaster.png", 10 * k + number, 10, 10)
            picture(root / f"{split}/targets/{name}_{when}_disaster_target.png", target)
            (root / split / "labels").mkdir(exist_ok=True)
            (root / f"{split}/labels/{name}_{when}_disaster.json").write_text("{}")


ONERA = "Onera Satellite Change Detection dataset - "
CITIES = {"aguasclaras": ("Train", 20, 30), "rennes": ("Train", 16, 12), "dubai": ("Test", 10, 18)}
BANDS = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]


def oscd(root: Path) -> None:
    for number, (city, (split, high, wide)) in enumerate(CITIES.items()):
        folder = root / f"{ONERA}Images/{city}"
        for date in (1, 2):
            for k, band in enumerate(BANDS):
                values = np.full((1, high, wide), 1000 * date + 10 * k + number, np.uint16)
                raster(folder / f"imgs_{date}_rect/{band}.tif", values, number)
        (folder / "dates.txt").write_text("date_1: 20160415\ndate_2: 20180425\n")
        picture(root / f"{ONERA}{split} Labels/{city}/cm/cm.png", halves(0, 255, high, wide))


def city(number: int) -> dict[str, object]:
    _, high, wide = list(CITIES.values())[number]
    return {
        "size": (high, wide),
        "mask": halves(0, 1, high, wide),
        "pixel": [[1000 * date + 10 * k + number for k in range(13)] for date in (1, 2)],
        # Midnight of 2016-04-15 and of 2018-04-25, UTC.
        "times": [1_460_678_400, 1_524_614_400],
    }


LAYOUTS = {
    "levircd": Layout(
        levircd,
        {
            f"{split}.zip": [
                f"{folder}/{own}_{number}.png"
                for folder in ("A", "B", "label")
                for own, number in LEVIR
                if own == split
            ]
            for split in ("train", "val", "test")
        },
        {},
        {"train": [pair(1), pair(2)], "val": [pair(3)], "test": [pair(4)]},
        3, (64, 64), "uint8", dates=2,
    ),
    "xview2": Layout(
        xview2,
        {f"{split}_images_labels_targets.tar.gz": [split] for split in ("train", "test")},
        {},
        {
            split: [
                {
                    "mask": DAMAGE,
                    "mask:buildings": DAMAGE > 0,
                    "pixel": [[number, 100, 200], [10 + number, 100, 200]],
                }
            ]
            for number, (split, _) in enumerate(XVIEW2)
        },
        3, (10, 10), "uint8", dates=2,
    ),
    "oscd": Layout(
        oscd,
        {f"{ONERA}{part}.zip": [f"{ONERA}{part}"] for part in ("Images", "Train Labels", "Test Labels")},
        {},
        {"train": [city(0), city(1)], "test": [city(2)]},
        13, None, "float32", dates=2,
    ),
    "levircdplus": Layout(
        levircdplus,
        {"LEVIR-CD+.zip": ["LEVIR-CD+"]},
        {},
        {"train": [pair(1), pair(2)], "test": [pair(3)]},
        3, (64, 64), "uint8", dates=2,
    ),
}  # fmt: skip
