"""Where to look: iterables of queries, made from a dataset's regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .balanced import BalancedGeoSampler as BalancedGeoSampler
    from .grid import GridGeoSampler as GridGeoSampler
    from .points import PointGeoSampler as PointGeoSampler
    from .prechipped import PreChippedGeoSampler as PreChippedGeoSampler
    from .random import RandomBatchGeoSampler as RandomBatchGeoSampler
    from .random import RandomGeoSampler as RandomGeoSampler
    from .shard import TableSampler as TableSampler
    from .statistics import LabelStatistics as LabelStatistics
    from .statistics import class_shares as class_shares
    from .statistics import label_statistics as label_statistics
    from .table import ChipTable as ChipTable
    from .triplets import TripletGeoSampler as TripletGeoSampler
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".balanced": ["BalancedGeoSampler"],
            ".grid": ["GridGeoSampler"],
            ".points": ["PointGeoSampler"],
            ".prechipped": ["PreChippedGeoSampler"],
            ".random": ["RandomBatchGeoSampler", "RandomGeoSampler"],
            ".shard": ["TableSampler"],
            ".statistics": ["LabelStatistics", "class_shares", "label_statistics"],
            ".table": ["ChipTable"],
            ".triplets": ["TripletGeoSampler"],
        },
    )
