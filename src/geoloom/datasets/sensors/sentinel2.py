"""Sentinel-2, levels 1C and 2A, one file per band.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), naming and radiometry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Unpack, get_args

from odc.geo.crs import CRS

from ...core.bands import Band, Unit
from ...io.access.finding import Paths
from ..base import Transform
from ..options import require_choice
from ..raster import RasterDataset
from ..raster_options import RasterOptions
from .sentinel2_bands import SENTINEL2_BANDS

Level = Literal["L1C", "L2A"]
"""Reflectance at the top of the atmosphere, and at the surface."""

_BASELINE = re.compile(r"_N(\d{4})_")
_LEVEL = re.compile(r"_MSI(L1C|L2A)_")
_RESOLUTION = re.compile(r"_\d{2}m\.\w+$")
_RESOLUTION_GROUP = r"(?:_(?P<resolution>\d{2}m))?"
_OFFSET_SINCE = 400
_OFFSET = -0.1


def _unit(uri: str) -> Unit | None:
    """By the name of a product's folder, else of a file: only those of level 2A end in a resolution."""
    level = _LEVEL.search(uri)
    if level is not None:
        return "toa_reflectance" if level[1] == "L1C" else "surface_reflectance"
    return "surface_reflectance" if _RESOLUTION.search(uri) else None


class Sentinel2(RasterDataset):
    """Sentinel-2 A, B and C, as delivered in SAFE folders or loose, JPEG 2000 or GeoTIFF.

    Of a band that a level-2A product holds at several resolutions, the finest is taken; a scene's grid is
    that of its finest band. Level 2A has no `B10`, which is left out then; where other bands were not
    fetched, name those that were in `bands`. With `scaled=True` values are reflectance; the offset of
    products since processing baseline 04.00 (January 2022) is known from the SAFE folder's name. Level 1C is
    reflectance at the top of the atmosphere, level 2A at the surface, as that name says, or the resolution
    that level 2A has in the names of its files.
    """

    filename_glob = "T*_*_B*"
    filename_regex = r"""
        ^T(?P<tile>\d{2}[A-Z]{3})
        _(?P<date>\d{8}T\d{6})
        _(?P<band>B[018][0-9A])
        (?:_(?P<resolution>\d{2}m))?
        \.(?i:jp2|tiff?)$
    """
    date_format = "%Y%m%dT%H%M%S"
    separate_files = True
    all_bands = SENTINEL2_BANDS
    optional_bands = ("B10",)
    rgb_bands = ("B04", "B03", "B02")

    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str | Band] | None = None,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        level: Level | None = None,
        **options: Unpack[RasterOptions],
    ) -> None:
        """Find the files and read their headers.

        Args:
            paths, crs, res, bands, transforms, root, options: As of `RasterDataset`.
            level: `L1C` or `L2A`, where both are there; level 2A has resolutions in its names.

        Raises:
            DatasetError: as `RasterDataset`, or the level is none.
        """
        self.level = level
        if level is not None:
            require_choice("level", level, get_args(Level))
            if options.get("filename_regex") is None:
                options["filename_regex"] = self.filename_regex.replace(
                    _RESOLUTION_GROUP, _RESOLUTION_GROUP[:-1] if level == "L2A" else ""
                )
        super().__init__(paths, crs, res, bands, transforms, root=root, **options)

    def calibrate(self, band: Band, uri: str) -> Band:
        """Adds the unit by the product's level, and the offset of -1000 counts since baseline 04.00."""
        if band.unit is None:
            band = replace(band, unit=_unit(uri))
        baseline = _BASELINE.search(uri)
        if baseline is None or int(baseline[1]) < _OFFSET_SINCE or band.offset != 0.0:
            return band
        return replace(band, offset=_OFFSET)
