"""What few labels of real images teach a network, with `train`'s recipe and without it, and a forest.

    python -m benchmarks.few_labels DATA RESULTS.jsonl [--case prodes] [--draws 5] [--seeds 3] [--by recipe]

DATA holds `prodes_landsat8`, `naip_trees` and `rondonia_landsat8`. For each draw of labels all methods learn
from the same chips and are scored on the same pixels: those of the polygons held out for the test, and those
of ground that was not drawn. RESULTS keeps each run in a line; those that it holds are not done again.
Prints a Markdown table: mean accuracy and mean F1, each with the standard deviation of the draws' means and,
behind a stroke, that of the seeds of a draw.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from .cases import CASES
from .measure import METHODS
from .report import Results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--by", action="append", choices=list(METHODS))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = Results(given.results)
    for case in given.case or CASES:
        for number in range(given.draws):
            todo = [
                (by, seed)
                for by in given.by or METHODS
                for seed in range(given.seeds)
                if not results.has(case, number, by, seed)
            ]
            if not todo:
                continue
            with tempfile.TemporaryDirectory() as work:
                draw = CASES[case](given.data, Path(work), number)
                for by, seed in todo:
                    results.add(
                        case, number, by, seed, *METHODS[by](draw, Path(work) / "model", seed)
                    )
    print(results.table())


if __name__ == "__main__":
    main()
