"""Classification: a class for each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from ...core.outputs import Kind, Outputs
from ...metrics.class_tally import ClassTally
from ..base import Task
from ..targets import class_positions, count_classes
from .forms import class_outputs


class ClassificationTask(Task):
    """Trains a network to give each image a class, from `label` (B,) int64.

    Args:
        network: From float32 (B, C, H, W) to logits (B, K), such as `timm/resnet18`.
        outputs: `ClassOutputs` per image; or the classes, their names, or how many there are.
        kwargs: As of `Task`.

    Example:
        >>> task = ClassificationTask("timm/resnet18", ["forest", "water"], in_channels=3)
        >>> task.outputs.short
        '2 classes (forest, water) per image'
    """

    kind: ClassVar[Kind] = "classes"

    @classmethod
    def as_outputs(cls, given: Any) -> Outputs:
        """See `Task`."""
        return class_outputs(given, "image", cls.__name__)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Class positions int64 (B,), IGNORE_INDEX where an image does not count."""
        return class_positions(batch, self.outputs)

    def score(self, answers: Tensor, target: Tensor, *, curves: bool) -> ClassTally:
        """See `Task`."""
        return count_classes(answers, target, self.outputs, curves=curves)
