"""Delaware, of the maps of the Chesapeake Bay."""

from __future__ import annotations

from ...sensors.chesapeake_layers import chesapeake

LAYER = chesapeake(
    "DE",
    "Delaware",
    {
        2013: "5850d96d897babba85610658aeb5951a",
        2018: "ee94c8efeae423d898677104117bdebc",
    },
)
