"""Where chips' centres lie on Earth, and how far they are from one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from pyproj import Geod

from ..core.grid import crs_name, transformer
from .sampling_regions import SamplingRegion, chip_boxes

_ELLIPSOID = Geod(ellps="WGS84")


class Centres:
    """The centres of chips in given regions, many at a time."""

    def __init__(self, regions: Sequence[SamplingRegion]) -> None:
        names = [crs_name(region.frame.crs) for region in regions]
        self._names, self._crs = np.unique(names, return_inverse=True)
        self._affines = np.array([region.frame.affine[:6] for region in regions])
        self._areas = np.array([region.area_px for region in regions], dtype=object)
        self._limits = np.array([region.limit_px for region in regions], dtype=object)
        shapely.prepare(self._areas)

    def lonlat(
        self, rows: np.ndarray, *, right: float = 0.0, down: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Longitudes and latitudes (N,) of the centres of a table's rows, or of points pixels beside them."""
        col = rows["col"] + rows["width"] / 2 + right
        row = rows["row"] + rows["height"] / 2 + down
        a, b, c, d, e, f = self._affines[rows["region"]].T
        x, y = a * col + b * row + c, d * col + e * row + f
        home = self._crs[rows["region"]]
        for number in np.unique(home):
            name, members = str(self._names[number]), home == number
            if name != "EPSG:4326":
                move = transformer(name, "EPSG:4326").transform
                x[members], y[members] = move(x[members], y[members])
        return x, y

    def pixel_m(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ground (N,) from a chip's centre to one pixel to the right, and to one pixel down, metres."""
        at = self.lonlat(rows)
        return (
            distance_m(at, self.lonlat(rows, right=1.0)),
            distance_m(at, self.lonlat(rows, down=1.0)),
        )

    def inside(self, rows: np.ndarray) -> np.ndarray:
        """Whether (N,) the chips' centres lie in their regions' areas, and all of them in the limits."""
        col, row = rows["col"] + rows["width"] / 2, rows["row"] + rows["height"] / 2
        inside: np.ndarray = shapely.contains_xy(self._areas[rows["region"]], col, row)
        limits = self._limits[rows["region"]]
        limited = np.flatnonzero(inside & (limits != None))  # noqa: E711 - of each
        if len(limited):
            some = rows[limited]
            boxes = chip_boxes(some["row"], some["col"], (some["height"], some["width"]))
            inside[limited] = shapely.covers(limits[limited], boxes)
        return inside


def distance_m(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Geodesic distance (N,) between longitudes and latitudes, metres on the WGS 84 ellipsoid."""
    distances: np.ndarray = _ELLIPSOID.inv(*one, *other)[2]
    return distances
