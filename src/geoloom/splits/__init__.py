"""Ground and samples divided among training, test and validation, so that what is tested was not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .regions import ScenePart as ScenePart
    from .rules import BlockSplit as BlockSplit
    from .rules import RandomSplit as RandomSplit
    from .rules import RoiSplit as RoiSplit
    from .samples import ClassSplit as ClassSplit
    from .samples import ColumnSplit as ColumnSplit
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".regions": ["ScenePart"],
            ".rules": ["BlockSplit", "RandomSplit", "RoiSplit"],
            ".samples": ["ClassSplit", "ColumnSplit"],
        },
    )
