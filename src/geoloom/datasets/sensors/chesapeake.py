"""Land use and land cover of the states around the Chesapeake Bay, 1 m.

Source: Chesapeake Bay Program 2023, LULC Database 2022 Edition, doi 10.5066/P981GV1L.
"""

from __future__ import annotations

from .chesapeake_layers import CHESAPEAKE_BANDS
from .yearly_classes import YearlyClasses


class Chesapeake(YearlyClasses):
    """Maps of any of the states, with the product's own codes, 11 to 95, as `mask`; 127 is not valid.

    Two maps a state, of the years of its aerial photographs. What the codes mean is said by the files, where
    they have names of categories. Files are fetched by the class of a state, such as `ChesapeakeDE`.
    """

    filename_glob = "*_lulc_*_2022-Edition.*"
    filename_regex = r"^[a-z]{2}_lulc_(?P<date>\d{4})_2022-Edition\.(?i:tiff?)$"
    all_bands = CHESAPEAKE_BANDS


class ChesapeakeDC(Chesapeake):
    """The District of Columbia, 2013 and 2017; see `Chesapeake`."""

    filename_glob, layer = "dc_lulc_*_2022-Edition.*", "chesapeakedc"


class ChesapeakeDE(Chesapeake):
    """Delaware, 2013 and 2018; see `Chesapeake`."""

    filename_glob, layer = "de_lulc_*_2022-Edition.*", "chesapeakede"


class ChesapeakeMD(Chesapeake):
    """Maryland, 2013 and 2018; see `Chesapeake`."""

    filename_glob, layer = "md_lulc_*_2022-Edition.*", "chesapeakemd"


class ChesapeakeNY(Chesapeake):
    """New York, 2013 and 2017; see `Chesapeake`."""

    filename_glob, layer = "ny_lulc_*_2022-Edition.*", "chesapeakeny"


class ChesapeakePA(Chesapeake):
    """Pennsylvania, 2013 and 2017; see `Chesapeake`."""

    filename_glob, layer = "pa_lulc_*_2022-Edition.*", "chesapeakepa"


class ChesapeakeVA(Chesapeake):
    """Virginia, 2014 and 2018; see `Chesapeake`."""

    filename_glob, layer = "va_lulc_*_2022-Edition.*", "chesapeakeva"


class ChesapeakeWV(Chesapeake):
    """West Virginia, 2014 and 2018; see `Chesapeake`."""

    filename_glob, layer = "wv_lulc_*_2022-Edition.*", "chesapeakewv"
