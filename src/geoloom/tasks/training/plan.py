"""Which samples are learned from, and which choose the weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import DatasetError
from ...core.outputs import Outputs
from ...splits.names import Split
from ..learnable import learn_targets
from ..registry import get_task, usual_task
from ..source import TrainingSource, open_labelled

logger = logging.getLogger(__name__)

Given = str | Path | TrainingSource


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The samples of a training."""

    task: str
    """What learns from them, by name."""
    source: TrainingSource
    outputs: Outputs
    """What is learned from them."""
    train: tuple[int, ...]
    """Numbers in `source`."""
    judge: TrainingSource | None
    """Of the validation samples; None where there are none."""
    val: tuple[int, ...]
    """Numbers in `judge`."""

    @classmethod
    def of(cls, data: Given, task: str | None = None, val: Given | None = None) -> TrainingPlan:
        """Choose samples by their splits, and where no task is named the one for their labels; see `train`.

        Raises:
            DatasetError: a source has no labels, or the two differ in bands or classes.
            ConfigError: the task learns something else than the labels teach.
        """
        source = open_labelled(data)
        if source.outputs is None:
            raise DatasetError(
                f"{source.path} has no labels to learn from; cut the chips with a label raster"
            )
        task = task or usual_task(source.outputs)
        outputs = get_task(task).as_outputs(source.outputs)
        learned = _numbers(source.indices("train" if source.splits else None))
        judge = source if val is None else open_labelled(val)
        split = judging_split(judge)
        if judge is source and split is None:
            return cls(task, source, outputs, learned, None, ())
        _check_alike(source, judge)
        return cls(task, source, outputs, learned, judge, _numbers(judge.indices(split)))

    def warn(self, keep: str) -> None:
        """Warn of what the splits mean for the weights that are kept; `keep` as of `TrainConfig`."""
        if self.judge is None:
            logger.warning(
                "%s has no split 'val' or 'test': nothing shows when the network has learned enough, and "
                "the weights of the last epoch are kept",
                self.source.path,
            )
        elif self.judge is self.source and judging_split(self.judge) == "test" and keep == "best":
            logger.warning(
                "%s has no split 'val': its split 'test' chooses the weights, so that a score on it will "
                "be a little too good",
                self.source.path,
            )

    def to_dict(self) -> dict[str, Any]:
        """Where the samples are and how many, for the record."""
        return {
            "path": str(self.source.path.absolute()),
            "train": len(self.train),
            "validation_path": str(self.judge.path.absolute()) if self.judge else None,
            "validation": len(self.val),
        }

    def learn_targets(self) -> tuple[Outputs, np.ndarray]:
        """What `learn_targets` finds in the training samples' labels.

        Raises:
            DatasetError: they, or the validation samples', teach nothing.
        """
        labels = (self.source.labels(i) for i in self.train)
        learned = learn_targets(self.outputs, labels, str(self.source.path))
        self._check_validation()
        return learned

    def _check_validation(self) -> None:
        """Refuse validation samples that can measure nothing."""
        judge = self.judge
        if judge is not None and not any(known for known in self._known(judge)):
            raise DatasetError(
                f"no validation sample of {judge.path} has a label to choose the weights by; cut others"
            )

    def _known(self, judge: TrainingSource) -> Iterator[bool]:
        for i in self.val:
            labels = judge.labels(i)
            yield bool(labels["valid"].any()) if "valid" in labels else True


def judging_split(source: TrainingSource) -> Split | None:
    """The split that chooses a training's weights; None where there is none."""
    if "val" in source.splits:
        return "val"
    return "test" if "test" in source.splits else None


def _numbers(indices: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in indices)


def _check_alike(source: TrainingSource, judge: TrainingSource) -> None:
    if (_quantities(judge), judge.outputs) != (_quantities(source), source.outputs):
        found, expected = (
            f"bands {', '.join(_quantities(s))} and {s.outputs.short if s.outputs else 'no labels'}"
            for s in (judge, source)
        )
        raise DatasetError(
            f"{judge.path} has {found}; the training samples {source.path} have {expected}: cut both alike"
        )


def _quantities(source: TrainingSource) -> list[str]:
    """What the stored numbers of each band mean, for messages too."""
    return [
        f"{band.name} ({band.unit or 'no known unit'}, scale {band.scale:g}, offset {band.offset:g})"
        for band in source.bands
    ]
