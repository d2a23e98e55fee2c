"""The ground that a network has learned from, as far as its chips show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.errors import ChipError
from ..chips import chip_footprints

Bounds = tuple[float, float, float, float]

_LEARNED = frozenset({"train", "val", "unsplit"})
"""Splits whose chips have a part in the training; the test's too, where there are none for validation."""


@dataclass(frozen=True, slots=True)
class LearnedGround:
    """Where training chips lie on a map."""

    grid: GeoBox
    """The map's."""
    boxes: np.ndarray | None
    """float64 (N, 4): first column and row, last column and row of each training chip, in the grid's pixels;
    None where the chips, or where they lie, are not known."""

    @classmethod
    def of(cls, chips: Any, training: Any, grid: GeoBox) -> LearnedGround:
        """From the chip store of a training, None where it is lost, and what the model's card says of it."""
        recorded = training if isinstance(training, Mapping) else {}
        elsewhere = recorded.get("validation_path") not in (None, recorded.get("path"))
        if chips is None or elsewhere or not chips.table["crs"].map(bool).all():
            return cls(grid, None)
        try:
            footprints = chip_footprints(chips, grid)
        except ChipError:  # none lies on the map
            return cls(grid, np.empty((0, 4)))
        learned = _LEARNED if "val" in chips.splits else _LEARNED | {"test"}
        corners = footprints.corners[[split in learned for split in footprints.splits]]
        return cls(grid, np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1))

    def apart_from(self, bounds: Bounds | None) -> bool:
        """Whether it is known that no training chip touches an area.

        Args:
            bounds: Left, bottom, right, top in the grid's CRS; None means the whole grid.
        """
        if self.boxes is None:
            return False
        if bounds is None:
            return not len(self.boxes)
        left, bottom, right, top = bounds
        corners = np.array(
            [(~self.grid.affine) * (x, y) for x in (left, right) for y in (bottom, top)]
        )
        low, high = corners.min(axis=0), corners.max(axis=0)
        touches = (self.boxes[:, 2:] > low) & (self.boxes[:, :2] < high)
        return not touches.all(axis=1).any()
