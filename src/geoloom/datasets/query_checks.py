"""What a dataset is asked with, and whether it may have an answer."""

from __future__ import annotations

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from ..core.errors import QueryError
from ..core.grid import crs_name
from ..core.query import Query
from .region import Region
from .scenes.index import lonlat_boxes


def as_query(query: object) -> Query:
    """The query that is meant; a grid stands for one of all time.

    Raises:
        QueryError: it is none; the message says how to ask.
    """
    if isinstance(query, Query):
        return query
    if isinstance(query, GeoBox):
        return Query(query)
    if isinstance(query, (int, np.integer)):
        raise QueryError(
            f"a dataset is asked with a Query or a GeoBox, got {type(query).__name__} ({query}): its samples "
            "have places, not numbers. Instead of shuffle=True give the DataLoader a sampler: "
            "DataLoader(dataset, sampler=RandomGeoSampler(dataset, size=256)); instead of random_split "
            "divide it: geoloom.splits.divide(dataset, BlockSplit(), size=256)"
        )
    if isinstance(query, slice | tuple):
        raise QueryError(
            f"a dataset is asked with a Query or a GeoBox, got {_slices_text(query)}; slices of coordinates "
            "are bounds here: dataset[dataset.at(((left, bottom, right, top), dataset.crs), when=...)]"
        )
    raise QueryError(
        f"a dataset is asked with a Query or a GeoBox, got {type(query).__name__}; draw queries with a "
        "sampler, such as GridGeoSampler(dataset, size=256), or make a grid of bounds: "
        "GeoBox.from_bbox((left, bottom, right, top), crs, resolution=res)"
    )


def _slices_text(given: object) -> str:
    parts = given if isinstance(given, tuple) else (given,)
    return f"[{', '.join(map(str, parts))}]"[:120]


def near_region(region: Region, query: Query) -> bool:
    """Whether a region may lie under a query's grid, by the boxes around both."""
    return any(shapely.intersects(region.footprint, box) for box in lonlat_boxes(query.grid))


def extent_text(grid: GeoBox) -> str:
    """Where a grid lies, for messages."""
    box = grid.boundingbox
    return f"({box.left:.6g}, {box.bottom:.6g}, {box.right:.6g}, {box.top:.6g}) in {crs_name(grid.crs)[:60]}"
