"""Files as datasets that answer queries; look-up in space and time; union and intersection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .arrays import ArrayDataset as ArrayDataset
    from .base import GeoDataset as GeoDataset
    from .benchmarks.dataset import BenchmarkDataset as BenchmarkDataset
    from .benchmarks.dataset import benchmark_class as benchmark_class
    from .benchmarks.declaration import Benchmark as Benchmark
    from .benchmarks.layer import GeoLayer as GeoLayer
    from .benchmarks.listing import get_benchmark as get_benchmark
    from .benchmarks.listing import get_dataset as get_dataset
    from .benchmarks.listing import get_layer as get_layer
    from .benchmarks.listing import list_datasets as list_datasets
    from .benchmarks.listing import register_dataset as register_dataset
    from .embeddings.codes import CodeTable as CodeTable
    from .embeddings.codes import LinearCodes as LinearCodes
    from .embeddings.codes import SignedPower as SignedPower
    from .embeddings.dataset import EmbeddingDataset as EmbeddingDataset
    from .intersect import IntersectionDataset as IntersectionDataset
    from .intersect import intersection as intersection
    from .layouts.image_folder import ImageFolder as ImageFolder
    from .raster import RasterDataset as RasterDataset
    from .reading.collate import collate as collate
    from .reading.collate import unbind_samples as unbind_samples
    from .reading.device import to_device as to_device
    from .region import Region as Region
    from .samples.dataset import SampleDataset as SampleDataset
    from .scenes.index import SceneIndex as SceneIndex
    from .sensors.canadian_buildings import (
        CanadianBuildingFootprints as CanadianBuildingFootprints,
    )
    from .sensors.cdl import CDL as CDL
    from .sensors.chesapeake import Chesapeake as Chesapeake
    from .sensors.chesapeake import ChesapeakeDC as ChesapeakeDC
    from .sensors.chesapeake import ChesapeakeDE as ChesapeakeDE
    from .sensors.chesapeake import ChesapeakeMD as ChesapeakeMD
    from .sensors.chesapeake import ChesapeakeNY as ChesapeakeNY
    from .sensors.chesapeake import ChesapeakePA as ChesapeakePA
    from .sensors.chesapeake import ChesapeakeVA as ChesapeakeVA
    from .sensors.chesapeake import ChesapeakeWV as ChesapeakeWV
    from .sensors.chesapeake_cvpr import ChesapeakeCVPR as ChesapeakeCVPR
    from .sensors.landsat import Landsat as Landsat
    from .sensors.landsat import Landsat1 as Landsat1
    from .sensors.landsat import Landsat2 as Landsat2
    from .sensors.landsat import Landsat3 as Landsat3
    from .sensors.landsat import Landsat4MSS as Landsat4MSS
    from .sensors.landsat import Landsat4TM as Landsat4TM
    from .sensors.landsat import Landsat5MSS as Landsat5MSS
    from .sensors.landsat import Landsat5TM as Landsat5TM
    from .sensors.landsat import Landsat7 as Landsat7
    from .sensors.landsat import Landsat8 as Landsat8
    from .sensors.landsat import Landsat9 as Landsat9
    from .sensors.naip import NAIP as NAIP
    from .sensors.sentinel1 import Sentinel1 as Sentinel1
    from .sensors.sentinel2 import Sentinel2 as Sentinel2
    from .series import SeriesDataset as SeriesDataset
    from .stac.dataset import StacDataset as StacDataset
    from .time.pairing import Pairing as Pairing
    from .time.steps import EveryDate as EveryDate
    from .time.steps import FixedSteps as FixedSteps
    from .time.steps import NearestDates as NearestDates
    from .time.steps import Steps as Steps
    from .unite import UnionDataset as UnionDataset
    from .unite import union as union
    from .vector import VectorDataset as VectorDataset

    def __getattr__(name: str) -> type[BenchmarkDataset]: ...  # a benchmark dataset by its name
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".arrays": ["ArrayDataset"],
            ".base": ["GeoDataset"],
            ".benchmarks.dataset": ["BenchmarkDataset", "benchmark_class"],
            ".benchmarks.declaration": ["Benchmark"],
            ".benchmarks.layer": ["GeoLayer"],
            ".benchmarks.listing": [
                "get_benchmark",
                "get_dataset",
                "get_layer",
                "list_datasets",
                "register_dataset",
            ],
            ".embeddings.codes": ["CodeTable", "LinearCodes", "SignedPower"],
            ".embeddings.dataset": ["EmbeddingDataset"],
            ".intersect": ["IntersectionDataset", "intersection"],
            ".layouts.image_folder": ["ImageFolder"],
            ".samples.dataset": ["SampleDataset"],
            ".raster": ["RasterDataset"],
            ".reading.collate": ["collate", "unbind_samples"],
            ".reading.device": ["to_device"],
            ".region": ["Region"],
            ".scenes.index": ["SceneIndex"],
            ".sensors.canadian_buildings": ["CanadianBuildingFootprints"],
            ".sensors.cdl": ["CDL"],
            ".sensors.chesapeake": [
                "Chesapeake",
                "ChesapeakeDC",
                "ChesapeakeDE",
                "ChesapeakeMD",
                "ChesapeakeNY",
                "ChesapeakePA",
                "ChesapeakeVA",
                "ChesapeakeWV",
            ],
            ".sensors.chesapeake_cvpr": ["ChesapeakeCVPR"],
            ".sensors.landsat": [
                "Landsat",
                "Landsat1",
                "Landsat2",
                "Landsat3",
                "Landsat4MSS",
                "Landsat4TM",
                "Landsat5MSS",
                "Landsat5TM",
                "Landsat7",
                "Landsat8",
                "Landsat9",
            ],
            ".sensors.naip": ["NAIP"],
            ".sensors.sentinel1": ["Sentinel1"],
            ".sensors.sentinel2": ["Sentinel2"],
            ".series": ["SeriesDataset"],
            ".stac.dataset": ["StacDataset"],
            ".time.pairing": ["Pairing"],
            ".time.steps": ["EveryDate", "FixedSteps", "NearestDates", "Steps"],
            ".unite": ["UnionDataset", "union"],
            ".vector": ["VectorDataset"],
        },
        others=".benchmarks.classes",
    )
