"""The band of the maps of the Chesapeake Bay. Loads no torch."""

from __future__ import annotations

from ...core.bands import Band

CHESAPEAKE_BANDS = (Band("class", "class", gsd_m=1.0, nodata=127),)
