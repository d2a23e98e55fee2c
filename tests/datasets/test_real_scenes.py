"""Real scenes: two zones, years in names, labels in another CRS than the image."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset, VectorDataset
from geoloom.datasets.opening import open as open_dataset
from geoloom.samplers import GridGeoSampler, RandomGeoSampler

pytestmark = pytest.mark.shared


def test_tiles_of_two_zones_keep_their_pixels(shared_data):
    folder = shared_data / "naip_trees" / "images"
    dataset = RasterDataset(folder, all_bands=["R", "G", "B", "NIR"])
    sampler = RandomGeoSampler(dataset, 64, 60, generator=0)
    crss = set()
    for query in sampler:
        sample = dataset[query]
        crss.add(sample["crs"])
        assert sample["valid"].all()
        assert str(sample["image"].dtype) == "torch.uint8"
    assert crss == {"EPSG:26910", "EPSG:26911"}
    tiles = GridGeoSampler(dataset, 256)
    assert len(tiles) == 65
    number = next(i for i, s in enumerate(dataset.scenes) if s.name == "claremont_2020_7")
    with rasterio.open(folder / "claremont_2020_7.tif") as source:
        np.testing.assert_array_equal(dataset[tiles.table()[number]]["image"], source.read())


def test_the_year_of_the_query_chooses_the_scene(shared_data):
    folder = shared_data / "pucallpa_landsat_multidate"
    dataset = RasterDataset(folder, filename_regex=r"(?P<date>\d{4})\.tif", date_format="%Y")
    assert [r.when for r in dataset.regions] == [
        Interval.of(y) for y in ("1985", "2000", "2010", "2020")
    ]
    grid = dataset.regions[0].frame[100:200, 300:420]
    for year in ("1985", "2010"):
        with rasterio.open(folder / f"{year}.tif") as source:
            stored = source.read()[:, 100:200, 300:420]
        np.testing.assert_array_equal(dataset[Query(grid, Interval.of(year))]["image"], stored)


def test_sixteen_day_composites_compose_by_the_newest(shared_data):
    dataset = RasterDataset(
        shared_data / "cbers_timeseries",
        filename_regex=r".*_(?P<start>\d{4}-\d\d-\d\d)_(?P<stop>\d{4}-\d\d-\d\d)_NDVI",
        date_format="%Y-%m-%d",
    )
    grid = dataset.regions[0].frame[:50, :50]
    spring = Query(grid, Interval.of("2019-03-01/2019-03-10"))
    with rasterio.open(dataset.scenes[12].assets[0].uri) as source:
        assert "2019-03-06" in source.name
        newest = source.read(1)[:50, :50]
    sample = dataset[spring]
    seen = newest != -9999
    np.testing.assert_array_equal(sample["image"][0].numpy()[seen], newest[seen])


def test_polygons_in_utm_meet_an_image_in_degrees(shared_data):
    folder = shared_data / "prodes_landsat8"
    image = open_dataset(folder / "raster_R6G5B4contrast.tif")
    labels = VectorDataset(folder / "prodes_shp_crop.shp", class_field="agregClass")
    dataset = labels & image
    (region,) = dataset.regions
    assert region.frame == image.regions[0].frame
    assert dataset.classes.names == ("DESMATAMENTO", "FLORESTA", "HIDROGRAFIA", "NAO_FLORESTA")
    sample = dataset[region.frame]
    with rasterio.open(folder / "raster_R6G5B4contrast.tif") as source:
        somewhere = source.dataset_mask() > 0
    counts = np.bincount(sample["mask"][somewhere].numpy(), minlength=5)[1:]
    assert counts.tolist() == [361_865, 286_853, 64_812, 7_980]
    # The image's outline holds a wedge without data, so that a few of the centres lie in it.
    for query in RandomGeoSampler(dataset, 128, 10, generator=0):
        assert (dataset[query]["mask"] > 0).any()
