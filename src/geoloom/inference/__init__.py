"""From a scene to a finished map: tiles are planned, run through a model, blended, and written.

`geoloom.predict` does all of it; `scene_scores` gives the blended scores without a file. `sources` holds what
a map can be made from. `plan` says which windows are read, `work` runs a batch of them, `runners` spreads
batches over threads or processes, `blend` adds overlapping answers, `products` writes what can be resumed,
and `polygons` makes vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .config import PredictConfig as PredictConfig
    from .explain import MapPlan as MapPlan
    from .explain import ScenePlans as ScenePlans
    from .images import predict_images as predict_images
    from .plan import Plan as Plan
    from .plan import Tile as Tile
    from .plan import plan_tiles as plan_tiles
    from .polygons import polygonize as polygonize
    from .predictor import ModelSource as ModelSource
    from .predictor import Predictor as Predictor
    from .runners import Engine as Engine
    from .runners import LocalEngine as LocalEngine
    from .scores import scene_scores as scene_scores
    from .similarity.patches import nearest_patches as nearest_patches
    from .sources.source import Source as Source
    from .sources.source import SourcePixels as SourcePixels
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".config": ["PredictConfig"],
            ".explain": ["MapPlan", "ScenePlans"],
            ".images": ["predict_images"],
            ".plan": ["Plan", "Tile", "plan_tiles"],
            ".polygons": ["polygonize"],
            ".predictor": ["ModelSource", "Predictor"],
            ".runners": ["Engine", "LocalEngine"],
            ".scores": ["scene_scores"],
            ".similarity.patches": ["nearest_patches"],
            ".sources.source": ["Source", "SourcePixels"],
        },
    )
