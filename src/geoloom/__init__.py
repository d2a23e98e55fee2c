"""geoloom: deep learning on geospatial data.

Everything here loads lazily: `import geoloom` imports neither torch nor GDAL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._version import __version__ as __version__
from .core.lazy import lazy_names

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox as GeoBox

    from . import analysis as analysis
    from . import chips as chips
    from . import cluster as cluster
    from . import core as core
    from . import datasets as datasets
    from . import evaluation as evaluation
    from . import figures as figures
    from . import inference as inference
    from . import io as io
    from . import losses as losses
    from . import metrics as metrics
    from . import models as models
    from . import preparation as preparation
    from . import project as project
    from . import samplers as samplers
    from . import splits as splits
    from . import tasks as tasks
    from . import testing as testing
    from . import toolbox as toolbox
    from . import transforms as transforms
    from .analysis.map_change import change as change
    from .analysis.report import report as report
    from .chips.cut import cut_chips as cut_chips
    from .chips.materialize import materialize as materialize
    from .core.interval import Interval as Interval
    from .core.query import Query as Query
    from .core.registry.plugins import load_plugin as load_plugin
    from .datasets.loader import loader as loader
    from .datasets.opening import open as open  # noqa: A004 - the verb users know, as gl.open
    from .evaluation.evaluate import evaluate as evaluate
    from .inference.predict import predict as predict
    from .inference.similarity.similar import similar as similar
    from .io.raster import Raster as Raster
    from .io.raster import read as read
    from .models.export.export import export as export
    from .models.listing import list_models as list_models
    from .models.listing import register_model as register_model
    from .models.pretrained.table import list_weights as list_weights
    from .models.registry import create_model as create_model
    from .preparation.labels import rasterize as rasterize
    from .preparation.scene import prepare as prepare
    from .tasks.train import train as train
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "odc.geo.geobox": ["GeoBox"],
            ".analysis.map_change": ["change"],
            ".analysis.report": ["report"],
            ".chips.cut": ["cut_chips"],
            ".chips.materialize": ["materialize"],
            ".core.interval": ["Interval"],
            ".core.query": ["Query"],
            ".datasets.loader": ["loader"],
            ".datasets.opening": ["open"],
            ".inference.predict": ["predict"],
            ".inference.similarity.similar": ["similar"],
            ".io.raster": ["Raster", "read"],
            ".core.registry.plugins": ["load_plugin"],
            ".models.export.export": ["export"],
            ".models.listing": ["list_models", "register_model"],
            ".models.pretrained.table": ["list_weights"],
            ".models.registry": ["create_model"],
            ".preparation.labels": ["rasterize"],
            ".preparation.scene": ["prepare"],
            ".evaluation.evaluate": ["evaluate"],
            ".tasks.train": ["train"],
        },
        own=["__version__"],
        subpackages=[
            "analysis",
            "chips",
            "cluster",
            "core",
            "datasets",
            "evaluation",
            "figures",
            "inference",
            "io",
            "losses",
            "metrics",
            "models",
            "preparation",
            "project",
            "samplers",
            "splits",
            "tasks",
            "testing",
            "toolbox",
            "transforms",
        ],
    )
