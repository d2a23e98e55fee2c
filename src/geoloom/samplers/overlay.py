"""Polygons laid over one another, so that nothing is lost where their edges run along one another.

Plain overlays by GEOS 3.14 lose parts at times where edges all but coincide, as those of turned grids do;
on a fine grid they do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ..core.outline import surface

_NEAR = 1000
"""Steps of the fine grid within which edges count as one."""


def shared(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """What lies in both: parts of the other as they are where they lie inside, overlaid where edges meet."""
    parts = shapely.get_parts(other)
    hair = _hair([one, other])
    shapely.prepare(one)
    meeting = shapely.dwithin(one.boundary, shapely.boundary(parts), _NEAR * hair)
    inside = ~meeting & shapely.covers(one, parts)
    crossing = ~inside & shapely.intersects(one, parts)
    cut = shapely.intersection(one, parts[crossing], grid_size=hair)
    return multipolygon([surface(part) for part in (*parts[inside], *cut)])


def united(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """What lies in any."""
    return shapely.union_all(shapes, grid_size=_hair(shapes))


def _hair(shapes: Sequence[BaseGeometry]) -> float:
    """A power of two, so that whole metres stay as they are, and less than a tenth of a millimetre."""
    reach = np.abs(shapely.total_bounds(np.array(shapes, dtype=object))).max()
    return 2.0 ** math.floor(math.log2(1e-12 * reach))


def multipolygon(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """Polygons, and the parts of such, that lie apart, as one geometry."""
    parts = shapely.get_parts(np.array(shapes, dtype=object))
    return surface(parts[0] if len(parts) == 1 else shapely.multipolygons(parts))
