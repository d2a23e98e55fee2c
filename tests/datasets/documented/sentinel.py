"""Datasets of Sentinel-1 and Sentinel-2, as they are documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from documented.land_cover import halves
from documented.layout import Layout, chip, picture, raster

ETCI = {
    "train": ("train", "bangladesh_20170314t115609"),
    "val": ("test", "florence_20180926t231415"),
    "test": ("test_internal", "redrivernorth_20190104t002247"),
}


def grey(value: int) -> np.ndarray:
    """Stored as three channels."""
    return np.full((256, 256, 3), value, np.uint8)


def etci2021(root: Path) -> None:
    for number, (folder, scene) in enumerate(ETCI.values()):
        for k in range(2):
            tiles, name = root / folder / scene / "tiles", f"{scene}_x-{k}_y-0"
            picture(tiles / f"vv/{name}_vv.png", grey(10 * number + k))
            picture(tiles / f"vh/{name}_vh.png", grey(100 + 10 * number + k))
            picture(tiles / f"water_body_label/{name}.png", halves(255, 0, 256, 256))
            if folder != "test_internal":
                picture(tiles / f"flood_label/{name}.png", halves(0, 255, 256, 256))


def tile(number: int, k: int, *, flooded: bool) -> dict[str, object]:
    known = {"mask": halves(0, 1, 256, 256)} if flooded else {}
    water = halves(1, 0, 256, 256)
    return {"pixel": [10 * number + k, 100 + 10 * number + k], "mask:water_body": water, **known}


SEASONS = {"ROIs1158_spring": 1, "ROIs1868_summer": 2, "ROIs1970_fall": 3, "ROIs2017_winter": 4}


def patch(season: str, kind: str, number: int) -> str:
    return f"{season}/{kind}_{number}/{season}_{kind}_{number}_p{30 + number}.tif"


def sen12ms(root: Path) -> None:
    for season, number in SEASONS.items():
        cover = np.stack([halves(number, 17, 32, 32), *np.full((3, 32, 32), 9, np.uint8)])
        raster(root / patch(season, "lc", number), cover.astype(np.uint16), number)
        radar = np.stack([np.full((32, 32), value - number) for value in (-10.5, -17.25)])
        raster(root / patch(season, "s1", number), radar.astype(np.float32), number)
        chip(root / patch(season, "s2", number), number, 13, 32)


def covered(number: int) -> dict[str, object]:
    pixel = [-10.5 - number, -17.25 - number, *(1000 * k + number for k in range(1, 14))]
    return {"mask": halves(number - 1, 16, 32, 32), "pixel": pixel}


SECO_BANDS = {
    **dict.fromkeys(("B2", "B3", "B4", "B8"), 264),
    **dict.fromkeys(("B5", "B6", "B7", "B8A", "B11", "B12"), 132),
    **dict.fromkeys(("B1", "B9"), 44),
}
SECO_ORDER = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"]
SECO_DAYS = ("20190105", "20190330", "20190621", "20190914", "20191216")


def seasonalcontrasts2(root: Path) -> None:
    for place in range(2):
        for t, day in enumerate(reversed(SECO_DAYS)):
            name = f"{day}T100401_{day}T100429_T32TQM"
            for band, side in SECO_BANDS.items():
                value = 100 * place + 20 * (4 - t) + SECO_ORDER.index(band)
                picture(
                    root / f"seasonal_contrast_100k/{place:06}/{name}/{band}.tif",
                    np.full((side, side), value),
                )


LAYOUTS = {
    "etci2021": Layout(
        etci2021,
        {
            "train.zip": ["train"],
            "val_with_ref_labels.zip": ["test"],
            "test_without_ref_labels.zip": ["test_internal"],
        },
        {},
        {
            split: [tile(number, k, flooded=split != "test") for k in range(2)]
            for number, split in enumerate(ETCI)
        },
        2, (256, 256), "uint8",
    ),
    "sen12ms": Layout(
        sen12ms,
        {
            f"{season}_{kind}.tar.gz": [f"{season}/{kind}_{number}"]
            for season, number in SEASONS.items()
            for kind in ("lc", "s1", "s2")
        },
        {
            "train_list.txt": [
                f"{season}_s2_{number}_p{30 + number}.tif"
                for season, number in SEASONS.items()
                if number != 3
            ],
            "test_list.txt": ["ROIs1970_fall_s2_3_p33.tif"],
        },
        {"train": [covered(1), covered(2), covered(4)], "test": [covered(3)]},
        15, (32, 32), "float32",
    ),
    "seasonalcontrasts2": Layout(
        seasonalcontrasts2,
        {"seco_100k.zip": ["seasonal_contrast_100k"]},
        {},
        {
            "": [
                {
                    "pixel": [
                        [100 * place + 20 * t + k for k in range(12)] for t in range(len(SECO_DAYS))
                    ],
                    # Midnight of the five days, UTC.
                    "times": [1546646400, 1553904000, 1561075200, 1568419200, 1576454400],
                }
                for place in range(2)
            ]
        },
        12, (264, 264), "uint8", dates=5,
    ),
}  # fmt: skip
