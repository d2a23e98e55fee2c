"""A dataset of regions without files."""

from __future__ import annotations

import pytest

from geoloom.core.bands import Band
from geoloom.core.interval import Interval
from geoloom.datasets.base import GeoDataset
from geoloom.datasets.region import Region


class Regions(GeoDataset):
    """Regions and nothing in them."""

    def __init__(self, regions):
        self._given = tuple(regions)

    bands = (Band("b"),)
    layers = frozenset({"image"})

    def _find_regions(self):
        return self._given

    def _identity(self):
        return self._given

    def _read(self, query, channels):
        return None


@pytest.fixture
def regions():
    """Makes a dataset of grids, or of (grid, time) pairs."""

    def make(*grids):
        pairs = [g if isinstance(g, tuple) else (g, None) for g in grids]
        return Regions(
            Region.of_frame(grid, Interval.of(when), name=f"scene{i}")
            for i, (grid, when) in enumerate(pairs)
        )

    return make
