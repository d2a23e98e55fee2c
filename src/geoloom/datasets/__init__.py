"""Files as datasets that answer queries; look-up in space and time; union and intersection."""

from .base import GeoDataset
from .compose import IntersectionDataset, UnionDataset
from .index import SceneIndex
from .loader import loader
from .opening import open  # noqa: A004 - the verb users know, reached as gl.open
from .raster import RasterDataset
from .region import Region
from .sensors.cdl import CDL
from .sensors.landsat import Landsat, Landsat4TM, Landsat5TM, Landsat7, Landsat8, Landsat9
from .sensors.naip import NAIP
from .sensors.sentinel2 import Sentinel2
from .vector import VectorDataset

__all__ = [
    "CDL",
    "NAIP",
    "GeoDataset",
    "IntersectionDataset",
    "Landsat",
    "Landsat4TM",
    "Landsat5TM",
    "Landsat7",
    "Landsat8",
    "Landsat9",
    "RasterDataset",
    "Region",
    "SceneIndex",
    "Sentinel2",
    "UnionDataset",
    "VectorDataset",
    "loader",
    "open",
]
