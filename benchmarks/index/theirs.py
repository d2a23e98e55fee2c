"""Build TorchGeo's index in a fresh process of its own environment; prints one line of JSON.

Stands alone: nothing of geoloom is installed there.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path

from torchgeo.datasets import RasterDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path)
    parser.add_argument("regex")
    given = parser.parse_args()
    logging.disable(logging.WARNING)

    class Scenes(RasterDataset):
        filename_regex = given.regex

    started, cpu = time.perf_counter(), time.process_time()
    dataset = Scenes(str(given.files))
    result = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "scenes": len(dataset),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
