"""Augmentations that move pixels: any angle, shear, zoom, crops and elastic deformation.

All are one resampling of the whole batch (`warp`). Legend: B batch, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..draws import normal, uniform
from .options import check_ranges, chosen
from .warp import shape_of, warped


@dataclass(frozen=True, slots=True)
class Affine:
    """Turn by any angle, zoom, shear and shift, about the middle."""

    degrees: float = 180.0
    """Turned by up to this angle, either way."""
    zoom: float = 1.25
    """Enlarged or reduced by up to this factor; 1 for none."""
    shear: float = 0.0
    """Up to this angle, degrees."""
    shift: float = 0.0
    """Up to this share of the sides."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, zoom=(1, math.inf), shear=(0, 80), shift=(0, 1), degrees=(0, 180))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        _, h, w, _ = shape_of(batch)
        drawn = (uniform(seeds_B.cpu(), 6).double() * 2 - 1).unbind(1)
        angle, shear = (drawn[i] * math.radians(d) for i, d in ((0, self.degrees), (1, self.shear)))
        scale = torch.exp(-drawn[2] * math.log(self.zoom))
        cos, sin = angle.cos() * scale, angle.sin() * scale
        linear = torch.stack(
            [
                torch.stack([cos, sin + cos * shear.tan()], 1),
                torch.stack([-sin, cos - sin * shear.tan()], 1),
            ],
            1,
        )
        middle = torch.tensor([(w - 1) / 2, (h - 1) / 2], dtype=torch.float64)
        shift = torch.stack([drawn[3] * self.shift * w, drawn[4] * self.shift * h], 1)
        return _by_matrix(
            batch, _about(linear, middle, middle - shift), chosen(seeds_B, self.chance)
        )


@dataclass(frozen=True, slots=True)
class Rotate:
    """Turn by any angle about the middle."""

    degrees: float = 180.0
    """Up to this angle, either way."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, degrees=(0, 180))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return Affine(self.degrees, zoom=1.0, chance=self.chance)(batch, seeds_B)


@dataclass(frozen=True, slots=True)
class ResizedCrop:
    """Cut out a part at random and enlarge it to the whole."""

    least: float = 0.25
    """Area of the part, as a share of the image: from this ..."""
    most: float = 1.0
    """... up to this."""
    ratio: float = 4 / 3
    """Width over height of the part, up to this or its inverse."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, least=(1e-6, self.most), most=(1e-6, 1), ratio=(1, math.inf))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        _, h, w, _ = shape_of(batch)
        drawn = uniform(seeds_B.cpu(), 4).double()
        area = self.least + drawn[:, 0] * (self.most - self.least)
        ratio = torch.exp((2 * drawn[:, 1] - 1) * math.log(self.ratio))
        sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 1).clamp(max=1.0)
        size = torch.tensor([w, h], dtype=torch.float64)
        corner = drawn[:, 2:] * (1 - sides) * size
        shift = corner + (sides - 1) / 2  # of centres, half a pixel from the corners
        matrices = torch.cat([torch.diag_embed(sides), shift[..., None]], dim=2)
        return _by_matrix(batch, matrices, chosen(seeds_B, self.chance))


@dataclass(frozen=True, slots=True)
class Elastic:
    """Push pixels about by a smooth random field.

    Source:
        Simard et al. 2003, section 2; the field is drawn at nodes `spacing` pixels apart.
    """

    strength: float = 2.0
    """Standard deviation of the displacement at the nodes, pixels."""
    spacing: float = 16.0
    """Between the nodes, pixels."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, strength=(0, math.inf), spacing=(1, math.inf))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        b, h, w, device = shape_of(batch)
        rows, cols = (math.ceil(side / self.spacing) + 3 for side in (h, w))
        field = normal(seeds_B.to(device), 2 * rows * cols).view(b, 2, rows, cols) * self.strength
        node = 2 / torch.tensor([cols - 1, rows - 1], dtype=torch.float32, device=device)
        places = (_centres(h, w, device) / self.spacing + 1) * node - 1
        offset = functional.grid_sample(
            field, places.expand(b, -1, -1, -1), mode="bicubic", align_corners=True
        )
        centres = _centres(h, w, device)
        along, down = ((centres[None, ..., i], offset[:, i]) for i in (0, 1))
        moved = partial(_pushed, offset.double())
        return warped(batch, along, down, chosen(seeds_B, self.chance), moved=moved)


def _pushed(offset_B2HW: Tensor, i: int, corners_N2: Tensor) -> Tensor:
    """Where corners go: the place whose source they are, by steps towards it."""
    h, w = offset_B2HW.shape[-2:]
    size = torch.tensor([w, h], dtype=torch.float64, device=corners_N2.device)
    at = corners_N2
    for _ in range(10):
        grid = (2 * at / size - 1).view(1, 1, -1, 2)
        offset = functional.grid_sample(
            offset_B2HW[i : i + 1], grid, padding_mode="border", align_corners=False
        )
        at = corners_N2 - offset[0, :, 0].T
    return at


def _about(linear_B22: Tensor, middle: Tensor, target_B2: Tensor) -> Tensor:
    """(B, 2, 3): a linear map about a middle, which is taken from the target."""
    shift = target_B2 - (linear_B22 @ middle)
    return torch.cat([linear_B22, shift[..., None]], dim=2)


def _by_matrix(batch: Mapping[str, Any], matrices_B23: Tensor, chosen_B: Tensor) -> dict[str, Any]:
    _, h, w, device = shape_of(batch)
    # From the middle, in float64 on the CPU up to one sum: float32 keeps that to a millionth of a pixel.
    middle = torch.tensor([(w - 1) / 2, (h - 1) / 2], dtype=torch.float64)
    linear_B22 = matrices_B23[:, :, :2]
    at_middle_B2 = linear_B22 @ middle + matrices_B23[:, :, 2]
    cols = torch.arange(w, dtype=torch.float64) - middle[0]
    rows = torch.arange(h, dtype=torch.float64) - middle[1]
    along_B2W = linear_B22[:, :, :1] * cols + at_middle_B2[:, :, None]
    down_B2H = linear_B22[:, :, 1:] * rows
    along, down = (part.float().to(device) for part in (along_B2W, down_B2H))
    return warped(
        batch,
        (along[:, 0, None, :], down[:, 0, :, None]),
        (along[:, 1, None, :], down[:, 1, :, None]),
        chosen_B,
        matrices_B23=matrices_B23,
        moved=partial(_back, matrices_B23),
    )


def _back(matrices_B23: Tensor, i: int, corners_N2: Tensor) -> Tensor:
    matrix = matrices_B23[i].to(corners_N2.device)
    linear, shift = matrix[:, :2], matrix[:, 2]
    before: Tensor = torch.linalg.solve(linear, (corners_N2 - 0.5 - shift).T).T
    return before + 0.5


def _centres(h: int, w: int, device: torch.device) -> Tensor:
    rows, cols = torch.arange(h, device=device), torch.arange(w, device=device)
    grid = torch.meshgrid(rows, cols, indexing="ij")
    return torch.stack([grid[1], grid[0]], dim=-1).float()
