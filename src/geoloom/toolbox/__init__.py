"""The analyst's classes: from files to files in few lines, under the names of the DeepGeo paper.

Loads lazily: `Rasterizer` and `Preprocessor` need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..chips.reconstitute import reconstitute
    from .dataset_generator import DatasetGenerator
    from .image_utils import (
        clip_by_aggregated_polygons,
        clip_by_polygon,
        clip_img_by_extent_shp,
        compute_cloud_mask,
        mosaic_images,
        stack_bands,
        stack_temporal_images,
    )
    from .model_builder import ModelBuilder
    from .preprocessor import Preprocessor
    from .quality_metrics import evaluate_classification
    from .rasterizer import Rasterizer
    from .vector_utils import merge_vector_layers, reproj_shape_to_raster, save_chips_shp

_HOMES = {
    "DatasetGenerator": "dataset_generator",
    "ModelBuilder": "model_builder",
    "Preprocessor": "preprocessor",
    "Rasterizer": "rasterizer",
    "clip_by_aggregated_polygons": "image_utils",
    "clip_by_polygon": "image_utils",
    "clip_img_by_extent_shp": "image_utils",
    "compute_cloud_mask": "image_utils",
    "evaluate_classification": "quality_metrics",
    "merge_vector_layers": "vector_utils",
    "mosaic_images": "image_utils",
    "reconstitute": "..chips.reconstitute",
    "reproj_shape_to_raster": "vector_utils",
    "save_chips_shp": "vector_utils",
    "stack_bands": "image_utils",
    "stack_temporal_images": "image_utils",
}

__all__ = [
    "DatasetGenerator",
    "ModelBuilder",
    "Preprocessor",
    "Rasterizer",
    "clip_by_aggregated_polygons",
    "clip_by_polygon",
    "clip_img_by_extent_shp",
    "compute_cloud_mask",
    "evaluate_classification",
    "merge_vector_layers",
    "mosaic_images",
    "reconstitute",
    "reproj_shape_to_raster",
    "save_chips_shp",
    "stack_bands",
    "stack_temporal_images",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'geoloom.toolbox' has no attribute {name!r}")
    module = home if home.startswith(".") else f".{home}"
    return getattr(import_module(module, __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
