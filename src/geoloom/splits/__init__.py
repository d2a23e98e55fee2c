"""Ground and samples divided among training, test and validation, so that what is tested was not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .division import Division as Division
    from .division import divide as divide
    from .features import FeatureSplit as FeatureSplit
    from .regions import ScenePart as ScenePart
    from .rules import BlockSplit as BlockSplit
    from .rules import RandomSplit as RandomSplit
    from .rules import RoiSplit as RoiSplit
    from .samples import ClassSplit as ClassSplit
    from .samples import ColumnSplit as ColumnSplit
    from .scenes import SceneSplit as SceneSplit
    from .separation import Separation as Separation
    from .times import TimeSplit as TimeSplit
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".division": ["Division", "divide"],
            ".features": ["FeatureSplit"],
            ".regions": ["ScenePart"],
            ".rules": ["BlockSplit", "RandomSplit", "RoiSplit"],
            ".samples": ["ClassSplit", "ColumnSplit"],
            ".scenes": ["SceneSplit"],
            ".separation": ["Separation"],
            ".times": ["TimeSplit"],
        },
    )
