"""BigEarthNet in both versions, as they are documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from documented.layout import Layout, raster

M10, M20, M60 = "B02 B03 B04 B08", "B05 B06 B07 B11 B12 B8A", "B01 B09"
ORDER = [
    "VH",
    "VV",
    "B01",
    "B02",
    "B03",
    "B04",
    "B05",
    "B06",
    "B07",
    "B08",
    "B8A",
    "B09",
    "B11",
    "B12",
]
SIDES = {
    **dict.fromkeys(M10.split(), 120),
    **dict.fromkeys(M20.split(), 60),
    **dict.fromkeys(M60.split(), 20),
}

S2 = [f"S2A_MSIL2A_20170613T101031_{k}_45" for k in range(3)]
S1 = [f"S1A_IW_GRDH_1SDV_20170613T165043_33UUP_{k}_45" for k in range(3)]
LABELS = [
    ["Continuous urban fabric", "Water bodies"],
    ["Airports", "Non-irrigated arable land"],
    ["Sea and ocean", "Salines"],
]


def patch(optical: Path, radar: Path, number: int) -> None:
    """Band b of patch n holds 100 n + its place in the order."""
    for place, band in enumerate(ORDER):
        if band in SIDES:
            side = SIDES[band]
            values = np.full((1, side, side), 100 * number + place, np.uint16)
            raster(optical / f"{optical.name}_{band}.tif", values, 2 * number, 1200 / side)
        else:
            values = np.full((1, 120, 120), -100 * number - place, np.float32)
            raster(radar / f"{radar.name}_{band}.tif", values, 2 * number)


def pixel(number: int) -> list[float]:
    return [(-1 if place < 2 else 1) * (100 * number + place) for place in range(14)]


def version_1(root: Path) -> None:
    for number, (s2, s1, labels) in enumerate(zip(S2, S1, LABELS, strict=True)):
        optical, radar = root / "BigEarthNet-v1.0" / s2, root / "BigEarthNet-S1-v1.0" / s1
        patch(optical, radar, number)
        text = json.dumps({"labels": labels, "tile_source": "x"})
        (optical / f"{s2}_labels_metadata.json").write_text(text, encoding="utf-8")
        text = json.dumps({"labels": labels, "corresponding_s2_patch": s2})
        (radar / f"{s1}_labels_metadata.json").write_text(text, encoding="utf-8")


def kinds(*positions: int) -> list[bool]:
    return [position in positions for position in range(19)]


V2 = [f"S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP_{k}_57" for k in range(3)]
V2_S1 = [f"S1A_IW_GRDH_1SDV_20170613T165043_33UUP_{k}_57" for k in range(3)]


def version_2(root: Path) -> None:
    for number, (s2, s1) in enumerate(zip(V2, V2_S1, strict=True)):
        tile, orbit = (
            "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP",
            "S1A_IW_GRDH_1SDV_20170613T165043",
        )
        patch(root / "BigEarthNet-S2" / tile / s2, root / "BigEarthNet-S1" / orbit / s1, number)
        codes = np.full((1, 120, 120), 999, np.uint16)
        codes[0, :60], codes[0, 60:80] = 112, 523
        raster(root / "Reference_Maps" / tile / s2 / f"{s2}_reference_map.tif", codes, 2 * number)
    table = {
        "patch_id": V2,
        "s1_name": V2_S1,
        "split": ["train", "validation", "test"],
        "labels": [["Urban fabric", "Inland waters"], ["Arable land"], ["Marine waters"]],
    }
    pyarrow.parquet.write_table(pyarrow.table(table), root / "metadata.parquet")


def mapped(number: int) -> dict[str, Any]:
    rows = np.arange(120)[:, None].repeat(120, 1)
    return {
        "pixel": pixel(number),
        "mask": np.where((rows >= 60) & (rows < 80), 18, 0),
        "valid": rows < 80,
    }


LAYOUTS = {
    "bigearthnet": Layout(
        version_1,
        {
            "BigEarthNet-S2-v1.0.tar.gz": ["BigEarthNet-v1.0"],
            "BigEarthNet-S1-v1.0.tar.gz": ["BigEarthNet-S1-v1.0"],
        },
        {
            f"bigearthnet-{split}.csv": [f"{S2[k]},{S1[k]}"]
            for k, split in enumerate(("train", "val", "test"))
        },
        {
            "train": [{"multilabel": kinds(0, 17), "pixel": pixel(0)}],
            "val": [{"multilabel": kinds(2), "pixel": pixel(1)}],
            "test": [{"multilabel": kinds(16, 18), "pixel": pixel(2)}],
        },
        14, (120, 120), "float32",
    ),
    "bigearthnetv2": Layout(
        version_2,
        {},
        {},
        {split: [mapped(k)] for k, split in enumerate(("train", "val", "test"))},
        14, (120, 120), "float32", choices={"labels": "map"}, plain=("metadata.parquet",),
    ),
}  # fmt: skip
