"""The counting of an evaluation: here, or shared by the processes of several devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import distributed

from ..core.grid import PixelWindow, window_grid, window_inside
from ..core.progress import Progress
from ..core.roi import Roi
from ..inference.plan import Tile, model_plan
from ..inference.scores import scene_scores
from ..io.headers.header import Header
from ..models.opening import load_scorer
from ..tasks.answers import Scorer
from ..tasks.part import WHOLE, Part
from ..tasks.ranks import Ranks, other_devices
from ..tasks.scoring import Count, count_samples
from ..tasks.source import TrainingSource
from ..tasks.sums import gathered
from .areas import labels_in
from .truth import Truth


class Counted(Protocol):
    """What is counted. Picklable."""

    def count(self, scorer: Scorer, part: Part, progress: Progress | None) -> Count:
        """Count a part of it; the counts of all parts, taken together in order, are that of the whole."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Chosen samples of a source."""

    source: TrainingSource
    chosen: np.ndarray
    batch_size: int
    unit: str | Sequence[str] | None

    def count(self, scorer: Scorer, part: Part, progress: Progress | None) -> Count:
        """See `Counted.count`; parts are of whole batches."""
        return count_samples(
            scorer, self.source, self.chosen, self.batch_size, progress, self.unit, part
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A scene against truth."""

    header: Header
    truth: Truth
    empty: Count
    """Which counts the truth's labels and the model's answers, and has counted nothing yet."""
    area: Roi | None
    unit: str | Sequence[str] | None
    tile_px: int
    halo_px: int

    def count(self, scorer: Scorer, part: Part, progress: Progress | None) -> Count:
        """See `Counted.count`; parts are of whole rows of tiles."""
        count = deepcopy(self.empty)
        seen = getattr(scorer, "input_px", None)
        plan = model_plan(self._shape, seen, self.tile_px, self.halo_px)
        rows = part.of_pieces(plan.counts[0])

        def wanted(tile: Tile) -> bool:
            # A row's first pixels are those that the row above reaches too.
            seen = tile.row in rows or tile.row + 1 in rows
            return seen and bool(self._under(tile.read)[1].any())

        blocks = scene_scores(
            scorer,  # type: ignore[arg-type]  # without classes it has outputs, which are enough
            self.header,
            wanted=wanted,
            tile=self.tile_px,
            halo=self.halo_px,
            unit=self.unit,
            progress=progress,
        )
        for block in blocks:
            if block.tile.row not in rows or block.valid is None or not block.valid.any():
                continue
            labels, stated = self._under(block.tile.emit)
            count.add_scores(labels, block.scores, stated & block.valid)
        return count

    @property
    def _shape(self) -> tuple[int, int]:
        height, width = self.header.grid.shape
        return int(height), int(width)

    def _under(self, window: PixelWindow) -> tuple[np.ndarray, np.ndarray]:
        part = window_inside(window, self._shape)
        assert part is not None  # every tile touches the scene
        return labels_in(self.truth, self.area, window_grid(self.header.grid, part))


@dataclass(frozen=True, slots=True)
class EvaluationJob:
    """An evaluation as `ranks.SharedWork`."""

    model: Path
    """A folder or an ONNX file, which each process reads."""
    counted: Counted
    device: str
    devices: int

    @property
    def verb(self) -> str:
        """For messages."""
        return "evaluation"

    def prepare(self, rank: int) -> Callable[[Ranks], None]:
        """The model of one of the other processes."""
        place = f"cuda:{rank}" if self.device == "cuda" else self.device
        scorer = load_scorer(self.model, place)

        def count(ranks: Ranks) -> None:
            self.share(ranks, scorer, None)

        return count

    def share(self, ranks: Ranks, scorer: Scorer, progress: Progress | None) -> list[Count]:
        """Count this process's part; the counts of all parts."""
        rank = ranks.local_rank()
        distributed.init_process_group(
            "gloo",  # counts lie in this process's memory, wherever the model runs
            init_method=f"tcp://{ranks.main_address}:{ranks.main_port}",
            rank=rank,
            world_size=self.devices,
        )
        return gathered(self.counted.count(scorer, Part(rank, self.devices), progress))


def count_on(
    job: EvaluationJob | None, counted: Counted, scorer: Scorer, progress: Progress | None
) -> Count:
    """The count of it all.

    Args:
        job: Where several devices share the work; else None.
        counted: What is counted.
        scorer: The model, as this process uses it.
        progress: Called with (done, total) of this process's part.

    Raises:
        ConfigError, ModelError: as of `other_devices`.
    """
    if job is None:
        return counted.count(scorer, WHOLE, progress)
    with other_devices(job) as ranks:
        assert ranks is not None  # there are several devices
        whole, *others = job.share(ranks, scorer, progress)
    for other in others:
        whole.take(other)
    return whole
