"""Radar scenes without speckle, and in decibels or as a ratio of powers: file to file, in blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.errors import BandError
from ..core.grid import PixelWindow, window_grid
from ..io.headers.header import Header, read_header
from ..io.raster import Raster, read
from ..transforms.decibels import CONVERSIONS, POWER_UNITS, check_power_unit, to_linear
from ..transforms.speckle import SpeckleFilter
from .operations import UNSCALED
from .raster_like import write_like
from .renamed_bands import renamed

GivenUnit = str | Sequence[str] | None


def filter_speckle(
    image: str | Path,
    speckle: SpeckleFilter,
    out: str | Path,
    *,
    unit: GivenUnit = None,
    nodata: float | None = None,
    crs: str | None = None,
    overwrite: bool = False,
) -> Path:
    """A radar scene without speckle, float32; each band in the unit that it had.

    Guarantee: the same numbers whatever the blocks; a pixel is observed where it was, and what was not
    observed has no part in any other. Bands that are no backscatter stay as they are.

    Args:
        image: Raster, in `linear` or `dB`; decibels are filtered as ratios of powers, and given back in dB.
        speckle: As of `make_speckle_filter`.
        out: File to write.
        unit: Of the bands, where the file does not say; see `prepare`.
        nodata: Stored value that means unobserved, instead of the raster's own.
        crs: Instead of its missing or wrong one.
        overwrite: Replace the file.

    Raises:
        BandError: no band is backscatter, or none says so.
        WriteError: the file exists, or is an input.
    """
    header, reach = _opened(image, unit, crs), speckle.reach

    def change(values: np.ndarray, valid: np.ndarray, own: str) -> np.ndarray:
        power = values if own == "linear" else to_linear(values)
        filtered = np.asarray(speckle.apply(power[None], valid)[0])
        return filtered if own == "linear" else CONVERSIONS["dB"](filtered)

    return _written(header, image, out, change, reach, None, nodata, overwrite)


def convert_power(
    image: str | Path,
    wanted: str,
    out: str | Path,
    *,
    unit: GivenUnit = None,
    nodata: float | None = None,
    crs: str | None = None,
    overwrite: bool = False,
) -> Path:
    """A radar scene in decibels or as a ratio of powers, float32, and tagged so.

    Where a power of 0 or below has no decibels, a pixel becomes unobserved. Bands that are no backscatter, or
    have the unit already, stay as they are.

    Args:
        image, out, unit, nodata, crs, overwrite: As of `filter_speckle`.
        wanted: `dB` or `linear`.

    Raises:
        ConfigError: the unit wanted is none of backscatter.
        BandError, WriteError: as `filter_speckle`.
    """
    check_power_unit(wanted)
    header = _opened(image, unit, crs)

    def change(values: np.ndarray, valid: np.ndarray, own: str) -> np.ndarray:
        return values if own == wanted else CONVERSIONS[wanted](values)

    return _written(header, image, out, change, 0, wanted, nodata, overwrite)


Change = Callable[[np.ndarray, np.ndarray, str], np.ndarray]
"""From physical values (h, w), where observed, and their unit, to others; NaN where there are none."""


def _opened(image: str | Path, unit: GivenUnit, crs: str | None) -> Header:
    header = renamed(read_header(image, crs=crs), {}, unit)
    if not any(own in POWER_UNITS for own in header.data_units):
        found = ", ".join(
            f"{name}: {own or 'no unit'}"
            for name, own in zip(_names(header), header.data_units, strict=True)
        )
        raise BandError(
            f"{header.uri} declares no band as backscatter ({found}); say its unit: --unit linear for "
            "ratios of powers, --unit dB for decibels (unit='linear'); of amplitudes, take the square first"
        )
    return header


def _names(header: Header) -> list[str]:
    return [header.band_names[n - 1] for n in header.data_bands]


def _written(
    header: Header,
    image: str | Path,
    out: str | Path,
    change: Change,
    reach: int,
    wanted: str | None,
    nodata: float | None,
    overwrite: bool,
) -> Path:
    units, scaling = header.data_units, header.scaling
    radar = [own in POWER_UNITS for own in units]

    def read_block(part: GeoBox) -> Raster:
        height, width = part.shape
        wide = window_grid(part, PixelWindow(-reach, -reach, height + 2 * reach, width + 2 * reach))
        raster = read(header, wide, nodata=nodata)
        values = raster.values.astype(np.float32)
        valid = raster.valid
        inner = slice(reach, reach + height), slice(reach, reach + width)
        made, known = np.empty((len(values), height, width), np.float32), valid[inner]
        for i, own in enumerate(units):
            if own is None or not radar[i]:
                made[i] = values[i][inner]
                continue
            scale, offset = scaling[i]
            physical = values[i] * np.float32(scale) + np.float32(offset)
            made[i] = change(physical, valid, own)[inner]
            known = known & ~np.isnan(made[i])
        return replace(raster, values=made, valid=known, grid=part)

    return write_like(
        header,
        out,
        header.grid,
        read_block,
        inputs=[image],
        scaling=[
            UNSCALED if is_radar else own for is_radar, own in zip(radar, scaling, strict=True)
        ],
        units=[
            (wanted or own) if is_radar else own for is_radar, own in zip(radar, units, strict=True)
        ],
        dtype=np.dtype(np.float32),
        nodata=float("nan"),
        overwrite=overwrite,
    )
