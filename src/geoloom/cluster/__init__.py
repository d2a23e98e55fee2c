"""A prediction's work spread over a Dask cluster: `dask.DaskEngine` is a runner of `inference.runners`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .dask import DaskEngine as DaskEngine
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".dask": ["DaskEngine"],
        },
    )
