"""Networks over series of pixels, applied to images: every pixel is a series of its own.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns, N pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .specs import InputKey

_AT_ONCE = 1 << 16
"""Pixels that the network sees at once: bounds what it holds, whatever the tile's size."""


class PerPixel(nn.Module):
    """A network from (N, T, C) to (N, K), as one from (B, T, C, H, W) to (B, K, H, W).

    Args:
        network: Takes a series of pixels.
        inputs: The keys of a sample that it takes by keyword; empty where it takes the series alone, by
            position.
        looped: Whether a bounded number of pixels is seen at once; False for all of them, as in a graph,
            which has no loop.

    Example:
        >>> class Mean(nn.Module):
        ...     def forward(self, image):
        ...         return image.mean(dim=1)
        >>> PerPixel(Mean())(torch.arange(8.0).view(1, 2, 1, 2, 2)).tolist()
        [[[[2.0, 3.0], [4.0, 5.0]]]]
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: Sequence[InputKey] = (),
        *,
        looped: bool = True,
    ) -> None:
        super().__init__()
        self.network = network
        self.inputs = tuple(inputs)
        self.looped = looped

    def forward(
        self, image: Tensor, times: Tensor | None = None, valid_series: Tensor | None = None
    ) -> Tensor:
        """Answers (B, K, H, W).

        Args:
            image: (B, T, C, H, W).
            times: (B, T), seconds since 1970 UTC.
            valid_series: bool (B, T, H, W), True = observed.
        """
        batch, dates, bands, height, width = image.shape
        series = {"image": image.permute(0, 3, 4, 1, 2).reshape(-1, dates, bands)}
        if times is not None:
            each = times[:, None, None].expand(batch, height, width, dates)
            series["times"] = each.reshape(-1, dates)
        if valid_series is not None:
            series["valid_series"] = valid_series.permute(0, 2, 3, 1).reshape(-1, dates)
        if not self.looped:
            whole = self._answers(series)
        else:
            starts = range(0, len(series["image"]), _AT_ONCE)
            parts = [slice(start, start + _AT_ONCE) for start in starts]
            whole = torch.cat(
                [
                    self._answers({key: value[part] for key, value in series.items()})
                    for part in parts
                ]
            )
        return whole.reshape(batch, height, width, -1).permute(0, 3, 1, 2)

    def _answers(self, series: dict[str, Tensor]) -> Tensor:
        """Of some of the pixels, (N, K)."""
        if self.inputs:
            by_key: Tensor = self.network(**{key: series[key] for key in self.inputs})
            return by_key
        answers: Tensor = self.network(series["image"])
        return answers
