"""Values that every layer shares: grids, intervals, bands, queries, errors. No I/O, no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:
    from .area import grid_area_m2 as grid_area_m2
    from .area import pixel_areas_m2 as pixel_areas_m2
    from .area import polygon_areas_m2 as polygon_areas_m2
    from .bands.band import Band as Band
    from .bands.match import find_bands as find_bands
    from .classes import Classes as Classes
    from .errors import BandError as BandError
    from .errors import ChipError as ChipError
    from .errors import ConfigError as ConfigError
    from .errors import DatasetError as DatasetError
    from .errors import GeoloomError as GeoloomError
    from .errors import GridError as GridError
    from .errors import IntervalError as IntervalError
    from .errors import MissingExtraError as MissingExtraError
    from .errors import ModelError as ModelError
    from .errors import QueryError as QueryError
    from .errors import ReadError as ReadError
    from .errors import RoiError as RoiError
    from .errors import SamplerError as SamplerError
    from .errors import UsageError as UsageError
    from .errors import VectorError as VectorError
    from .errors import WriteError as WriteError
    from .files import hold as hold
    from .files import replacing as replacing
    from .grid import grid_at as grid_at
    from .interval import Interval as Interval
    from .outline import footprint as footprint
    from .outputs.box_outputs import BoxOutputs as BoxOutputs
    from .outputs.class_outputs import ClassOutputs as ClassOutputs
    from .outputs.feature_outputs import FeatureOutputs as FeatureOutputs
    from .outputs.value_outputs import ValueOutputs as ValueOutputs
    from .query import Asset as Asset
    from .query import Query as Query
    from .query import Sample as Sample
    from .query import Scene as Scene
    from .roi import Roi as Roi
    from .statistics import BandStatistics as BandStatistics
    from .statistics import band_statistics as band_statistics
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".area": ["grid_area_m2", "pixel_areas_m2", "polygon_areas_m2"],
            ".bands.band": ["Band"],
            ".bands.match": ["find_bands"],
            ".classes": ["Classes"],
            ".errors": [
                "BandError",
                "ChipError",
                "ConfigError",
                "DatasetError",
                "GeoloomError",
                "GridError",
                "IntervalError",
                "MissingExtraError",
                "ModelError",
                "QueryError",
                "ReadError",
                "RoiError",
                "SamplerError",
                "UsageError",
                "VectorError",
                "WriteError",
            ],
            ".files": ["hold", "replacing"],
            ".outline": ["footprint"],
            ".grid": ["grid_at"],
            ".interval": ["Interval"],
            ".outputs.box_outputs": ["BoxOutputs"],
            ".outputs.class_outputs": ["ClassOutputs"],
            ".outputs.feature_outputs": ["FeatureOutputs"],
            ".outputs.value_outputs": ["ValueOutputs"],
            ".query": ["Asset", "Query", "Sample", "Scene"],
            ".roi": ["Roi"],
            ".statistics": ["BandStatistics", "band_statistics"],
        },
    )
