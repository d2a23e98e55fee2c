"""Files as datasets that answer queries; look-up in space and time; union and intersection."""

from .base import GeoDataset
from .compose import IntersectionDataset, UnionDataset, intersection, union
from .loader import loader
from .opening import open as open  # noqa: A004 - the verb users know, reached as gl.open
from .raster import RasterDataset
from .region import Region
from .scenes.index import SceneIndex
from .sensors.cdl import CDL
from .sensors.landsat import Landsat, Landsat4TM, Landsat5TM, Landsat7, Landsat8, Landsat9
from .sensors.naip import NAIP
from .sensors.sentinel2 import Sentinel2
from .series import SeriesDataset
from .stac import StacDataset
from .time.pairing import Pairing
from .time.steps import EveryDate, FixedSteps, NearestDates
from .vector import VectorDataset

# Without `open`, which `from geoloom.datasets import *` would put in the place of Python's own.
__all__ = [
    "CDL",
    "NAIP",
    "EveryDate",
    "FixedSteps",
    "GeoDataset",
    "IntersectionDataset",
    "Landsat",
    "Landsat4TM",
    "Landsat5TM",
    "Landsat7",
    "Landsat8",
    "Landsat9",
    "NearestDates",
    "Pairing",
    "RasterDataset",
    "Region",
    "SceneIndex",
    "Sentinel2",
    "SeriesDataset",
    "StacDataset",
    "UnionDataset",
    "VectorDataset",
    "intersection",
    "loader",
    "union",
]
