"""A forest learned from the chips of a training, and scored where the network is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...core.errors import ConfigError
from ...core.outputs import ClassOutputs
from ...metrics.accuracy import Accuracy
from ...metrics.baseline import Baseline, BaselineScore
from ..scoring import score_samples
from ..source import TrainingSource
from ..training.plan import TrainingPlan, judging_split
from .features import WINDOWS_PX
from .forest import TREES, PixelForest, library
from .pixels import MOST_PIXELS, draw_pixels


def check_baseline(plan: TrainingPlan) -> None:
    """Refuse a forest that could not be learned or scored.

    Raises:
        ConfigError: labels are not one class per pixel, or there are no samples to score it on.
        MissingExtraError: scikit-learn is not installed.
    """
    outputs = plan.outputs
    if not isinstance(outputs, ClassOutputs) or outputs.gives != "pixels" or outputs.multilabel:
        raise ConfigError(
            "baseline is a forest of pixels, which learns one class for each; "
            f"{plan.source.path} is labelled with {outputs.short}: leave it out"
        )
    if plan.judge is None:
        raise ConfigError(
            f"baseline needs chips to be scored on, and {plan.source.path} has no split 'val' or 'test'; cut "
            "chips with one, give val, or leave baseline out"
        )
    library()


def baseline_of(plan: TrainingPlan, seed: int, batch_size: int) -> Baseline:
    """Learn a forest from the training samples and score it on the validation samples, and on the split
    `test` where there is one, counted as the network is.

    Raises:
        ModelError: nothing could be counted.
    """
    outputs = plan.outputs
    assert isinstance(outputs, ClassOutputs)  # `check_baseline` has looked
    pixels = draw_pixels(plan.source, plan.train, outputs.channels, seed)
    forest = PixelForest(pixels, outputs, seed)
    scores = []
    for source, split, chosen in _scored(plan):
        accuracy = score_samples(forest, source, chosen, batch_size)
        assert isinstance(accuracy, Accuracy)  # what classes give
        scores.append(BaselineScore(source.path.name, split, accuracy))
    drawn = np.bincount(pixels.classes, minlength=outputs.channels).tolist()
    method = {
        "kind": "random forest",
        "library": f"scikit-learn {library().__version__}",
        "trees": TREES,
        "windows_px": list(WINDOWS_PX),
        "most_pixels": MOST_PIXELS,
        "pixels": dict(zip(outputs.names, drawn, strict=True)),
        "seed": seed,
    }
    return Baseline(method, tuple(scores))


def _scored(plan: TrainingPlan) -> Iterator[tuple[TrainingSource, str | None, np.ndarray]]:
    """Samples, their split, their numbers: those that choose the network's weights come first."""
    judge, source = plan.judge, plan.source
    assert judge is not None  # `check_baseline` has looked
    split = judging_split(judge)
    yield judge, split, np.asarray(plan.val, np.int64)
    if "test" in source.splits and (judge is not source or split != "test"):
        yield source, "test", source.indices("test")
