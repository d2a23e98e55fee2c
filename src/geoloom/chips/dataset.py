"""Chips as samples for torch's DataLoader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.query import Sample

if TYPE_CHECKING:
    from .store import ChipStore


class ChipDataset(torch.utils.data.Dataset[Mapping[str, Any]]):
    """Chips of one store, chosen by position. Picklable, and safe under fork and spawn.

    Samples hold `image` (C, H, W) in the stored dtype; `mask` (H, W) int64 class *positions* 0..K-1 where
    the store has labels; `valid` (H, W) bool, True = observed and labelled; `observed` (H, W) bool, True =
    observed in every band; and `crs`, `transform`, `bounds`. Loss and metrics look at `valid`; what the
    network is shown is a matter of `observed`.

    Args:
        store: An open chip store.
        indices: Positions in the store, in the order wanted.
    """

    def __init__(self, store: ChipStore, indices: Sequence[int] | np.ndarray) -> None:
        self.store = store
        self.indices = np.asarray(indices, dtype=np.int64)
        self._positions: np.ndarray | None = None
        if store.classes is not None:
            self._positions = store.classes.encode(np.arange(256))[0]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        i = int(self.indices[index])
        store = self.store
        transform = store.transform(i)
        sample = Sample(
            image=torch.from_numpy(store.image(i)),
            valid=torch.from_numpy(store.valid(i)),
            observed=torch.from_numpy(store.observed(i)),
            crs=store.crs(i),
            transform=torch.from_numpy(transform.copy()),
            bounds=torch.from_numpy(_bounds(transform, store.size)),
        )
        if self._positions is not None:
            sample["mask"] = torch.from_numpy(self._positions[store.mask(i)])
        return sample


def _bounds(transform: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(4,) left, bottom, right, top of the chip's outline, whatever its rotation."""
    a, b, c, d, e, f = transform
    height, width = size
    x = c + np.array([0, a * width, b * height, a * width + b * height])
    y = f + np.array([0, d * width, e * height, d * width + e * height])
    return np.array([x.min(), y.min(), x.max(), y.max()])
