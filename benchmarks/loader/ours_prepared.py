"""One epoch of prepared chips through geoloom, in a fresh process; prints one line of JSON.

As `ours`, but the samples come from the store that `prepared.make_chips` made of the same queries, in random
order as in a training; with `--dump`, in the queries' order, so that the last batch is the peer's.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from geoloom.chips.store import ChipStore
from geoloom.datasets.loader import loader

from .queries import BATCH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("queries", type=Path, help="ignored: the store holds what they gave")
    parser.add_argument(
        "--workers", type=int, default=0, help="ignored: threads are one a processor"
    )
    parser.add_argument("--dump", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = ChipStore.open(given.store).dataset(labels="codes")
    dataset.__getitems__(
        [0]
    )  # as `ours` does: loads what the first batch needs, but reads nothing ahead
    batches = loader(dataset, batch_size=BATCH, shuffle=given.dump is None)
    count, first = 0, 0.0
    started = time.perf_counter()
    for batch in batches:
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
