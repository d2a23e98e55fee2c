"""National Agriculture Imagery Program: aerial photographs of the United States, 0.3 to 1 m.

Source: USDA Farm Production and Conservation, NAIP quarter quads.
"""

from __future__ import annotations

from ..raster import RasterDataset
from .naip_bands import NAIP_BANDS


class NAIP(RasterDataset):
    """Quarter quads of red, green, blue and near infrared, 8 bits, each in its own UTM zone."""

    filename_glob = "m_*.*"
    filename_regex = r"""
        ^m_(?P<quad>\d+)
        _(?P<quarter>[a-z]+)
        _(?P<zone>\d+)
        _(?P<gsd>[a-z0-9]+)
        _(?P<date>\d{8})
        (?:_(?P<processed>\d{8}))?
        \.(?i:tiff?|jp2)$
    """
    all_bands = NAIP_BANDS
    rgb_bands = ("R", "G", "B")
