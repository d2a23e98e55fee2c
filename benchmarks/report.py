"""Results of benchmarks as a Markdown table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Result:
    """One figure of ours, repeated, and the peer's where it has one."""

    name: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float] = ()
    floor: str = ""
    """What ours should reach, in words."""

    @property
    def ratio(self) -> float | None:
        """How many times as much the peer takes."""
        return median(self.peer) / median(self.ours) if self.peer else None

    def row(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.1f}"
        cells = self.name, self.unit, _spread(self.ours), _spread(self.peer), ratio, self.floor
        return f"| {' | '.join(cells)} |"

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": median(self.ours),
            "peer": median(self.peer) if self.peer else None,
            "ratio": self.ratio,
            "repeats": len(self.ours),
            "ours_all": list(self.ours),
            "peer_all": list(self.peer),
        }


def table(results: Sequence[Result]) -> str:
    head = "| what | unit | geoloom | TorchGeo | ratio | floor |\n| --- | --- | --- | --- | --- | --- |"
    return "\n".join([head, *(result.row() for result in results)])


def write(path: Path, results: Sequence[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([result.as_dict() for result in results], indent=1) + "\n")


def _spread(values: Sequence[float]) -> str:
    """The median, and the smallest and largest."""
    if not values:
        return ""
    digits = 3 if median(values) < 10 else 0
    low, middle, high = (f"{v:.{digits}f}" for v in (min(values), median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}-{high})"
