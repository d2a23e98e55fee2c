"""Files made ready for chips: scenes joined, cropped, without clouds, with indices; labels as rasters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .cloud_removal import remove_clouds as remove_clouds
    from .crop import crop_to_extent as crop_to_extent
    from .crop import crop_to_polygons as crop_to_polygons
    from .inspection import RasterInspection as RasterInspection
    from .inspection import inspect_raster as inspect_raster
    from .join import join_bands as join_bands
    from .join import join_dates as join_dates
    from .join import join_mosaic as join_mosaic
    from .labels import LabelRaster as LabelRaster
    from .labels import rasterize as rasterize
    from .scene import PreparedScene as PreparedScene
    from .scene import prepare as prepare
    from .vector_layers import merge_layers as merge_layers
    from .vector_layers import reproject_layer as reproject_layer
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".cloud_removal": ["remove_clouds"],
            ".crop": ["crop_to_extent", "crop_to_polygons"],
            ".inspection": ["RasterInspection", "inspect_raster"],
            ".join": ["join_bands", "join_dates", "join_mosaic"],
            ".labels": ["LabelRaster", "rasterize"],
            ".scene": ["PreparedScene", "prepare"],
            ".vector_layers": ["merge_layers", "reproject_layer"],
        },
    )
