"""Ground divided among training, test and validation, so that their chips share none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .regions import ScenePart as ScenePart
    from .rules import BlockSplit as BlockSplit
    from .rules import RandomSplit as RandomSplit
    from .rules import RoiSplit as RoiSplit
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".regions": ["ScenePart"],
            ".rules": ["BlockSplit", "RandomSplit", "RoiSplit"],
        },
    )
