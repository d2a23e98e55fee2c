"""What of a raster deserves a look before it is used: rules over figures, no pixel read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from ..io.headers.header import Header

_MUCH = 0.05
"""Share of the observed pixels from which one value in all bands is no chance."""
_BORDER = 0.2
_FEW_CODES = 32
_FINE_M = 1e-3
_COARSE_DEG = 1.0
_SQUARE = 1.05
"""Ratio of sides from which pixels are not square."""


class Figures(Protocol):
    """What is known of a band; see `inspection.BandFigures`."""

    name: str
    nodata: float | None
    looked_at: int
    valid: int
    is_nodata: int
    min: float
    max: float
    counts: dict[float, int] | None
    whole: bool


def suspicions(
    header: Header,
    bands: Sequence[Figures],
    everywhere: Mapping[float, float],
    border: tuple[float, float] | None,
) -> list[str]:
    """Sentences, each with its figure and what to do.

    Args:
        header: Of the raster.
        bands: What was seen.
        everywhere: Share of the observed pixels that hold a value in all bands, by value.
        border: The value that most of the outermost pixels hold in all bands, and its share of them.
    """
    coded = header.categorical or _looks_coded(bands)
    found = [*_of_names(header), *_of_bands(bands), *_of_place(header)]
    if coded:
        found += _of_codes(header, bands)
    else:
        found += _of_values(header, bands, everywhere, border)
    return found


def _looks_coded(bands: Sequence[Figures]) -> bool:
    counts = bands[0].counts
    return len(bands) == 1 and bands[0].whole and counts is not None and len(counts) <= _FEW_CODES


def _of_names(header: Header) -> Iterator[str]:
    repeated = [name for name, n in Counter(header.descriptions).items() if name and n > 1]
    if repeated:
        yield (
            f"several bands are called {', '.join(repeated)}: go by numbers, or rename them "
            "(geoloom prepare --name 3=red)"
        )


def _of_bands(bands: Sequence[Figures]) -> Iterator[str]:
    for band in bands:
        if not band.valid:
            yield f"band {band.name} has no observed pixel"
        elif band.min == band.max:
            yield f"band {band.name} is {band.min:g} wherever it is observed: it teaches nothing"


def _of_place(header: Header) -> Iterator[str]:
    across, down = abs(header.grid.resolution.x), abs(header.grid.resolution.y)
    if max(across, down) > _SQUARE * min(across, down):
        unit = "degrees" if header.grid.crs.geographic else "units of the CRS"
        yield (
            f"pixels of {across:g} x {down:g} {unit} are not square: networks see the ground stretched; give "
            "it square ones (geoloom prepare --resolution)"
        )
    pixel = min(abs(header.grid.resolution.x), abs(header.grid.resolution.y))
    if header.grid.crs.geographic and pixel >= _COARSE_DEG:
        yield f"pixels of {pixel:g} degrees: is the CRS of degrees right, or are these metres?"
    if not header.grid.crs.geographic and pixel < _FINE_M:
        yield f"pixels of {pixel:g} in a CRS of metres: are these degrees (--assume-crs EPSG:4326)?"


def _of_codes(header: Header, bands: Sequence[Figures]) -> Iterator[str]:
    band, names = bands[0], header.class_names or {}
    if not band.whole or band.counts is None:
        what = "fractions" if not band.whole else "more than 256 different values"
        yield f"it has names or colours of classes and holds {what}: labels that look like measurements"
        return
    unnamed = [int(code) for code in sorted(band.counts) if int(code) not in names]
    if not names and band.valid:
        codes = ", ".join(map(str, unnamed[:8]))
        yield f"it looks like class codes ({codes}{' ...' if len(unnamed) > 8 else ''}) without names"
    elif unnamed:
        yield f"codes {', '.join(map(str, unnamed[:8]))} occur and have no name"


def _of_values(
    header: Header,
    bands: Sequence[Figures],
    everywhere: Mapping[float, float],
    border: tuple[float, float] | None,
) -> Iterator[str]:
    which = "all bands" if len(bands) > 1 else "the band"
    said = set()
    for value, share in sorted(everywhere.items()):
        if share >= _MUCH and share < 1:
            said.add(value)
            yield (
                f"{100 * share:.0f} % of the observed pixels are {value:g} in {which}: saturated, or nodata "
                f"that is not declared (--nodata {value:g})"
            )
    declared = {band.nodata for band in bands if band.nodata is not None}
    never = bool(declared) and not any(band.is_nodata for band in bands)
    if border is not None and border[1] >= _BORDER and border[0] not in declared | said:
        values = ", ".join(f"{value:g}" for value in declared)
        while_never = f", while the declared nodata {values} never occurs" if never else ""
        yield (
            f"{100 * border[1]:.0f} % of the border is {border[0]:g} in {which}{while_never}: is "
            f"{border[0]:g} nodata (--nodata {border[0]:g})?"
        )
