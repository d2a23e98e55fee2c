"""How right the last batch of each system is: labels against pyproj, images against the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.testing.ramps import truth

from .data import GSD_M
from .queries import SIZE_PX


def label_agreement(dump: Path, root: Path, queries: Path) -> float:
    """Fraction of label pixels that are the source pixel under their centre, by pyproj.

    Classes may have been renumbered: each code counts as the number that it was most often given.
    """
    masks = np.load(dump)["mask"]
    given = json.loads(queries.read_text())
    path = next((root / "cdl").glob("*.tif"))
    with rasterio.open(path) as file:
        values = file.read(1)
        source = GeoBox(file.shape, file.transform, file.crs.to_wkt())
    right = 0
    for (left, _, _, top), mask in zip(given["batches"][-1], masks, strict=True):
        grid = GeoBox((SIZE_PX, SIZE_PX), Affine(GSD_M, 0, left, 0, -GSD_M, top), given["crs"])
        right += _equal(truth(source, grid).nearest(values), mask)
    return float(right / masks.size)


def _equal(expected: np.ndarray, mask: np.ndarray) -> int:
    right = 0
    for code in np.unique(expected):
        given, counts = np.unique(mask[expected == code], return_counts=True)
        right += int(counts.max()) if given.size else 0
    return right


def image_agreement(ours: Path, theirs: Path) -> dict[str, Any]:
    """How many chips of the batch are equal in both systems, and how far the others are apart."""
    one, other = np.load(ours)["image"], np.load(theirs)["image"]
    off = np.abs(one - other).reshape(len(one), -1)
    return {
        "equal": int((off.max(axis=1) == 0).sum()),
        "chips": len(one),
        "mean_off": float(off.mean()),
    }
