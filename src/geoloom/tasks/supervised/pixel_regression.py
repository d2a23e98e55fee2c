"""Pixel regression: measured values for each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from ...core.outputs import Kind, Outputs
from ...metrics.value_tally import ValueTally
from ..base import Task
from ..targets import count_values, standardised_values
from .forms import value_outputs


class PixelRegressionTask(Task):
    """Trains a network to give each pixel values, from `value` (B, K, H, W) float32, NaN = unknown.

    The network learns standardised values, (value - mean) / std, where the outputs know mean and std.

    Args:
        network, kwargs: As of `Task`.
        outputs: `ValueOutputs` per pixel; or the unit of each value by its name, such as `{"height": "m"}`.

    Example:
        >>> task = PixelRegressionTask("unet", {"height": "m"}, in_channels=4, options={"width": 0.125})
        >>> task.outputs.short
        '1 value (height in m) per pixel'
    """

    kind: ClassVar[Kind] = "values"

    @classmethod
    def as_outputs(cls, given: Any) -> Outputs:
        """See `Task`."""
        return value_outputs(given, "pixel", cls.__name__)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Standardised values float32 (B, K, H, W), NaN where a pixel does not count."""
        return standardised_values(batch, self.outputs)

    def score(self, answers: Tensor, target: Tensor, *, curves: bool) -> ValueTally:
        """See `Task`."""
        return count_values(answers, target, self.outputs)
