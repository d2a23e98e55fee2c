"""The runs of the benchmark, kept in a file, and their table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np


class Results:
    """One line of JSON a run.

    Args:
        path: The file, made with the first run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs: list[dict[str, Any]] = []
        if path.exists():
            self._runs = [json.loads(line) for line in path.read_text().splitlines()]

    def has(self, case: str, draw: int, by: str, seed: int) -> bool:
        return any(
            (run["case"], run["draw"], run["by"], run["seed"]) == (case, draw, by, seed)
            for run in self._runs
        )

    def add(
        self,
        case: str,
        draw: int,
        by: str,
        seed: int,
        figures: Mapping[str, tuple[float, float]],
        seconds: float,
    ) -> None:
        run = {"case": case, "draw": draw, "by": by, "seed": seed, "figures": dict(figures)}
        self._runs.append({**run, "seconds": round(seconds, 1)})
        with self._path.open("a") as file:
            file.write(json.dumps(self._runs[-1]) + "\n")

    def table(self) -> str:
        head = "| | scored on | by | runs | accuracy | mean F1 | seconds |"
        return "\n".join([head, "|---|---|---|---|---|---|---|", *self._rows()])

    def _rows(self) -> Iterator[str]:
        kinds = [(run["case"], what, run["by"]) for run in self._runs for what in run["figures"]]
        for case, what, by in sorted(set(kinds), key=kinds.index):
            own = [run for run in self._runs if (run["case"], run["by"]) == (case, by)]
            draws = sorted({run["draw"] for run in own})
            by_draw = [
                np.array([run["figures"][what] for run in own if run["draw"] == draw])
                for draw in draws
            ]
            accuracy, f1 = (_spread([figures[:, k] for figures in by_draw]) for k in (0, 1))
            seconds = np.mean([run["seconds"] for run in own])
            yield f"| {case} | {what} | {by} | {len(own)} | {accuracy} | {f1} | {seconds:.0f} |"


def _spread(by_draw: list[np.ndarray]) -> str:
    """Mean of the draws' means, their standard deviation, and the mean one of the seeds."""
    means = [float(figures.mean()) for figures in by_draw]
    draws = float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")
    several = [figures for figures in by_draw if len(figures) > 1]
    seeds = float(np.mean([np.std(each, ddof=1) for each in several])) if several else float("nan")
    return f"{np.mean(means):.3f} ± {draws:.3f} / {seeds:.3f}"
