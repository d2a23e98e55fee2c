"""Any height and width for networks whose layers need sides of a multiple, such as 32.

Legend: B batch, T dates, C channels, M masks, H rows, W columns, ... any.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Protocol

import torch
from torch import Tensor

_SPATIAL = 4
"""Dimensions from which on a tensor has rows and columns: (B, C, H, W), (B, T, C, H, W), (B, T, H, W)."""


class NeedsMultiple(Protocol):
    """A network whose layers halve the image several times."""

    multiple: int
    """Height and width of what its layers see are multiples of this."""


def any_size(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let the `forward` of a network with a `multiple` take any height and width.

    All inputs with rows and columns (image, `valid_series`, `aux`) grow below and on the right by repeating
    their last row and column, which shows the network plausible ground beyond the edge; the answer is
    cropped back. Sizes that fit already are left alone. This is the only place where sizes are padded.
    """

    @wraps(forward)
    def padded(self: NeedsMultiple, *args: Tensor, **kwargs: Tensor) -> Tensor:
        image = args[0] if args else next(iter(kwargs.values()))
        image = kwargs.get("image", image)
        height, width = image.shape[-2:]
        answers = forward(
            self,
            *(_grown(value, self.multiple) for value in args),
            **{key: _grown(value, self.multiple) for key, value in kwargs.items()},
        )
        return _cropped(answers, height, width)

    return padded


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """The image (..., H, W) with its last row and column repeated until both sides are multiples."""
    height, width = image.shape[-2:]
    return _repeated(_repeated(image, -1, -width % multiple), -2, -height % multiple)


def mirrored(image_BCHW: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """The image with margins of its own mirror image, as wide as asked for: before, after.

    Unlike torch's reflection, margins may be wider than the image, which is then mirrored again and again.
    """
    for dim, (before, after) in ((-2, rows), (-1, columns)):
        size = image_BCHW.shape[dim]
        period = max(2 * (size - 1), 1)
        places = torch.arange(-before, size + after, device=image_BCHW.device) % period
        image_BCHW = image_BCHW.index_select(dim, torch.minimum(places, (period - places) % period))
    return image_BCHW


def _grown(value: Tensor, multiple: int) -> Tensor:
    return pad_to_multiple(value, multiple) if value.ndim >= _SPATIAL else value


def _cropped(answers: Tensor, height: int, width: int) -> Tensor:
    if isinstance(height, int) and isinstance(width, int):
        return answers[..., :height, :width]
    # In an exported graph sizes are symbols: a piece lies in memory as the whole does only where it is the
    # whole, which splits the graph in two; places chosen one by one always lie alike.
    rows, columns = (torch.arange(size, device=answers.device) for size in (height, width))
    return answers.index_select(-2, rows).index_select(-1, columns)


def _repeated(image: Tensor, dim: int, times: int) -> Tensor:
    if isinstance(times, int) and times == 0:
        return image
    # By positions: a piece that may be empty, to be put beside the image, splits an exported graph in two.
    size = image.shape[dim]
    places = torch.arange(size + times, device=image.device).clamp(max=size - 1)
    return image.index_select(dim, places)
