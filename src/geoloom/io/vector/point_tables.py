"""Tables of coordinates as layers of points: CSV with columns of longitude and latitude, or of x and y."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from ...core.errors import VectorError

log = logging.getLogger(__name__)

TABLES = frozenset((".csv", ".tsv", ".xlsx", ".ods", ".dbf"))
_WITH_POINTS = frozenset((".csv", ".tsv"))
"""Of these GDAL makes points as it reads."""

WGS84 = "EPSG:4326"
_DEGREES = ("lon", "long", "lng", "longitude"), ("lat", "latitude")
_PROJECTED = ("x", "easting"), ("y", "northing")
"""What columns of coordinates are called, in any case."""


@dataclass(frozen=True, slots=True)
class PointColumns:
    """The columns of a table that hold its points' coordinates."""

    x: str
    y: str
    crs: str | None
    """WGS 84 of longitude and latitude; of x and y the table does not say."""

    @classmethod
    def of(cls, path: Path, fields: Sequence[str]) -> PointColumns:
        """Those that are called so.

        Raises:
            VectorError: there are none, or the file is of a kind of which GDAL makes no points.
        """
        for (xs, ys), crs in ((_DEGREES, WGS84), (_PROJECTED, None)):
            x, y = (
                next((f for f in fields if f.strip().lower() in names), None) for names in (xs, ys)
            )
            if x is not None and y is not None and path.suffix.lower() in _WITH_POINTS:
                return cls(x, y, crs)
        raise VectorError(
            f"{path} is a table without geometries; its columns are {', '.join(fields) or 'none'}. It is a "
            "layer of points where it is a CSV whose columns of coordinates are called lon and lat, or x and "
            "y: save it as CSV, and rename them in its first line"
        )

    @property
    def options(self) -> dict[str, str]:
        """For GDAL's CSV driver, which then makes points."""
        return {"X_POSSIBLE_NAMES": self.x, "Y_POSSIBLE_NAMES": self.y, "KEEP_GEOM_COLUMNS": "YES"}

    def check(self, points: np.ndarray, path: Path) -> None:
        """Say that coordinates are taken as degrees where nobody has said what they are.

        Raises:
            VectorError: they cannot be.
        """
        if self.crs is None:
            return
        xy = shapely.get_coordinates(points)
        beyond = np.abs(xy) > (360, 90)
        if beyond.any():
            raise VectorError(
                f"{path}: {self.x} and {self.y} reach {xy[beyond][0]:g}, expected degrees; if they are "
                "coordinates of another CRS, say which by assume_crs= (--assume-crs), such as EPSG:32722"
            )
        log.warning(
            "%s: %s and %s are taken as degrees in WGS 84 (%s); another CRS is given by assume_crs= "
            "(--assume-crs)",
            path,
            self.x,
            self.y,
            self.crs,
        )
