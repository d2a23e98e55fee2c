"""What datasets tell about themselves: bounds, files, tables, and queries for areas of interest."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.enums import Resampling

from geoloom.core.errors import DatasetError, GridError, QueryError
from geoloom.core.interval import Interval
from geoloom.datasets.raster import RasterDataset
from geoloom.datasets.vector import VectorDataset
from small_files import save

SHAPE = (40, 30)
CORNERS = {"a_20190601.tif": (600_000, 7_000_000), "b_20200701.tif": (601_500, 7_000_600)}


@pytest.fixture
def folder(tmp_path):
    for name, (left, top) in CORNERS.items():
        image = np.arange(1200, dtype=np.uint16).reshape(SHAPE)
        save(tmp_path / name, image, transform=Affine(30, 0, left, 0, -30, top), crs="EPSG:32721")
    return tmp_path


@pytest.fixture
def scenes(folder):
    return RasterDataset(folder, filename_regex=r".*_(?P<date>\d{8})\.tif")


@pytest.fixture
def plots(folder):
    polygon = shapely.box(600_000, 6_999_000, 601_000, 7_000_000)
    table = gpd.GeoDataFrame({"kind": ["a"]}, geometry=[polygon], crs="EPSG:32721")
    table.to_crs("EPSG:4326").to_file(folder / "plots.gpkg")
    return VectorDataset(folder / "plots.gpkg")


def test_bounds_hold_all_scenes(scenes):
    assert scenes.bounds.bbox == (600_000, 6_998_800, 602_400, 7_000_600)
    assert scenes.bounds.crs == scenes.crs
    assert scenes.interval == Interval.of(("2019-06-01", "2020-07-01"))


def test_bounds_are_in_the_crs_that_was_asked_for(folder):
    dataset = RasterDataset(folder, crs="EPSG:4326")
    move = Transformer.from_crs("EPSG:32721", "EPSG:4326", always_xy=True)
    box = shapely.box(600_000, 6_998_800, 602_400, 7_000_600)
    left, bottom, right, top = shapely.transform(
        shapely.segmentize(box, 10), lambda xy: np.stack(move.transform(*xy.T), axis=1)
    ).bounds
    found = dataset.bounds
    assert found.left == pytest.approx(left, abs=0.002)
    assert found.bottom == pytest.approx(bottom, abs=0.002)
    assert found.right == pytest.approx(right, abs=0.002)
    assert found.top == pytest.approx(top, abs=0.002)


def test_files_are_listed_once_whatever_the_composition(scenes, plots, folder):
    files = [str(folder / name) for name in CORNERS]
    assert list(scenes.files) == files
    assert list((scenes & plots).files) == [*files, str(folder / "plots.gpkg")]
    assert list((scenes | scenes.with_transforms(dict)).files) == files
    assert list(scenes.series(min_dates=1).files) == files


def test_the_table_has_one_row_per_scene(scenes, plots):
    table = scenes.to_geodataframe()
    assert table.crs == "EPSG:4326"
    assert list(table["start"]) == list(pd.to_datetime(["2019-06-01", "2020-07-01"], utc=True))
    areas = table.to_crs("EPSG:32721").area
    assert areas.to_numpy() == pytest.approx(1200 * 900, rel=1e-4)
    assert plots.to_geodataframe()["start"].isna().all()


def test_an_area_is_asked_for_on_the_scenes_own_lattice(scenes):
    area = (shapely.box(600_100, 6_999_500, 600_400, 6_999_900), "EPSG:32721")
    query = scenes.at(area, when="2019-06")
    assert query.grid.resolution.x == 30
    assert query.grid.boundingbox.bbox == (600_090, 6_999_490, 600_420, 6_999_910)
    assert query.when == Interval.of("2019-06")
    rows, cols = slice(3, 17), slice(3, 14)  # nothing is resampled: the file's own values
    stored = np.arange(1200).reshape(SHAPE)[rows][:, cols]
    assert scenes[query]["image"][0].numpy().tolist() == stored.tolist()


def test_an_area_may_be_asked_for_on_any_grid(scenes, plots):
    box = scenes.to_geodataframe().geometry[0].bounds
    grid = scenes.at(box, crs="EPSG:3857", res=50).grid
    assert grid.crs == "EPSG:3857"
    assert (grid.resolution.x, grid.resolution.y) == (50, -50)
    assert (grid.boundingbox.left % 50, grid.boundingbox.top % 50) == (0, 0)
    assert (
        shapely.box(*grid.to_crs("EPSG:4326").boundingbox.bbox)
        .buffer(1e-9)
        .contains(shapely.box(*box))
    )
    with pytest.raises(GridError, match="res=10"):
        plots.at(box)
    assert plots[plots.at(box, crs="EPSG:32721", res=(20, 10))]["mask"].any()


def test_slices_of_coordinates_are_told_how_bounds_are_asked_for(scenes):
    with pytest.raises(
        QueryError, match=r"600000.*slices.*dataset.at\(\(\(left, bottom, right, top\)"
    ):
        scenes[600_000:601_000, 6_999_000:7_000_000]
    asked = scenes.at(((600_000, 6_999_000, 601_000, 7_000_000), scenes.crs), when="2019")
    assert scenes[asked]["valid"].any()


def test_rasterios_names_of_resamplings_are_taken(folder, scenes):
    for name in ("nearest", "bilinear", "cubic", "average", "mode"):
        given = RasterDataset(folder, resampling=Resampling[name])
        assert given == RasterDataset(folder, resampling=name)
    with pytest.raises(DatasetError, match="no resampling is called 'lanczos'"):
        RasterDataset(folder, resampling=Resampling.lanczos)
