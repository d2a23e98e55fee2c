"""Chips: small windows of scenes, cut once, kept in one store with their place, split and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .cut import cut_chips as cut_chips
    from .dataset import ChipDataset as ChipDataset
    from .store import ChipStore as ChipStore
    from .zarr.writer import ChipWriter as ChipWriter
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".cut": ["cut_chips"],
            ".dataset": ["ChipDataset"],
            ".store": ["ChipStore"],
            ".zarr.writer": ["ChipWriter"],
        },
    )
