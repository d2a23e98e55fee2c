"""Scenes that cover what was observed: samplers draw there, and the index keeps it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from geoloom.core.errors import DatasetError, QueryError
from geoloom.datasets import RasterDataset
from geoloom.datasets import raster as raster_module
from geoloom.datasets.region import pixel_geometry
from geoloom.samplers import GridGeoSampler, RandomGeoSampler

SIDE = 400


def swath(side=SIDE, angle=0.25):
    rows, cols = np.mgrid[:side, :side] / side - 0.5
    turned = (
        cols * np.cos(angle) + rows * np.sin(angle),
        rows * np.cos(angle) - cols * np.sin(angle),
    )
    return np.maximum(np.abs(turned[0]), np.abs(turned[1])) < 0.36


@pytest.fixture
def folder(raster, tmp_path, utm):
    grid = GeoBox((SIDE, SIDE), utm.affine, utm.crs)
    values = np.where(swath(), 5, 0).astype("uint16")
    raster("data/a.tif", values, grid, nodata=0)
    raster("data/b.tif", values[::-1], grid.translate_pix(SIDE, 0), nodata=0)
    return tmp_path / "data"


def centre(query, frame):
    box = query.grid.boundingbox
    return ~frame.affine * ((box.left + box.right) / 2, (box.top + box.bottom) / 2)


def test_regions_hold_the_swath_and_little_else(folder):
    dataset = RasterDataset(folder, footprints="valid")
    for region, seen in zip(dataset.regions, (swath(), swath()[::-1]), strict=True):
        area = pixel_geometry(region.area, region.frame)
        rows, cols = np.nonzero(seen)
        assert shapely.covers(area, shapely.box(cols, rows, cols + 1, rows + 1)).all()
        assert area.area < 1.1 * seen.sum()
        assert region.frame.shape == (SIDE, SIDE)
        assert region.weight == pytest.approx(area.area * 0.03**2, rel=0.01)
    assert RasterDataset(folder) != dataset


def test_samplers_draw_from_what_was_observed(folder):
    whole = RasterDataset(folder / "a.tif")
    valid = RasterDataset(folder / "a.tif", footprints="valid")
    shares = {
        dataset.footprints: np.mean(
            [
                dataset[query]["valid"].float().mean()
                for query in RandomGeoSampler(dataset, 32, 200, generator=0)
            ]
        )
        for dataset in (whole, valid)
    }
    assert shares["valid"] > 0.88 > 0.7 > shares["grid"]
    reached = shapely.box(*pixel_geometry(valid.regions[0].area, whole.regions[0].frame).bounds)
    for query in RandomGeoSampler(valid, 32, 200, generator=1):
        assert shapely.contains_xy(reached, *centre(query, whole.regions[0].frame))
    tiles = [query for query in GridGeoSampler(whole, 32, 32) if whole[query]["valid"].any()]
    drawn = list(GridGeoSampler(valid, 32, 32))
    assert len(drawn) < len(list(GridGeoSampler(whole, 32, 32)))
    seen = sum(int(valid[query]["valid"].sum()) for query in drawn)
    assert seen >= sum(int(whole[query]["valid"].sum()) for query in tiles)


def test_a_sample_is_the_same_either_way(folder, utm):
    whole, valid = RasterDataset(folder), RasterDataset(folder, footprints="valid")
    grid = whole.regions[0].frame[150:214, 300:364]
    for name, values in whole[grid].items():
        assert str(values) == str(valid[grid][name])
    corner = whole.regions[0].frame[:8, :8]
    assert not whole[corner]["valid"].any()
    with pytest.raises(QueryError):
        valid[corner]


def test_the_index_keeps_them(folder, monkeypatch, tmp_path):
    index = tmp_path / "scenes.parquet"
    first = RasterDataset(folder, footprints="valid", index=index)
    monkeypatch.setattr(raster_module, "with_observed_footprints", None)
    again = RasterDataset(folder, footprints="valid", index=index)
    for one, other in zip(first.scenes, again.scenes, strict=True):
        assert one.footprint.equals(other.footprint)
    assert again.regions == first.regions
    assert RasterDataset(folder, index=index).scenes[0].footprint.area > (
        first.scenes[0].footprint.area
    )
    with pytest.raises(TypeError):
        RasterDataset(folder, footprints="valid", nodata=5, index=index)


def test_a_given_nodata_counts(folder):
    dataset = RasterDataset(folder / "a.tif", footprints="valid", nodata=5)
    area = pixel_geometry(dataset.regions[0].area, dataset.regions[0].frame)
    assert not shapely.contains_xy(area, SIDE / 2, SIDE / 2)
    assert shapely.contains_xy(area, 1, 1)


def test_a_scene_without_an_observed_pixel_is_no_region(folder, raster, utm, caplog, tmp_path):
    raster("data/c.tif", np.zeros((40, 40), "uint16"), utm[:40, :40], nodata=0)
    for index in (None, tmp_path / "scenes.parquet", tmp_path / "scenes.parquet"):
        dataset = RasterDataset(folder, footprints="valid", index=index)
        assert [len(dataset.scenes), len(dataset.regions)] == [3, 2]
        assert dataset[dataset.regions[1].frame[200:210, 200:210]]["valid"].all()
    assert "1 of 3 scenes hold no observed pixel, such as c" in caplog.text


def test_a_scene_over_the_pole_keeps_its_grid(raster, tmp_path):
    cap = GeoBox.from_bbox((-3e5, -3e5, 3e5, 3e5), crs="EPSG:3413", shape=(60, 60))
    values = np.ones((60, 60), "uint8")
    values[:, 30:] = 0
    raster("data/a.tif", values, cap, nodata=0)
    (scene,) = RasterDataset(tmp_path / "data", footprints="valid").scenes
    assert scene.footprint.equals(RasterDataset(tmp_path / "data").scenes[0].footprint)


def test_progress_is_reported_for_both(folder):
    calls = []
    RasterDataset(
        folder, footprints="valid", progress=lambda done, total: calls.append((done, total))
    )
    assert calls[-2:] == [(1, 2), (2, 2)]
    assert calls.count((2, 2)) == 2


def test_unknown_ones_are_refused(folder):
    with pytest.raises(
        DatasetError, match="no kind of footprints is called 'vaild'; did you mean 'valid'"
    ):
        RasterDataset(folder, footprints="vaild")


@pytest.mark.shared
def test_nothing_is_drawn_from_the_wedge_of_a_real_scene(shared_data):
    path = shared_data / "prodes_landsat8" / "raster_R6G5B4contrast.tif"
    empty = {}
    for footprints in ("grid", "valid"):
        dataset = RasterDataset(path, footprints=footprints)
        drawn = RandomGeoSampler(dataset, 32, 400, generator=0)
        empty[footprints] = sum(not dataset[query]["valid"].any() for query in drawn)
    assert empty["grid"] > 0
    assert empty["valid"] == 0
