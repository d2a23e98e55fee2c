"""Landsat Collection 2, one file per band: surface reflectance (level 2), and counts (level 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Unpack, get_args

from odc.geo.crs import CRS

from ...core.bands import Band, names_of
from ...core.errors import DatasetError
from ...io.access.finding import Paths, find_files
from ..base import Transform
from ..options import given_paths, require_choice
from ..raster import RasterDataset
from ..raster_options import RasterOptions
from .landsat_bands import ETM, MSS_1_TO_3, MSS_4_TO_5, OLI, TM, LandsatBands, Level
from .landsat_calibration import calibrated

_ANY_LEVEL = "[A-Z0-9]{4}"


class Landsat(RasterDataset):
    """Any Landsat; use the class of the satellite.

    Level 2 (`SR_B4`): stored integers become reflectance with `scaled=True` (scale 2.75e-5, offset -0.2).
    Level 1 (`B4`): counts, which are reflectance at the top of the atmosphere with `scaled=True` where the
    scene's `MTL.txt` lies beside them; else counts of different scenes are not comparable. Quality bands
    such as `QA_PIXEL`, thermal and panchromatic ones are read when named in `bands`.
    """

    filename_regex = r"""
        ^L[COTEM]\d{2}
        _[A-Z0-9]{4}
        _(?P<tile>\d{6})
        _(?P<date>\d{8})
        _(?P<processed>\d{8})
        _\d{2}
        _(?:T1|T2|RT|A1|A2)
        _(?P<band>[A-Z][A-Z0-9_]*)
        \.(?i:tiff?)$
    """
    date_format = "%Y%m%d"
    separate_files = True
    levels: ClassVar[Mapping[Level, LandsatBands]] = {}
    """Those of the satellite, that which is read unless another is asked for first."""

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
            level: `L1` or `L2`. Default: the one whose bands are named; else level 2 where there are files of
                it.

        Raises:
            DatasetError: the satellite has no such level; and as `RasterDataset`.
        """
        given = given_paths(paths, root)
        named = names_of(bands or ())
        self.level = self._level_of(level, named, given)
        if self.level is not None:
            self._take(self.level, options)
        super().__init__(given, crs, res, bands, transforms, **options)

    def calibrate(self, band: Band, uri: str) -> Band:
        """Adds what the scene's `MTL.txt` says of level 1."""
        return calibrated(band, uri)

    def _level_of(
        self, level: Level | None, bands: Sequence[str], paths: Sequence[str]
    ) -> Level | None:
        if level is not None:
            require_choice("level", level, get_args(Level))
            if level not in self.levels:
                raise DatasetError(
                    f"{type(self).__name__} has no level {level!r}, it has {' and '.join(self.levels)}"
                )
            return level
        if len(self.levels) < 2:
            return next(iter(self.levels), None)
        named = [own for own, table in self.levels.items() if table.names >= set(bands)]
        if bands and len(named) == 1:
            return named[0]
        return self._level_there(paths)

    def _level_there(self, paths: Sequence[str]) -> Level:
        """The first level of which there are files; the first of all where there are none."""
        first = next(iter(self.levels))
        try:
            files = [Path(file).name for file in find_files(paths, self.filename_glob)]
        except DatasetError:
            return first  # the scan says what is missing
        there = (own for own in self.levels if any(name[5:7] == own for name in files))
        return next(there, first)

    def _take(self, level: Level, options: RasterOptions) -> None:
        """Files and bands of one level, where neither options nor a subclass say otherwise."""
        if options.get("filename_regex") is None:
            options["filename_regex"] = self.filename_regex.replace(
                _ANY_LEVEL, f"{level}[A-Z0-9]{{2}}", 1
            )
        if level != next(iter(self.levels)):
            table = self.levels[level]
            self.extra_bands = table.extra
            for option, value in (("all_bands", table.bands), ("rgb_bands", table.rgb)):
                if options.get(option) is None:
                    options[option] = value  # type: ignore[literal-required]


class Landsat1(Landsat):
    """Landsat 1 Multispectral Scanner, 1972-1978: level 1, at 60 m; see `Landsat`."""

    filename_glob = "LM01_*.[tT][iI][fF]*"
    levels = MSS_1_TO_3
    all_bands, extra_bands = MSS_1_TO_3["L1"].bands, MSS_1_TO_3["L1"].extra
    rgb_bands = MSS_1_TO_3["L1"].rgb


class Landsat2(Landsat1):
    """Landsat 2 Multispectral Scanner, 1975-1982; see `Landsat1`."""

    filename_glob = "LM02_*.[tT][iI][fF]*"


class Landsat3(Landsat1):
    """Landsat 3 Multispectral Scanner, 1978-1983; see `Landsat1`."""

    filename_glob = "LM03_*.[tT][iI][fF]*"


class Landsat4MSS(Landsat1):
    """Landsat 4 Multispectral Scanner, 1982-1993; see `Landsat1`."""

    filename_glob = "LM04_*.[tT][iI][fF]*"
    levels = MSS_4_TO_5
    all_bands, rgb_bands = MSS_4_TO_5["L1"].bands, MSS_4_TO_5["L1"].rgb


class Landsat5MSS(Landsat4MSS):
    """Landsat 5 Multispectral Scanner, 1984-2013; see `Landsat1`."""

    filename_glob = "LM05_*.[tT][iI][fF]*"


class Landsat4TM(Landsat):
    """Landsat 4 Thematic Mapper, 1982-1993, levels 1 and 2."""

    filename_glob = "LT04_*.[tT][iI][fF]*"
    levels = TM
    all_bands, extra_bands, rgb_bands = TM["L2"].bands, TM["L2"].extra, TM["L2"].rgb


class Landsat5TM(Landsat4TM):
    """Landsat 5 Thematic Mapper, 1984-2013, levels 1 and 2."""

    filename_glob = "LT05_*.[tT][iI][fF]*"


class Landsat7(Landsat4TM):
    """Landsat 7 Enhanced Thematic Mapper Plus, since 1999 (gaps since May 2003), levels 1 and 2."""

    filename_glob = "LE07_*.[tT][iI][fF]*"
    levels = ETM


class Landsat8(Landsat):
    """Landsat 8 Operational Land Imager, since 2013, levels 1 and 2."""

    filename_glob = "L[CO]08_*.[tT][iI][fF]*"
    levels = OLI
    all_bands, extra_bands, rgb_bands = OLI["L2"].bands, OLI["L2"].extra, OLI["L2"].rgb


class Landsat9(Landsat8):
    """Landsat 9 Operational Land Imager 2, since 2021, levels 1 and 2."""

    filename_glob = "L[CO]09_*.[tT][iI][fF]*"
