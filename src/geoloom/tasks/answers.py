"""What a model answers to numbered samples, chips or pictures, batch by batch.

Legend: B batch, K classes or values, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..core.classes import Classes
from ..core.errors import ModelError
from ..core.outputs import ClassOutputs, Outputs
from ..core.progress import Progress
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


def answers(
    scorer: Scorer,
    source: TrainingSource,
    numbers: np.ndarray,
    batch_size: int,
    progress: Progress | None = None,
    unit: Unit = None,
) -> Iterator[tuple[int, Mapping[str, Any], np.ndarray]]:
    """Number, sample and finished answers (K, ...) of some samples, in the order of `numbers`.

    Args:
        scorer: Answers the samples.
        source: Holds them.
        numbers: Of those wanted.
        batch_size: Samples at once.
        progress: Called with (done, total).
        unit: What the stored numbers are, instead of what the source says; see `find_input`.

    Raises:
        ModelError: the samples lack the scorer's bands, or it answers in another shape than it says, or NaN.
    """
    bands, outputs = _input(scorer, source, unit), outputs_of(scorer)
    channels = [number - 1 for number in bands.numbers]
    samples = source.samples(numbers.tolist())
    for start in range(0, len(numbers), batch_size):
        stop = min(start + batch_size, len(numbers))
        batch = [samples[i] for i in range(start, stop)]
        image = np.stack([np.asarray(sample["image"])[channels] for sample in batch])
        observed = np.stack([_observed(sample) for sample in batch])
        fed = bands.convert(torch.from_numpy(image.astype(np.float32)))
        scores = scorer(fed, torch.from_numpy(observed)).cpu().numpy()
        _check(scores, observed, outputs, str(source.path))
        for i, sample in enumerate(batch):
            yield int(numbers[start + i]), sample, scores[i]
        if progress is not None:
            progress(stop, len(numbers))


def _check(scores: np.ndarray, observed: np.ndarray, outputs: Outputs, where: str) -> None:
    pixels = observed.shape[1:] if outputs.gives == "pixels" else ()
    expected = (len(observed), outputs.channels, *pixels)
    if scores.shape != expected:
        raise ModelError(
            f"the model answered with shape {scores.shape}, expected {expected} for {outputs.short}"
        )
    counted = observed[:, None] if pixels else np.ones((len(observed), 1), bool)
    wrong = np.count_nonzero(~np.isfinite(scores) & counted)
    if wrong:
        raise ModelError(
            f"the model answered NaN or infinity {wrong} times to samples of {where}: train it again with a "
            "lower learning rate"
        )


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
    known = getattr(scorer, "card", None) or getattr(scorer, "fed", None) or scorer.bands
    return find_input(known, given, unit)
