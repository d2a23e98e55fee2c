"""One epoch through TorchGeo, in a fresh process of its own environment; prints one line of JSON.

Stands alone: nothing of geoloom is installed there.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchgeo.datasets import CDL, Landsat8, stack_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--dump", type=Path)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    bands = [f"SR_B{i}" for i in range(1, 8)]
    landsat = Landsat8(str(given.root / "landsat"), bands=bands)
    dataset = landsat & CDL(str(given.root / "cdl"), years=[2019])
    when = dataset.bounds[2]
    asked = json.loads(given.queries.read_text())
    batches = [
        [(slice(left, right), slice(bottom, top), when) for left, bottom, right, top in batch]
        for batch in asked["batches"]
    ]
    loader = DataLoader(
        dataset, batch_sampler=batches, collate_fn=stack_samples, num_workers=given.workers
    )
    count, first = 0, 0.0
    started = time.perf_counter()
    for batch in loader:
        first = first or time.perf_counter()
        count += len(batch["image"])
    seconds = time.perf_counter() - started
    assert batch["image"].dtype == torch.float32
    assert batch["mask"].dtype == torch.int64
    if given.dump is not None:
        np.savez(given.dump, image=batch["image"].numpy(), mask=batch["mask"].numpy())
    print(json.dumps({"samples": count, "seconds": seconds, "first": first}))


if __name__ == "__main__":
    main()
