"""What a channel measures, and in which numbers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any, Literal, get_args

from ..errors import BandError, suggest
from ..jsonfile import JsonValue
from .units import UNITS, Unit

log = logging.getLogger(__name__)

Role = Literal[
    "coastal",
    "blue",
    "green",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir08",
    "nir09",
    "cirrus",
    "swir1",
    "swir2",
    "pan",
    "thermal",
    "thermal2",
    "vv",
    "vh",
    "hh",
    "hv",
    "elevation",
    "qa",
    "class",
    "other",
]


@dataclass(frozen=True, slots=True)
class Band:
    """One channel of a sensor, apart from how any file stores it.

    Physical value = stored value * scale + offset.

    Raises:
        BandError: the unit is none of ours.
    """

    name: str
    """The provider's name, such as `SR_B4`."""
    role: Role = "other"
    """What it measures, the same word for every sensor; unions of sensors match on it."""
    wavelength_um: float | None = None
    """Centre wavelength, micrometres."""
    gsd_m: float | None = None
    """Ground sample distance, metres."""
    unit: Unit | None = None
    """Of physical values; None where it is not known."""
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    """Stored value that means unobserved, where the provider's files leave it untagged."""

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise BandError(
                f"band {self.name!r} has the unit {self.unit!r}{suggest(self.unit, UNITS)}, or None"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; what is not finite as text."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        if self.nodata is not None and not isfinite(self.nodata):
            plain["nodata"] = str(self.nodata)
        return plain

    @classmethod
    def from_json(cls, value: JsonValue) -> Band:
        """The band that `to_dict` wrote; all but the name may be left out.

        Raises:
            GeoloomError: as the value's own `error`: a value is of another kind; file and key are named.
        """
        numbers = {
            key: number
            for key in ("wavelength_um", "gsd_m", "scale", "offset")
            if (number := value.get(key)) is not None
        }
        role, unit, nodata = value.get("role"), value.get("unit"), value.get("nodata")
        return cls(
            value["name"].text(),
            role="other" if role is None else role.one_of(get_args(Role)),  # type: ignore[arg-type]
            unit=None if unit is None else unit.one_of(UNITS),  # type: ignore[arg-type]
            nodata=None if nodata is None else _any_number(nodata),
            **{key: number.number() for key, number in numbers.items()},
        )

    @classmethod
    def named(cls, name: str) -> Band:
        """A band known by its name alone; a name that is a role, such as `red`, is taken as one.

        Example:
            >>> Band.named("Red").role, Band.named("SR_B4").role
            ('red', 'other')
        """
        role = name.lower()
        return cls(name, role=role) if role in get_args(Role) else cls(name)  # type: ignore[arg-type]


def as_band(band: Band | str) -> Band:
    """The band itself, or the one that a name means; see `Band.named`."""
    return band if isinstance(band, Band) else Band.named(band)


def _any_number(value: JsonValue) -> float:
    """A number, also one that JSON has only as text."""
    if isinstance(value.value, str):
        return float(value.one_of(("nan", "inf", "-inf")))
    return value.number()
