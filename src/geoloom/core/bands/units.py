"""Units: what the numbers of a band count."""

from __future__ import annotations

from typing import Literal, get_args

from ..errors import BandError, suggest

Unit = Literal[
    "toa_reflectance",
    "surface_reflectance",
    "radiance",
    "dB",
    "linear",
    "K",
    "index",
    "DN",
]
"""Reflectance at the top of the atmosphere or at the surface, radiance, radar backscatter in decibels or as a
ratio of powers, kelvins, a spectral index, or counts without calibration."""

UNITS: tuple[Unit, ...] = get_args(Unit)


def unit_of(tag: str | None) -> Unit | None:
    """The unit that a file's tag names, in any case; None where it names none of ours.

    Example:
        >>> unit_of("db"), unit_of("metre"), unit_of(None)
        ('dB', None, None)
    """
    known = {unit.lower(): unit for unit in UNITS}
    return known.get((tag or "").strip().lower())


def parse_unit(text: str) -> Unit | None:
    """The unit that a user names; None for `none`.

    Raises:
        BandError: it is none of ours; the message names the nearest.
    """
    unit = unit_of(text)
    if unit is None and text.strip().lower() != "none":
        raise BandError(f"no unit is called {text!r}{suggest(text, (*UNITS, 'none'))}")
    return unit
