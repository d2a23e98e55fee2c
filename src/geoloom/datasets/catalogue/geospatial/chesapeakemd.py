"""Maryland, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "MD",
    "Maryland",
    {
        2013: "9c3ca5040668d15284c1bd64b7d6c7a0",
        2018: "0647530edf8bec6e60f82760dcc7db9c",
    },
)
