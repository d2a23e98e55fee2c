"""A model's answers to labelled samples, counted: what a training ends with, and what `evaluate` reports.

Legend: B batch, K classes or values, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, Self

import numpy as np

from ..chips.overlaps import ChipMosaic, ChipPlace, chip_places
from ..chips.store import ChipStore
from ..core.errors import DatasetError, ModelError
from ..core.outputs import ClassOutputs, Kind, Outputs, ValueOutputs, require_targets
from ..core.progress import Progress
from ..metrics.class_count import ClassCount, match_classes
from ..metrics.tally import Report
from ..metrics.value_count import ValueCount
from .answers import Scorer, Unit, answers, outputs_of
from .part import WHOLE, Part
from .source import TrainingSource

Answered = Iterator[tuple[int, Mapping[str, Any], np.ndarray]]
"""Number, sample and answers of one sample after the other."""
Counted = Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Truth (..., H, W), answers (K, H, W), and where they count, bool (H, W)."""


def score_samples(
    scorer: Scorer,
    source: TrainingSource,
    chosen: np.ndarray,
    batch_size: int,
    progress: Progress | None = None,
    unit: Unit = None,
) -> Report:
    """Score a model on labelled samples; arguments and errors as of `count_samples`.

    Returns:
        `Accuracy` of classes, `ValueAccuracy` of values.

    Raises:
        ModelError: nothing could be counted.
    """
    return count_samples(scorer, source, chosen, batch_size, progress, unit).report()


def count_samples(
    scorer: Scorer,
    source: TrainingSource,
    chosen: np.ndarray,
    batch_size: int,
    progress: Progress | None = None,
    unit: Unit = None,
    part: Part = WHOLE,
) -> Count:
    """Count a model's answers to labelled samples.

    Guarantee: under chips that overlap, every pixel of the ground counts once, by the mean of the answers
    that cover it; a sample that is answered as a whole counts once. The counts of all parts, taken together
    in order, are that of the whole: batches are cut alike, so that even the answers are.

    Args:
        scorer: Answers the samples.
        source: Holds them.
        chosen: Their numbers.
        batch_size: Samples at once.
        progress: Called with (done, total) of this part.
        unit: What the stored numbers are, instead of what the source says; see `find_input`.
        part: Which of the batches are counted here. Chips of other batches are answered too where pixels
            that are counted here lie under them.

    Raises:
        DatasetError: the samples have no labels, or others than the scorer gives.
        ModelError: bands, classes or values do not match the scorer's.
    """
    outputs, labels = outputs_of(scorer), source.outputs
    if labels is None:
        raise DatasetError(f"{source.path} has no labels; cut the chips with a label raster")
    if (labels.kind, labels.gives) != (outputs.kind, outputs.gives):
        raise DatasetError(
            f"{source.path} is labelled with {labels.short}, the model gives {outputs.short}; give samples "
            "that hold what it gives"
        )
    if outputs.kind not in _COUNTS:
        raise ModelError(
            f"the model gives {outputs.short}, which nothing counts yet; {' and '.join(_COUNTS)} are scored"
        )
    count = _COUNTS[outputs.kind](outputs, labels, str(source.path))
    answered = partial(answers, scorer, source, batch_size=batch_size, progress=progress, unit=unit)
    batches = part.of_pieces(-(-len(chosen) // batch_size))
    own = range(batches.start * batch_size, min(batches.stop * batch_size, len(chosen)))
    if outputs.gives == "pixels" and isinstance(source, ChipStore):
        places = chip_places(source, chosen)
        mosaic = ChipMosaic(places, source.size, own)
        wanted = {at // batch_size for at in mosaic.needed}
        places = [place for at, place in enumerate(places) if at // batch_size in wanted]
        ordered = np.array([place.chip for place in places], np.int64)
        parts = _on_the_ground(answered(numbers=ordered), places, mosaic, outputs)
    else:
        parts = _one_by_one(answered(numbers=chosen[own.start : own.stop]), outputs)
    for truth, scores, counted in parts:
        count.add_scores(truth, scores, counted)
    return count


class Count(Protocol):
    """Sums answers against the truth, whichever kind both are: `ClassCount`, or `ValueCount`."""

    def add_scores(self, truth: np.ndarray, scores: np.ndarray, counted: np.ndarray) -> None:
        """Truth (..., H, W) as its source holds it, scores (K, H, W), counted bool (H, W)."""

    def take(self, other: Self) -> None:
        """Count also what another has counted, after this one's own."""

    def report(self) -> Report:
        """All figures."""


def _count_classes(outputs: Outputs, labels: Outputs, where: str) -> Count:
    """Of class positions in the source, matched by name."""
    assert isinstance(outputs, ClassOutputs)  # the table's own key
    names = dict(enumerate(labels.names))
    positions = match_classes(names, outputs.classes, where)
    return ClassCount(outputs.classes, positions, names, where, outputs.per)


def _count_values(outputs: Outputs, labels: Outputs, where: str) -> Count:
    assert isinstance(outputs, ValueOutputs)  # the table's own key
    assert isinstance(labels, ValueOutputs)
    return ValueCount(outputs, labels, where)


_COUNTS: dict[Kind, Callable[[Outputs, Outputs, str], Count]] = {
    "classes": _count_classes,
    "values": _count_values,
}


def _on_the_ground(
    answered: Answered, places: list[ChipPlace], mosaic: ChipMosaic, outputs: Outputs
) -> Counted:
    """The mean answers of the chips that cover a block of the ground, block by block."""
    for place, (_, sample, scores) in zip(places, answered, strict=True):
        truth, counted = _truth(sample, outputs)
        for block in mosaic.add(place, truth, scores, counted):
            yield block.truth, block.scores, block.counted


def _one_by_one(answered: Answered, outputs: Outputs) -> Counted:
    """Sample after sample; an image is counted as a map of one pixel."""
    for _, sample, scores in answered:
        truth, counted = _truth(sample, outputs)
        if outputs.gives == "pixels":
            yield truth, scores, counted
        else:
            yield truth[..., None, None], scores[..., None, None], counted[None, None]


def _truth(sample: Mapping[str, Any], outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """The target, and where it counts: bool (H, W), or () of an image."""
    require_targets(sample, outputs)
    truth = np.asarray(sample[outputs.target.key])
    if outputs.gives != "pixels":
        return truth, np.ones((), bool)
    known = np.asarray(sample["valid"]) if "valid" in sample else np.ones(truth.shape[-2:], bool)
    return truth, known & np.isfinite(truth).any(axis=0) if outputs.kind == "values" else known
