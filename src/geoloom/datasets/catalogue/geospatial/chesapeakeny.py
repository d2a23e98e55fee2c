"""New York, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "NY",
    "New York",
    {
        2013: "38a29b721610ba661a7f8b6ec71a48b7",
        2017: "4c1b1a50fd9368cd7b8b12c4d80c63f3",
    },
)
