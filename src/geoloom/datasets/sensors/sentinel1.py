"""Sentinel-1 backscatter on a map's grid: one file per polarisation.

Source: Alaska Satellite Facility, HyP3 product guide "Sentinel-1 RTC", naming convention; ESA Sentinel-1
Product Specification (S1-RS-MDA-52-7441), names of products.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack, get_args

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS

from ...core.bands import Band, Unit, as_band
from ...core.bands.decibels import PowerUnit, decibels_of, power_of
from ...core.errors import BandError, DatasetError
from ...core.query import Query, Sample
from ...io.access.finding import Paths
from ..base import Transform
from ..options import require_choice
from ..raster import RasterDataset
from ..raster_options import RasterOptions
from .sentinel1_bands import SENTINEL1_BANDS

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = re.compile(r"_RTC\d+_[A-Z]_[gs]([pda])[mu][nf][ec][dm]_", re.IGNORECASE)
_UNITS: dict[str, Unit | None] = {"p": "linear", "d": "dB", "a": None}
"""Power, decibels; amplitude, the root of power, is none of our units."""
_TURNS: dict[PowerUnit, Callable[[NDArray[Any]], NDArray[np.float32]]] = {
    "dB": decibels_of,
    "linear": power_of,
}
"""By the unit wanted."""


class Sentinel1(RasterDataset):
    """Sentinel-1 A, B and C, corrected for terrain (RTC), or ground range (GRD) on a map's grid.

    RTC is read as HyP3 delivers it. A scene has two polarisations, `VV` and `VH` or `HH` and `HV`, or one of
    them; those that no file has are left out. Where scenes differ, say which are wanted:
    `bands=["VV", "VH"]`. The unit, a ratio of powers (`linear`) or decibels (`dB`), is known from the file's
    tags or, of RTC, from its name; amplitudes have none. Of GRD the files bear the product's name and the
    polarisation, as `S1A_IW_GRDH_1SDV_..._VV.tif`.

    Products without a map's grid, such as GRD in radar geometry, have to be corrected for terrain first.
    """

    filename_glob = "S1*_*.[tT][iI][fF]*"
    filename_regex = r"""
        ^S1[A-D]
        _(?P<mode>S[1-6]|IW|EW|WV)
        (?:
            _(?P<date>\d{8}T\d{6})
            _[SD][HV][PRO]
            _RTC\d+
            _[A-Z]
            _[a-z]{6}
            _[0-9A-F]{4}
        |
            _GRD[FHM]
            _1[SA][SD][HV]
            _(?P<start>\d{8}T\d{6})
            _(?P<stop>\d{8}T\d{6})
            _\d{6}
            _[0-9A-F]{6}
            _[0-9A-F]{4}
        )
        _(?P<band>VV|VH|HH|HV)
        \.(?i:tiff?)$
    """
    date_format = "%Y%m%dT%H%M%S"
    separate_files = True
    all_bands = SENTINEL1_BANDS
    optional_bands = ("VV", "VH", "HH", "HV")

    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str | Band] | None = None,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        unit: PowerUnit | None = None,
        stored_unit: PowerUnit | None = None,
        **options: Unpack[RasterOptions],
    ) -> None:
        """Find the files and read their headers.

        Args:
            paths, crs, res, bands, transforms, root, options: As of `RasterDataset`.
            unit: Of samples, `linear` or `dB`: files of the other one are converted as they are read,
                float32; a pixel without a value in it is not valid. Default: as the files have it.
            stored_unit: What files hold whose names and tags do not say it, as those of GRD.

        Raises:
            DatasetError: as `RasterDataset`, or a file says that it holds something else than `stored_unit`.
            BandError: as `RasterDataset`, or the unit of files that are to be converted is not known.
        """
        for name, given in (("unit", unit), ("stored_unit", stored_unit)):
            if given is not None:
                require_choice(f"unit of backscatter ({name})", given, get_args(PowerUnit))
        self.unit: PowerUnit | None = None
        self.stored_unit = stored_unit
        if stored_unit is not None:
            declared = map(as_band, options.get("all_bands") or self.all_bands)
            options["all_bands"] = [replace(band, unit=stored_unit) for band in declared]
        if unit is not None:
            options["scaled"] = True
        super().__init__(paths, crs, res, bands, transforms, root=root, **options)
        if unit is not None:
            self._require_unit()
            self.unit = unit

    @property
    def bands(self) -> tuple[Band, ...]:
        """In channel order, in the unit of samples."""
        own = super().bands
        return own if self.unit is None else tuple(replace(b, unit=self.unit) for b in own)

    def calibrate(self, band: Band, uri: str) -> Band:
        """Adds the unit by the product's name.

        Raises:
            DatasetError: the file holds something else than `stored_unit`.
        """
        named = _SCALE.search(uri)
        by_name = None if named is None else _UNITS[named[1].lower()]
        if self.stored_unit is not None:
            told = band.unit if named is None else by_name
            if told != self.stored_unit:
                raise DatasetError(
                    f"{uri} holds {told or 'amplitudes'} by its name or tags, not stored_unit="
                    f"{self.stored_unit!r}; leave it out where files say what they hold"
                )
        return band if band.unit is not None else replace(band, unit=by_name)

    def _require_unit(self) -> None:
        """See that all bands have one known unit, as a part of them may be asked for."""
        stored = {band.unit for band in super().bands}
        if len(stored) > 1 or not stored <= set(get_args(PowerUnit)):
            known = ", ".join(f"{b.name} {b.unit or 'no known unit'}" for b in super().bands)
            raise BandError(
                f"backscatter cannot be given in another unit: files hold {known}; say what they hold with "
                "stored_unit='linear' or 'dB', or leave unit= out"
            )

    def _as_sample(
        self,
        query: Query,
        scenes: Sequence[int],
        values: np.ndarray | Tensor,
        valid: np.ndarray | Tensor,
    ) -> Sample:
        if self.unit is not None and self._bands[0].unit != self.unit:
            turned = _TURNS[self.unit](np.asarray(values))
            known = np.isfinite(turned)
            valid = np.asarray(valid) & known.all(axis=-3)
            values = np.where(known, turned, np.float32(0))
        return super()._as_sample(query, scenes, values, valid)

    def _identity(self) -> Hashable:
        return super()._identity(), self.unit
