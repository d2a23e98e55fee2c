"""Files to arrays and back: any raster onto any grid, features burned, products streamed. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .engines import Engine as Engine
    from .headers.header import Header as Header
    from .headers.header import read_header as read_header
    from .headers.scan import scan as scan
    from .mosaic import read_many as read_many
    from .outlines import observed_outline as observed_outline
    from .pictures.hdf5 import Hdf5Info as Hdf5Info
    from .pictures.hdf5 import hdf5_arrays as hdf5_arrays
    from .pictures.hdf5 import hdf5_info as hdf5_info
    from .pictures.hdf5 import read_hdf5 as read_hdf5
    from .pictures.picture import Picture as Picture
    from .pictures.picture import PictureInfo as PictureInfo
    from .pictures.read import picture_info as picture_info
    from .pictures.read import read_picture as read_picture
    from .raster import Raster as Raster
    from .raster import read as read
    from .vector.features import Features as Features
    from .vector.layers import list_fields as list_fields
    from .vector.layers import make_features as make_features
    from .vector.layers import read_features as read_features
    from .write.cog import CogWriter as CogWriter
    from .write.cog import write_raster as write_raster
    from .write.geopackage import ClassPolygonWriter as ClassPolygonWriter
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".engines": ["Engine"],
            ".headers.header": ["Header", "read_header"],
            ".headers.scan": ["scan"],
            ".mosaic": ["read_many"],
            ".outlines": ["observed_outline"],
            ".pictures.hdf5": ["Hdf5Info", "hdf5_arrays", "hdf5_info", "read_hdf5"],
            ".pictures.picture": ["Picture", "PictureInfo"],
            ".pictures.read": ["picture_info", "read_picture"],
            ".raster": ["Raster", "read"],
            ".vector.features": ["Features"],
            ".vector.layers": ["list_fields", "make_features", "read_features"],
            ".write.cog": ["CogWriter", "write_raster"],
            ".write.geopackage": ["ClassPolygonWriter"],
        },
    )
