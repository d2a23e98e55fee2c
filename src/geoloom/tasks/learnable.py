"""Whether labels teach anything, and what a training has to know of them beforehand.

Legend: K classes or values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch

from ..core.errors import DatasetError
from ..core.outputs import IGNORE_INDEX, Kind, Outputs, ValueOutputs, require_targets
from .targets import class_positions, standardised_values

logger = logging.getLogger(__name__)

Labels = Iterable[Mapping[str, np.ndarray]]
"""Samples without their images."""


def learn_targets(outputs: Outputs, labels: Labels, where: str) -> tuple[Outputs, np.ndarray]:
    """Look through the labels of a training once.

    Args:
        outputs: What is to be learned.
        labels: Of all training samples.
        where: They come from, for messages.

    Returns:
        The outputs, knowing what they need to know of the targets (mean and standard deviation of values);
        and how many pixels or images there are for each class or value, int64 (K,).

    Raises:
        DatasetError: there is nothing to learn; or a sample lacks the target.
    """
    return _RULES[outputs.kind](outputs, labels, where)


def _classes(outputs: Outputs, labels: Labels, where: str) -> tuple[Outputs, np.ndarray]:
    counts = np.zeros(outputs.channels, dtype=np.int64)
    for sample in labels:
        target = class_positions(_batch(sample, outputs), outputs)
        known = target[target != IGNORE_INDEX].numpy()
        counts += np.bincount(known, minlength=len(counts))
    unit = "pixel" if outputs.gives == "pixels" else "image"
    if not counts.any():
        raise DatasetError(
            f"no training {unit} of {where} has a label; check that labels and scene overlap"
        )
    if np.count_nonzero(counts) == 1:
        only = outputs.names[int(counts.argmax())]
        raise DatasetError(
            f"every labelled {unit} to train on in {where} is {only}: there is nothing to distinguish, and "
            "any network would score 1.0; cut chips that hold other classes too, or label what is not one of "
            "them as a class of its own"
        )
    absent = [name for name, count in zip(outputs.names, counts, strict=True) if not count]
    if absent:
        logger.warning(
            "no training %s is %s: it cannot be learned, and next to nothing will be mapped so",
            unit,
            " or ".join(absent),
        )
    return outputs, counts


def _values(outputs: Outputs, labels: Labels, where: str) -> tuple[Outputs, np.ndarray]:
    """Mean and standard deviation as sums of moments, merged as Chan et al. 1979 give them."""
    assert isinstance(outputs, ValueOutputs)  # the table's own key
    k = outputs.channels
    count, mean, deviation = np.zeros(k, np.int64), np.zeros(k), np.zeros(k)
    raw = replace(outputs, mean=None, std=None)
    for sample in labels:
        values = standardised_values(_batch(sample, outputs), raw)[0].double().flatten(1).numpy()
        known = np.isfinite(values)
        n = known.sum(axis=1)
        total = np.where(known, values, 0).sum(axis=1)
        m = np.divide(total, n, out=np.zeros(k), where=n > 0)
        squares = np.where(known, values - m[:, None], 0)
        both = np.maximum(count + n, 1)
        deviation += np.square(squares).sum(axis=1) + (m - mean) ** 2 * count * n / both
        mean += (m - mean) * n / both
        count += n
    std = np.sqrt(deviation / np.maximum(count, 1))
    for name, n, spread in zip(outputs.names, count, std, strict=True):
        if not n or not spread:
            what = "is known nowhere" if not n else "is the same everywhere"
            raise DatasetError(
                f"{name} {what} in the training samples of {where}: there is nothing to learn; check that the"
                " layer of values and the scene overlap"
            )
    return replace(outputs, mean=tuple(mean.tolist()), std=tuple(std.tolist())), count


_RULES: dict[Kind, Callable[[Outputs, Labels, str], tuple[Outputs, np.ndarray]]] = {
    "classes": _classes,
    "values": _values,
}


def _batch(sample: Mapping[str, np.ndarray], outputs: Outputs) -> dict[str, torch.Tensor]:
    require_targets(sample, outputs)
    return {key: torch.as_tensor(value)[None] for key, value in sample.items()}
