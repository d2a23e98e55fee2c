"""The queries, drawn once by our samplers and asked of both systems."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Literal

from geoloom.core.grid import crs_name
from geoloom.datasets.sensors.cdl import CDL
from geoloom.datasets.sensors.landsat import Landsat8
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler

from .data import BANDS

SamplerName = Literal["random", "random_batch", "grid"]
SAMPLERS: tuple[SamplerName, ...] = ("random", "random_batch", "grid")
SIZE_PX, STRIDE_PX, BATCH = 224, 112, 64


def write(path: Path, root: Path, sampler: SamplerName, length: int, seed: int) -> Path:
    """Batches of (left, bottom, right, top) on one lattice in the first scene's CRS, as JSON."""
    dataset = Landsat8(root / "landsat", bands=BANDS) & CDL(root / "cdl")
    if sampler == "random":
        drawn = RandomGeoSampler(dataset, SIZE_PX, length, generator=seed, grid="common")
        flat = list(drawn)
    elif sampler == "random_batch":
        batched = RandomBatchGeoSampler(
            dataset, SIZE_PX, BATCH, length, generator=seed, grid="common"
        )
        flat = [query for batch in batched for query in batch]
    else:
        flat = list(islice(GridGeoSampler(dataset, SIZE_PX, STRIDE_PX, grid="common"), length))
    boxes = [query.grid.boundingbox for query in flat]
    sides = [(b.left, b.bottom, b.right, b.top) for b in boxes]
    batches = [sides[i : i + BATCH] for i in range(0, len(sides), BATCH)]
    path.write_text(json.dumps({"crs": crs_name(flat[0].grid.crs), "batches": batches}))
    return path
