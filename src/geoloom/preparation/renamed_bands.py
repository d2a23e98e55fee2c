"""Bands that get the names and units that their file lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..core.bands import parse_unit
from ..core.errors import BandError
from ..io.headers.header import Header


def renamed(
    header: Header, names: Mapping[int | str, str], unit: str | Sequence[str] | None = None
) -> Header:
    """The header with other names and units of bands.

    Args:
        header: Of the raster.
        names: New name by number (from 1) or old name.
        unit: Of all bands that measure something, or one each; None leaves the file's own.

    Raises:
        BandError: there is no such band, two bands would have one name, a unit is unknown, or there are
            not as many as bands.
    """
    new = list(header.descriptions)
    for number, name in zip(header.find(list(names)) if names else (), names.values(), strict=True):
        new[number - 1] = name
    given = [name for name in new if name is not None]
    taken = sorted({name for name in names.values() if given.count(name) > 1})
    if taken:
        raise BandError(
            f"{header.uri}: two bands would be called {', '.join(taken)}; give each its own name"
        )
    made = replace(header, descriptions=tuple(new))
    if unit is None:
        return made
    bands = header.data_bands
    each = [unit] * len(bands) if isinstance(unit, str) else list(unit)
    if len(each) != len(bands):
        raise BandError(
            f"{len(each)} units for {len(bands)} bands of {header.uri} ({', '.join(made.band_names)}); give "
            "one for all, or one each"
        )
    units: list[str | None] = list(header.units or [None] * header.count)
    for number, text in zip(bands, each, strict=True):
        units[number - 1] = parse_unit(text)
    return replace(made, units=tuple(units))
