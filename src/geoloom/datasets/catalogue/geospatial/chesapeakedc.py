"""The District of Columbia, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "DC",
    "the District of Columbia",
    {
        2013: "9f1df21afbb9d5c0fcf33af7f6750a7f",
        2017: "c45e4af2950e1c93ecd47b61af296d9b",
    },
)
