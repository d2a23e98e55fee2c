"""Virginia, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "VA",
    "Virginia",
    {
        2014: "49c9700c71854eebd00de24d8488eb7c",
        2018: "51731c8b5632978bfd1df869ea10db5b",
    },
)
