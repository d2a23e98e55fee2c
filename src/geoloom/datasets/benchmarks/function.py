"""A layout that no other has: a function finds the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..samples.listing import Listing


@dataclass(frozen=True, slots=True)
class FunctionLayout:
    """Samples as a function finds them."""

    find: Callable[[Path, str | None], Listing]
    """Given the dataset's folder and a split (None: all), the samples; see `Layout.find`."""
    splits: tuple[str, ...] = ()
    """Into which they are divided."""
