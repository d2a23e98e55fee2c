"""Cropland Data Layer: yearly crop maps of the conterminous United States, 30 m (10 m since 2024)."""

from __future__ import annotations

from .cdl_classes import CDL_BANDS, CDL_CLASSES
from .yearly_classes import YearlyClasses


class CDL(YearlyClasses):
    """Classes with the product's own codes, as `mask`. Code 0, outside the country, is not valid.

    A layer of one year meets imagery of that year. Colours are read from the files.

    Example:
        >>> crops = CDL("data/cdl", years=[2023], download=True)                # doctest: +SKIP
        >>> corn_and_soybeans = CDL("data/cdl", classes=["Corn", "Soybeans"])   # doctest: +SKIP
    """

    filename_glob = "*_cdls.*"
    filename_regex = r"^(?P<date>\d{4})_\d+m_cdls\.(?i:tiff?)$"
    all_bands = CDL_BANDS
    class_names = CDL_CLASSES
    layer = "cdl"
