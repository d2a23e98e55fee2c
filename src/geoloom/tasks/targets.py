"""Targets of a batch as losses take them, and the counts that follow: one pair for each kind of outputs.

Legend: B batch, K outputs, ... pixels (H, W), or nothing where a whole image has one answer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..core.errors import DatasetError
from ..core.outputs import IGNORE_INDEX, Outputs
from ..metrics.class_tally import ClassTally
from ..metrics.value_tally import ValueTally
from ..models.pipeline import finished
from ..transforms.encode import positions_of


def class_positions(
    batch: Mapping[str, Tensor], outputs: Outputs, table: Tensor | None = None
) -> Tensor:
    """Class positions int64 (B, ...), IGNORE_INDEX where a pixel or image does not count.

    Args:
        batch: Which holds the outputs' target.
        outputs: Classes, per pixel or per image.
        table: As `code_table` gives it, where the target holds codes.

    Raises:
        DatasetError: masks of pixels have several layers.
    """
    target = batch[outputs.target.key].long()
    if outputs.gives == "pixels":
        _require_one_layer(target, outputs.target.key)
    if table is not None:
        target = positions_of(target, table)
    if outputs.gives == "pixels" and "valid" in batch:
        return target.masked_fill(~batch["valid"], IGNORE_INDEX)
    return target


def _require_one_layer(target: Tensor, key: str) -> None:
    if target.ndim == 3:
        return
    found = tuple(target.shape)
    layers = f": {found[1]} layers in each sample" if target.ndim == 4 else ""
    raise DatasetError(
        f"{key!r} has the shape {found}{layers}; expected (B, H, W), one class for each pixel. Open one band "
        "of the labels (bands=[...]), name the layer of a dataset that has several ('mask:name'), or choose "
        f"one by a transform, such as lambda s: {{**s, {key!r}: s[{key!r}][0]}}"
    )


def count_classes(answers: Tensor, target: Tensor, outputs: Outputs, *, curves: bool) -> ClassTally:
    """Count raw answers (B, K, ...) against positions (B, ...)."""
    k, counted = answers.shape[1], (target != IGNORE_INDEX).cpu().numpy()
    truth = target.cpu().numpy()
    if not curves:
        return ClassTally.of_classes(truth, answers.argmax(dim=1).cpu().numpy(), k, counted)
    scores = finished(answers, outputs)
    # An image is counted as a map of one pixel.
    scores_BKHW = scores.reshape(*scores.shape[:2], *(scores.shape[2:] or (1, 1))).cpu().numpy()
    shape = (len(truth), *scores_BKHW.shape[2:])
    return ClassTally.of_probabilities(truth.reshape(shape), scores_BKHW, counted.reshape(shape))


def standardised_values(batch: Mapping[str, Tensor], outputs: Outputs) -> Tensor:
    """Values as a network learns them, float32 (B, K, ...): (value - mean) / std, NaN where not known."""
    value = batch[outputs.target.key].float()
    if outputs.gives == "pixels" and "valid" in batch:
        value = value.masked_fill(~batch["valid"][:, None], torch.nan)
    if outputs.mean is None or outputs.std is None:
        return value
    shape = (-1, *[1] * (value.ndim - 2))
    return (value - value.new_tensor(outputs.mean).view(shape)) / value.new_tensor(
        outputs.std
    ).view(shape)


def count_values(answers: Tensor, target: Tensor, outputs: Outputs) -> ValueTally:
    """Count raw answers (B, K, ...) against standardised values, both brought back into units."""
    return ValueTally.of(_in_units(target, outputs), _in_units(answers, outputs))


def _in_units(standardised: Tensor, outputs: Outputs) -> np.ndarray:
    values: np.ndarray = standardised.movedim(1, 0).flatten(1).double().cpu().numpy()
    if outputs.mean is None or outputs.std is None:
        return values
    std, mean = np.array(outputs.std), np.array(outputs.mean)
    return np.asarray(values * std[:, None] + mean[:, None])
