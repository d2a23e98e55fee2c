"""Pennsylvania, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "PA",
    "Pennsylvania",
    {
        2013: "86febd603a120a49ef7d23ef486152a3",
        2017: "b11d92e4471e8cb887c790d488a338c1",
    },
)
