"""Datasets of classes per pixel, as they are documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from documented.layout import Layout, photograph, picture, raster


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


BASE_SIZES = {"M-33-20-D-c-4-2": (40, 30), "N-33-60-D-c-4-2": (20, 24)}


def landcoveraibase(root: Path) -> None:
    for number, (name, size) in enumerate(BASE_SIZES.items()):
        step_m = (0.25, 0.5)[number]
        colours = np.stack([np.full(size, value, np.uint8) for value in (10 + number, 20, 30)])
        raster(root / f"images/{name}.tif", colours, number, step_m, "EPSG:2180")
        mask = halves(number, 4, *size)[None]
        raster(root / f"masks/{name}.tif", mask, number, step_m, "EPSG:2180")


PALETTE = [(255, 0, 0), (255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0)]
"""ISPRS: clutter, impervious surfaces, building, low vegetation, tree, car."""
ODD = (252, 255, 0)
"""A colour that means no class, as in the label of Potsdam's tile 4_12."""


def striped(colors: list[tuple[int, int, int]]) -> np.ndarray:
    """Two columns of each colour."""
    return np.repeat(np.array(colors, np.uint8)[None].repeat(6, 0), 2, axis=1)


def striped_codes(count: int) -> np.ndarray:
    return np.repeat(np.arange(count)[None].repeat(6, 0), 2, axis=1)


def potsdam2d(root: Path) -> None:
    for number, tile in enumerate(("2_10", "4_12", "2_13")):
        values = np.stack([np.full((6, 14), 10 * k + number, np.uint8) for k in range(1, 5)])
        raster(root / f"4_Ortho_RGBIR/top_potsdam_{tile}_RGBIR.tif", values, number, 0.05)
        last = ODD if tile == "4_12" else PALETTE[0]
        picture(root / f"top_potsdam_{tile}_label.tif", striped([*PALETTE, last]))


def vaihingen2d(root: Path) -> None:
    for area in (1, 30, 2):
        photograph(root / f"top/top_mosaic_09cm_area{area}.tif", area, 6, 12 + area)
        colours = np.zeros((6, 12 + area, 3), np.uint8) + np.uint8([0, 255, 0])
        picture(root / f"top_mosaic_09cm_area{area}.tif", colours)


def area(number: int) -> dict[str, object]:
    size = (6, 12 + number)
    return {"size": size, "mask": np.full(size, 4), "pixel": [number, 100, 200]}


ISPRS = np.concatenate([striped_codes(6), np.zeros((6, 2), int)], axis=1)

LAYOUTS = {
    "landcoveraibase": Layout(
        landcoveraibase,
        {"landcover.ai.v1.zip": ["images", "masks"]},
        {},
        {
            "": [
                {"size": size, "mask": halves(k, 4, *size), "pixel": [10 + k, 20, 30]}
                for k, size in enumerate(BASE_SIZES.values())
            ]
        },
        3, None, "uint8",
    ),
    "landcoverai100": Layout(
        landcoverai,
        {"landcoverai100.zip": ["output", "train.txt", "val.txt", "test.txt"]},
        {f"{split}.txt": [f"N-33-60-D-c-4-2_{k}"] for k, split in enumerate(("train", "val", "test"))},
        {
            split: [{"mask": halves(k, 4, 512, 512)}]
            for k, split in enumerate(("train", "val", "test"))
        },
        3, (512, 512), "uint8",
    ),
    "potsdam2d": Layout(
        potsdam2d,
        {
            "4_Ortho_RGBIR.zip": ["4_Ortho_RGBIR"],
            "5_Labels_all.zip": [f"top_potsdam_{tile}_label.tif" for tile in ("2_10", "2_13", "4_12")],
        },
        {},
        {
            "train": [
                {"mask": ISPRS, "pixel": [10, 20, 30, 40]},
                {
                    "mask": ISPRS,
                    "pixel": [11, 21, 31, 41],
                    "valid": np.arange(14)[None].repeat(6, 0) < 12,
                    "observed": np.ones((6, 14)),
                },
            ],
            "test": [{"mask": ISPRS, "pixel": [12, 22, 32, 42]}],
        },
        4, (6, 14), "uint8",
    ),
    "vaihingen2d": Layout(
        vaihingen2d,
        {
            "ISPRS_semantic_labeling_Vaihingen.zip": ["top"],
            "ISPRS_semantic_labeling_Vaihingen_ground_truth_COMPLETE.zip": [
                f"top_mosaic_09cm_area{number}.tif" for number in (1, 2, 30)
            ],
        },
        {},
        {"train": [area(1), area(30)], "test": [area(2)]},
        3, None, "uint8",
    ),
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
