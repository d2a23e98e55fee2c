"""The one table of targets: which keys of a sample a network learns from, and what they hold.

Legend: K classes or values, H rows, W columns, N boxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import Any, Protocol

from ..errors import DatasetError

IGNORE_INDEX = -100
"""Class position that does not count: unobserved, or without a label. torch's own default."""


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of a sample that a network learns from."""

    key: str
    """Under which a sample holds it."""
    axes: tuple[str, ...]
    """Of one sample; a batch has one more in front."""
    dtype: str
    """numpy's name."""
    unknown: float | None = None
    """The entry that says that the truth is not known there; None where `valid` alone says it."""

    def of_layer(self, layer: str) -> Target:
        """The same target in one of several label layers.

        Example:
            >>> TARGETS["classes", "pixel"][0].of_layer("buildings").key
            'mask:buildings'
        """
        return replace(self, key=f"{self.key}:{layer}")

    def __str__(self) -> str:
        return f"{self.key!r} ({', '.join(self.axes)}) {self.dtype}"


_BOXES = (
    Target("boxes", ("N", "4"), "float32"),  # pixels: left, top, right, bottom
    Target("box_labels", ("N",), "int64"),
)

TARGETS: dict[tuple[str, str], tuple[Target, ...]] = {
    ("classes", "pixel"): (Target("mask", ("H", "W"), "int64", IGNORE_INDEX),),
    ("classes", "image"): (Target("label", (), "int64", IGNORE_INDEX),),
    ("multilabel", "pixel"): (Target("multilabel", ("K", "H", "W"), "bool"),),
    ("multilabel", "image"): (Target("multilabel", ("K",), "bool"),),
    ("values", "pixel"): (Target("value", ("K", "H", "W"), "float32", nan),),
    ("values", "image"): (Target("value", ("K",), "float32", nan),),
    ("boxes", "box"): _BOXES,
    ("boxes", "instance"): (*_BOXES, Target("box_masks", ("N", "H", "W"), "bool")),
}
"""By kind of outputs and what each answer is for. Positions count from 0, in the order of the classes."""

_HOLDERS = {
    "mask": "classes per pixel",
    "label": "classes per image",
    "multilabel": "several classes at once",
    "value": "values",
    "boxes": "boxes",
}
"""Who learns from a key, for messages."""


class HasTargets(Protocol):
    """What is asked of outputs here."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """What a sample must hold."""

    @property
    def short(self) -> str:
        """In a few words."""


def require_targets(
    batch: Mapping[str, Any], outputs: HasTargets, *, layer: str | None = None
) -> tuple[Target, ...]:
    """The targets that a batch, or a sample, has to hold.

    Args:
        batch: By the keys of `core.query.Sample`.
        outputs: What is learned.
        layer: Which of several label layers.

    Returns:
        Those of the outputs, under the keys of the layer.

    Raises:
        DatasetError: the batch lacks one; the message names the keys that it has and those expected.

    Example:
        >>> from geoloom.core.outputs import ValueOutputs
        >>> require_targets({"image": 0, "value": 0}, ValueOutputs(("height",), ("m",)))[0].key
        'value'
    """
    wanted = tuple(t.of_layer(layer) if layer else t for t in outputs.targets)
    missing = [target for target in wanted if target.key not in batch]
    if missing:
        raise DatasetError(
            f"a batch holds {', '.join(sorted(map(str, batch))) or 'nothing'}, and lacks "
            f"{' and '.join(map(str, missing))}, from which {outputs.short} are learned; "
            f"{_advice(batch, missing[0])}"
        )
    return wanted


def _advice(batch: Mapping[str, Any], missing: Target) -> str:
    noun = missing.key.partition(":")[0]
    layers = sorted(key for key in batch if key.startswith(f"{noun}:"))
    if layers:
        return f"choose one of the label layers: {', '.join(layers)}"
    others = [f"{key!r} is for {what}" for key, what in _HOLDERS.items() if key in batch]
    if others:
        return f"choose a task for the labels that there are: {'; '.join(others)}"
    return "give a dataset that has such labels, as imagery & labels"
