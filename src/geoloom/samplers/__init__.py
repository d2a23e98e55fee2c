"""Where to look: iterables of queries, made from a dataset's regions."""

from .balanced import BalancedGeoSampler
from .grid import GridGeoSampler
from .points import PointGeoSampler
from .prechipped import PreChippedGeoSampler
from .random import RandomBatchGeoSampler, RandomGeoSampler
from .shard import TableSampler
from .statistics import LabelStatistics, class_shares, label_statistics
from .table import ChipTable
from .triplets import TripletGeoSampler

__all__ = [
    "BalancedGeoSampler",
    "ChipTable",
    "GridGeoSampler",
    "LabelStatistics",
    "PointGeoSampler",
    "PreChippedGeoSampler",
    "RandomBatchGeoSampler",
    "RandomGeoSampler",
    "TableSampler",
    "TripletGeoSampler",
    "class_shares",
    "label_statistics",
]
