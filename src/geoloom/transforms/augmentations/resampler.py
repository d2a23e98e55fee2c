"""Planes resampled at given places: bilinear over what is known, or nearest.

On the CPU, the work for unknown pixels is left out where all are known; on a GPU it is not asked, as the
answer would be waited for. Legend: B batch, T dates, C bands, P planes, H rows, W columns, N = H W.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

NEAR_ONE = 1 - 1e-4
"""Weight of known neighbours from which a pixel is known: rounding of coordinates is below the rest."""


Sum = tuple[Tensor, Tensor]
"""Two tensors that broadcast to (B, H, W) and are added."""


class Resampler:
    """Takes planes at places.

    Args:
        columns, rows: Of where each pixel is taken from, float32, centres at whole numbers, as sums: of a map
            that is affine both parts are vectors.
        shape: (B, H, W).
    """

    def __init__(self, columns: Sum, rows: Sum, shape: tuple[int, int, int]) -> None:
        self._places = (columns, rows)
        self._shape = b, h, w = shape
        self._grid = columns[0].new_empty((b, h, w, 2))
        for axis, (first, second) in enumerate(self._places):
            # As grid_sample wants them: -1 and 1 at the edges.
            step = 2 / shape[2 - axis]
            torch.add(first * step + (step / 2 - 1), second * step, out=self._grid[..., axis])

    @cached_property
    def inside(self) -> Tensor:
        """bool (B, H, W): whether the nearest pixel is one of the image."""
        return self._nearest[1]

    @cached_property
    def _nearest(self) -> tuple[Tensor, Tensor, bool]:
        """Numbers of the nearest pixels, (B, N); whether each is in the image; and whether all are."""
        _, h, w = self._shape
        (col, held_col), (row, held_row) = (
            self._held(axis, side) for axis, side in ((0, w), (1, h))
        )
        inside = (held_col == col).logical_and_(held_row == row)
        index = held_row.long().mul_(w).add_(held_col.long()).flatten(1)
        return index, inside, all_true(inside)

    def _held(self, axis: int, side: int) -> tuple[Tensor, Tensor]:
        """The nearest column or row, and the nearest that there is."""
        first, second = self._places[axis]
        nearest = (first + second).round_()
        return nearest, nearest.clamp(0, side - 1)

    @cached_property
    def _edge(self) -> Tensor:
        """The weight of those neighbours that are in the image."""
        weight = self._inside_weight(0, self._shape[2])
        return weight.mul_(self._inside_weight(1, self._shape[1]))

    def _inside_weight(self, axis: int, side: int) -> Tensor:
        first, second = self._places[axis]
        before = (first + 1) + second  # of the neighbour before, where that is outside
        after = (side - first) - second
        return torch.minimum(before, after, out=before).clamp_(0, 1)

    def nearest(self, planes: Tensor, fill: int) -> Tensor:
        """(B, ..., H, W) of any dtype, `fill` outside."""
        b, (h, w) = len(planes), planes.shape[-2:]
        flat = planes.reshape(b, -1, h * w)
        index_BN, inside, all_inside = self._nearest
        taken = flat.gather(2, index_BN[:, None].expand(-1, flat.shape[1], -1))
        if not all_inside:
            taken.masked_fill_(~inside.view(b, 1, -1), fill)
        return taken.view(planes.shape)

    def masks_of(self, place: int, masks_NHW: Tensor) -> Tensor:
        """Masks of one sample, bool, False outside."""
        index = self._nearest[0][place].expand(len(masks_NHW), -1)
        taken = masks_NHW.flatten(1).gather(1, index).view(masks_NHW.shape)
        return taken & self.inside[place]

    def weight(self, seen: Tensor | None) -> Tensor:
        """Of bool (B, ..., H, W): the weight of neighbours that are True and inside; None: all are."""
        if seen is None or all_true(seen):
            edge = self._edge
            return edge if seen is None or seen.ndim == 3 else edge[:, None].expand(seen.shape)
        return self._bilinear(seen.float())

    def image(self, image: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """An image, of which what was not observed or is no number has no part in its neighbours.

        Args:
            image: (B, C, H, W), or (B, T, C, H, W).
            seen: bool (B, H, W), or of each date (B, T, H, W); None for all.

        Returns:
            float32 of the image's shape, and the weight of what was observed, of the shape of `seen`.
        """
        if (seen is None or all_true(seen)) and all_finite(image):
            taken = self._bilinear(image.float())
            weight = self.weight(seen)
            return taken.div_(_near_one(weight, image.ndim)), weight
        numbers = image.float()
        known = torch.isfinite(numbers).all(-3)  # (B, H, W) or (B, T, H, W)
        if seen is None:
            seen = torch.ones_like(known if known.ndim == 3 else known[:, 0])
        # Of a series, it may be said of the whole alone what was observed.
        seen = seen & (known if seen.ndim == known.ndim else known.all(1))
        shown = seen if seen.ndim == image.ndim - 1 else seen[:, None]
        numbers = numbers.masked_fill(~shown.unsqueeze(-3), 0.0)
        b, (h, w) = len(image), image.shape[-2:]
        both = torch.cat([numbers.reshape(b, -1, h, w), seen.reshape(b, -1, h, w).float()], 1)
        taken = self._bilinear(both)
        planes = image[0].numel() // (h * w)
        weight = taken[:, planes:].reshape(seen.shape)
        resampled = taken[:, :planes].view(image.shape)
        return resampled / _near_one(weight, image.ndim), weight

    def values(self, values: Tensor) -> Tensor:
        """float32 (B, K, H, W), NaN where any neighbour with a weight is."""
        numbers = values.float()
        if all_finite(values):
            taken, weight = self._bilinear(numbers), self._edge[:, None]
        else:
            known = ~torch.isnan(numbers)
            weight = self._bilinear(known.float())
            taken = self._bilinear(numbers.masked_fill(~known, 0.0))
        taken.div_(_near_one(weight, 4))
        return taken.masked_fill_(weight <= NEAR_ONE, torch.nan)

    def _bilinear(self, planes: Tensor) -> Tensor:
        b, (h, w) = len(planes), planes.shape[-2:]
        taken = functional.grid_sample(
            planes.reshape(b, -1, h, w),
            self._grid,
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        return taken.view(planes.shape)


def _near_one(weight: Tensor, ndim: int) -> Tensor:
    """What a sum is divided by: its weight where that is nearly whole, elsewhere 1."""
    divisor = torch.where(weight > NEAR_ONE, weight, 1.0)
    return divisor if divisor.ndim == ndim else _beside(divisor, ndim)


def _beside(weight: Tensor, ndim: int) -> Tensor:
    """(B, H, W), or (B, T, H, W), to go with an image."""
    if weight.ndim == ndim - 1:
        return weight.unsqueeze(-3)
    return weight[:, None, None]


def all_true(flags: Tensor) -> bool:
    """Whether all are True, where that is cheap to ask."""
    return flags.device.type == "cpu" and bool(flags.all())


def all_finite(numbers: Tensor) -> bool:
    """Whether all are numbers, where that is cheap to ask: a sum is none where one of them is none."""
    if not numbers.is_floating_point():
        return True
    return numbers.device.type == "cpu" and bool(torch.isfinite(numbers.sum()))
