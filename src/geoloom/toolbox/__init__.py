"""The analyst's classes: from files to files in few lines, under the names of the DeepGeo paper.

Loads lazily: `Rasterizer` and `Preprocessor` need no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from ..chips.reconstitute import reconstitute as reconstitute
    from .dataset_generator import DatasetGenerator as DatasetGenerator
    from .image_utils import clip_by_aggregated_polygons as clip_by_aggregated_polygons
    from .image_utils import clip_by_polygon as clip_by_polygon
    from .image_utils import clip_img_by_extent_shp as clip_img_by_extent_shp
    from .image_utils import compute_cloud_mask as compute_cloud_mask
    from .image_utils import mosaic_images as mosaic_images
    from .image_utils import stack_bands as stack_bands
    from .image_utils import stack_temporal_images as stack_temporal_images
    from .model_builder import ModelBuilder as ModelBuilder
    from .preprocessor import Preprocessor as Preprocessor
    from .quality_metrics import evaluate_classification as evaluate_classification
    from .rasterizer import Rasterizer as Rasterizer
    from .vector_utils import merge_vector_layers as merge_vector_layers
    from .vector_utils import reproj_shape_to_raster as reproj_shape_to_raster
    from .vector_utils import save_chips_shp as save_chips_shp
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "..chips.reconstitute": ["reconstitute"],
            ".dataset_generator": ["DatasetGenerator"],
            ".image_utils": [
                "clip_by_aggregated_polygons",
                "clip_by_polygon",
                "clip_img_by_extent_shp",
                "compute_cloud_mask",
                "mosaic_images",
                "stack_bands",
                "stack_temporal_images",
            ],
            ".model_builder": ["ModelBuilder"],
            ".preprocessor": ["Preprocessor"],
            ".quality_metrics": ["evaluate_classification"],
            ".rasterizer": ["Rasterizer"],
            ".vector_utils": ["merge_vector_layers", "reproj_shape_to_raster", "save_chips_shp"],
        },
    )
