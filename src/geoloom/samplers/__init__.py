"""Where to look: iterables of queries, made from a dataset's regions."""

from .grid import GridGeoSampler
from .random import RandomBatchGeoSampler, RandomGeoSampler
from .shard import TableSampler
from .table import ChipTable

__all__ = [
    "ChipTable",
    "GridGeoSampler",
    "RandomBatchGeoSampler",
    "RandomGeoSampler",
    "TableSampler",
]
