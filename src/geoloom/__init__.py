"""geoloom: deep learning on geospatial data.

Everything here loads lazily: `import geoloom` imports neither torch nor GDAL.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from .analysis.report import report
    from .chips.materialize import materialize
    from .core.interval import Interval
    from .core.query import Query
    from .datasets.loader import loader
    from .datasets.opening import open  # noqa: A004 - the verb users know, reached as gl.open
    from .inference.predict import predict
    from .io.raster import Raster, read
    from .models.registry import create_model, list_models
    from .tasks.evaluate import evaluate
    from .tasks.train import train

_HOMES = {
    "GeoBox": "odc.geo.geobox",
    "Interval": "geoloom.core.interval",
    "Query": "geoloom.core.query",
    "Raster": "geoloom.io.raster",
    "create_model": "geoloom.models.registry",
    "evaluate": "geoloom.tasks.evaluate",
    "list_models": "geoloom.models.registry",
    "loader": "geoloom.datasets.loader",
    "materialize": "geoloom.chips.materialize",
    "open": "geoloom.datasets.opening",
    "predict": "geoloom.inference.predict",
    "read": "geoloom.io.raster",
    "report": "geoloom.analysis.report",
    "train": "geoloom.tasks.train",
}

__all__ = [
    "GeoBox",
    "Interval",
    "Query",
    "Raster",
    "__version__",
    "create_model",
    "evaluate",
    "list_models",
    "loader",
    "materialize",
    "open",
    "predict",
    "read",
    "report",
    "train",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'geoloom' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
