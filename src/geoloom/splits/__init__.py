"""Ground and samples divided among training, test and validation, so that what is tested was not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .division import Division as Division
    from .division import divide as divide
    from .features import FeatureSplit as FeatureSplit
    from .gaps.separation import Separation as Separation
    from .regions import ScenePart as ScenePart
    from .report import SplitReport as SplitReport
    from .rois import RoiSplit as RoiSplit
    from .rules import BlockSplit as BlockSplit
    from .rules import CellSplit as CellSplit
    from .rules import RandomSplit as RandomSplit
    from .sample_division import SampleDivision as SampleDivision
    from .samples import ClassSplit as ClassSplit
    from .samples import ColumnSplit as ColumnSplit
    from .samples import GroupSplit as GroupSplit
    from .scenes import SceneSplit as SceneSplit
    from .times import TimeSplit as TimeSplit
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".division": ["Division", "divide"],
            ".features": ["FeatureSplit"],
            ".regions": ["ScenePart"],
            ".rules": ["BlockSplit", "CellSplit", "RandomSplit"],
            ".report": ["SplitReport"],
            ".rois": ["RoiSplit"],
            ".sample_division": ["SampleDivision"],
            ".samples": ["ClassSplit", "ColumnSplit", "GroupSplit"],
            ".scenes": ["SceneSplit"],
            ".gaps.separation": ["Separation"],
            ".times": ["TimeSplit"],
        },
    )
