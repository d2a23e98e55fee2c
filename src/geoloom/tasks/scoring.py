"""A model's answers to labelled samples, counted: what a training ends with, and what `evaluate` reports.

Legend: B batch, K classes or values, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..chips.overlaps import ChipMosaic, ChipPlace, chip_places
from ..chips.store import ChipStore
from ..core.classes import Classes
from ..core.errors import DatasetError, ModelError
from ..core.outputs import ClassOutputs, Kind, Outputs, ValueOutputs, require_targets
from ..core.progress import Progress
from ..metrics.class_count import ClassCount, match_classes
from ..metrics.tally import Report
from ..metrics.value_count import ValueCount
from ..models.scene_bands import InputBands, SourceBands, find_input
from .source import TrainingSource

Unit = str | Sequence[str] | None


class Scorer(Protocol):
    """A loaded model, or anything that answers likewise. One of classes may have `classes` for `outputs`."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the input's channels."""

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """Finished answers, float32 (B, K, H, W), or (B, K) per image."""


def outputs_of(scorer: Any) -> Outputs:
    """What a scorer gives.

    Raises:
        ModelError: it says neither `outputs` nor `classes`.
    """
    outputs: Outputs | None = getattr(scorer, "outputs", None)
    classes: Classes | None = getattr(scorer, "classes", None) if outputs is None else None
    if outputs is None and classes is None:
        raise ModelError(
            f"a {type(scorer).__name__} does not say what its answers mean; give it the attribute `outputs` "
            "(or `classes`)"
        )
    return outputs if outputs is not None else ClassOutputs(classes)  # type: ignore[arg-type]


def score_samples(
    scorer: Scorer,
    source: TrainingSource,
    chosen: np.ndarray,
    batch_size: int,
    progress: Progress | None = None,
    unit: Unit = None,
) -> Report:
    """Score a model on labelled samples.

    Guarantee: under chips that overlap, every pixel of the ground counts once, by the mean of the answers
    that cover it; a sample that is answered as a whole counts once.

    Args:
        scorer: Answers the samples.
        source: Holds them.
        chosen: Their numbers.
        batch_size: Samples at once.
        progress: Called with (done, total).
        unit: What the stored numbers are, instead of what the source says; see `find_input`.

    Returns:
        `Accuracy` of classes, `ValueAccuracy` of values.

    Raises:
        DatasetError: the samples have no labels, or others than the scorer gives.
        ModelError: bands, classes or values do not match the scorer's, or nothing could be counted.
    """
    outputs, labels = outputs_of(scorer), source.outputs
    if labels is None:
        raise DatasetError(f"{source.path} has no labels; cut the chips with a label raster")
    if (labels.kind, labels.gives) != (outputs.kind, outputs.gives):
        raise DatasetError(
            f"{source.path} is labelled with {labels.short}, the model gives {outputs.short}; give samples "
            "that hold what it gives"
        )
    count = _COUNTS[outputs.kind](outputs, labels, str(source.path))
    answers = _Answers(scorer, source, _input(scorer, source, unit), batch_size, progress)
    if outputs.gives == "pixels" and isinstance(source, ChipStore):
        for truth, scores, counted in answers.on_the_ground(source, chosen, outputs):
            count.add_scores(truth, scores, counted)
    else:
        for truth, scores, counted in answers.one_by_one(chosen, outputs):
            count.add_scores(truth, scores, counted)
    return count.report()


class Count(Protocol):
    """Sums answers against the truth, whichever kind both are: `ClassCount`, or `ValueCount`."""

    def add_scores(self, truth: np.ndarray, scores: np.ndarray, counted: np.ndarray) -> None:
        """Truth (..., H, W) as its source holds it, scores (K, H, W), counted bool (H, W)."""

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


class _Answers:
    """Runs the scorer over samples, batch by batch."""

    def __init__(
        self,
        scorer: Scorer,
        source: TrainingSource,
        bands: InputBands,
        batch_size: int,
        progress: Progress | None,
    ) -> None:
        self._scorer = scorer
        self._source = source
        self._bands = bands
        self._channels = [number - 1 for number in bands.numbers]
        self._batch_size = batch_size
        self._progress = progress

    def on_the_ground(
        self, store: ChipStore, chosen: np.ndarray, outputs: Outputs
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Truth, mean answers and whether they count, a block of the ground after the other."""
        places = chip_places(store, chosen)
        mosaic = ChipMosaic(places, store.size)
        ordered = np.array([place.chip for place in places], np.int64)
        by_chip: dict[int, ChipPlace] = {place.chip: place for place in places}
        for chip, sample, scores in self._run(ordered, outputs):
            truth, counted = _truth(sample, outputs)
            for block in mosaic.add(by_chip[chip], truth, scores, counted):
                yield block.truth, block.scores, block.counted

    def one_by_one(
        self, chosen: np.ndarray, outputs: Outputs
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Truth, answers and whether they count, of sample after sample: an image is a map of one pixel."""
        for _, sample, scores in self._run(chosen, outputs):
            truth, counted = _truth(sample, outputs)
            if outputs.gives != "pixels":
                truth, scores = truth[..., None, None], scores[..., None, None]
                counted = np.ones((1, 1), bool)
            yield truth, scores, counted

    def _run(
        self, numbers: np.ndarray, outputs: Outputs
    ) -> Iterator[tuple[int, Mapping[str, np.ndarray], np.ndarray]]:
        """Number, sample and finished answers (K, ...) of each."""
        samples = self._source.samples(numbers.tolist())
        for start in range(0, len(numbers), self._batch_size):
            stop = min(start + self._batch_size, len(numbers))
            batch = [samples[i] for i in range(start, stop)]
            for sample in batch:
                require_targets(sample, outputs)
            image = np.stack([np.asarray(sample["image"])[self._channels] for sample in batch])
            observed = np.stack([_observed(sample) for sample in batch])
            numbers_fed = self._bands.convert(torch.from_numpy(image.astype(np.float32)))
            scores = self._scorer(numbers_fed, torch.from_numpy(observed)).cpu().numpy()
            for i, sample in enumerate(batch):
                yield int(numbers[start + i]), sample, scores[i]
            if self._progress is not None:
                self._progress(stop, len(numbers))


def _truth(sample: Mapping[str, Any], outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """The target, and where it counts, bool (H, W)."""
    truth = np.asarray(sample[outputs.target.key])
    if outputs.gives != "pixels":
        return truth, np.ones((), bool)
    known = np.asarray(sample["valid"]) if "valid" in sample else np.ones(truth.shape[-2:], bool)
    if outputs.kind == "values":
        known = known & np.isfinite(truth).any(axis=0)
    return truth, known


def _observed(sample: Mapping[str, Any]) -> np.ndarray:
    """Where the image was seen, bool (H, W)."""
    for key in ("observed", "valid"):
        if key in sample:
            return np.asarray(sample[key])
    return np.ones(np.asarray(sample["image"]).shape[-2:], bool)


def _input(scorer: Scorer, source: TrainingSource, unit: Unit) -> InputBands:
    """Which channels of the samples the scorer reads, and how their numbers become its own."""
    numbers = tuple(range(1, len(source.bands) + 1))
    given = SourceBands(
        str(source.path), source.bands, numbers, (str(source.dtype),) * len(numbers)
    )
    return find_input(getattr(scorer, "card", None) or scorer.bands, given, unit)
