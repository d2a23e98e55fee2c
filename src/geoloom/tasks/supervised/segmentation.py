"""Semantic segmentation: a class for each pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...core.hints.torchgeo import OF_TASKS, hints_keywords
from ...core.outputs import Kind, Outputs
from ...metrics.class_tally import ClassTally
from ...transforms.encode import code_table
from ..base import Task
from ..targets import class_positions, count_classes
from .forms import class_outputs


class SegmentationTask(Task):
    """Trains a network to give each pixel a class, from `mask` (B, H, W) int64.

    Args:
        network, kwargs: As of `Task`.
        outputs: `ClassOutputs` per pixel; or the classes, their names, or how many there are.
        codes: Class code of each output, where masks hold codes instead of positions; pixels of other codes
            do not count. Chip stores and data modules give positions.

    Example:
        >>> task = SegmentationTask("unet", ["forest", "water"], in_channels=4, options={"width": 0.125})
        >>> task.outputs.short
        '2 classes (forest, water) per pixel'
    """

    kind: ClassVar[Kind] = "classes"

    @hints_keywords(OF_TASKS)
    def __init__(
        self, network: Any, outputs: Any, *, codes: Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(network, outputs, **kwargs)
        table = None if codes is None else code_table(codes)
        self.register_buffer("positions", table, persistent=False)
        self.save_hyperparameters({"codes": None if codes is None else list(codes)})

    @classmethod
    def as_outputs(cls, given: Any) -> Outputs:
        """See `Task`."""
        return class_outputs(given, "pixel", cls.__name__)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Class positions int64 (B, H, W), IGNORE_INDEX where a pixel does not count."""
        table = self.positions if isinstance(self.positions, torch.Tensor) else None
        return class_positions(batch, self.outputs, table)

    def score(self, answers: Tensor, target: Tensor, *, curves: bool) -> ClassTally:
        """See `Task`."""
        return count_classes(answers, target, self.outputs, curves=curves)
