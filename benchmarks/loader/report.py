"""What came out: a Markdown table, a JSON file, and the paper's figure 3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .measure import Run

FLOORS = {
    "random": 30.0,
    "random_batch": 25.0,
    "grid": 15.0,
    "random_w2": 25.0,
    "random_batch_w2": 20.0,
    "grid_w2": 12.0,
    "random_deflate": 5.0,
    "grid_deflate": 4.0,
    "random_zstd": 5.0,
    "grid_zstd": 4.0,
    "random_prepared": 20.0,
}
"""The least ratio that counts as met."""


@dataclass(frozen=True, slots=True)
class Result:
    """One case, measured several times in turn."""

    name: str
    ours: list[Run]
    peer: list[Run]

    @property
    def ratio(self) -> float:
        return median(r.rate for r in self.ours) / median(r.rate for r in self.peer)

    def row(self) -> str:
        pairs = [o.rate / p.rate for o, p in zip(self.ours, self.peer, strict=True)]
        floor = FLOORS.get(self.name, 0.0)
        return (
            f"| {self.name} | {_rates(self.ours)} | {_rates(self.peer)} | {self.ratio:.1f} "
            f"({min(pairs):.1f}-{max(pairs):.1f}) | {floor:g} | "
            f"{_memory(self.ours):.0f} / {_memory(self.peer):.0f} | "
            f"{_start(self.ours):.1f} / {_start(self.peer):.1f} |"
        )


def _rates(runs: list[Run]) -> str:
    rates = [r.rate for r in runs]
    return f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"


def _memory(runs: list[Run]) -> float:
    return max(run.memory_mb for run in runs)


def _start(runs: list[Run]) -> float:
    return median(run.start_s for run in runs)


def table(results: list[Result]) -> str:
    head = (
        "| case | geoloom, samples/s | TorchGeo | ratio | floor | peak MB, both | s to first batch |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *(result.row() for result in results)])


def write(path: Path, results: list[Result]) -> None:
    lines = [
        {
            "name": result.name,
            "ours": round(median(r.rate for r in result.ours), 2),
            "peer": round(median(r.rate for r in result.peer), 2),
            "ratio": round(result.ratio, 2),
            "repeats": len(result.ours),
            "ours_all": [round(r.rate, 2) for r in result.ours],
            "peer_all": [round(r.rate, 2) for r in result.peer],
            "ours_peak_mb": round(_memory(result.ours)),
            "peer_peak_mb": round(_memory(result.peer)),
        }
        for result in results
    ]
    path.write_text(json.dumps(lines, indent=1) + "\n")


def draw(path: Path, results: list[Result]) -> None:
    """Rates by sampler, and random ones by the state of the data, both systems, on a log scale."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    named = {result.name: result for result in results}
    panels = {
        "a  by sampler": ("random", "random_batch", "grid"),
        "b  random, by the state of the data": (
            "random",
            "random_deflate",
            "random_zstd",
            "random_prepared",
        ),
    }
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axis, (title, wanted) in zip(axes, panels.items(), strict=True):
        shown = [named[name] for name in wanted if name in named]
        for shift, system, color in ((-0.2, "ours", "#1b6e3c"), (0.2, "peer", "#bdbdbd")):
            rates = [[r.rate for r in getattr(result, system)] for result in shown]
            middle = [median(r) for r in rates]
            spread = [[m - min(r), max(r) - m] for m, r in zip(middle, rates, strict=True)]
            places = [i + shift for i in range(len(shown))]
            label = "geoloom" if system == "ours" else "TorchGeo"
            axis.bar(places, middle, 0.38, color=color, label=label)
            axis.errorbar(
                places, middle, yerr=list(zip(*spread, strict=True)), fmt="none", color="k"
            )
        axis.set_xticks(range(len(shown)), [result.name for result in shown], rotation=12)
        axis.set_title(title, loc="left")
        axis.set_yscale("log")
    axes[0].set_ylabel("samples per second")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
