"""West Virginia, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "WV",
    "West Virginia",
    {
        2014: "32fea42fae147bd58a83e3ea6cccfb94",
        2018: "80f25dcba72e39685ab33215c5d97292",
    },
)
