"""How often scenes are drawn: by their ground, by their valid ground, alike, or as given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import SamplerError
from geoloom.datasets import RasterDataset
from geoloom.datasets.region import to_lonlat
from geoloom.samplers import RandomBatchGeoSampler, RandomGeoSampler
from geoloom.testing.ramps import write_raster

LARGE = GeoBox((300, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
SMALL = GeoBox((100, 100), Affine(30, 0, 700000, 0, -30, 4500000), "EPSG:32633")


def with_data(region, area):
    """The region, with data only inside an area of its CRS, as a dataset with valid outlines gives it."""
    return replace(region, area=area, footprint=to_lonlat(area, region.crs))


def shares(sampler, count):
    rows = sampler.table().rows
    return np.bincount(rows["region"], minlength=count) / len(rows)


def test_by_area_scenes_count_with_their_valid_ground(regions):
    """A third of one frame, a slanted strip as of a satellite's swath, holds data."""
    dataset = regions(LARGE, LARGE)
    corners = [(0, 300), (100, 300), (200, 0), (100, 0)]
    strip = shapely.Polygon([LARGE.affine @ corner for corner in corners])
    whole, part = dataset._given
    dataset._given = (whole, with_data(part, strip))
    table = RandomGeoSampler(dataset, 2, 20_000, generator=0).table()
    assert (table.rows["region"] == 1).mean() == pytest.approx(1 / 3, abs=0.02)
    in_part = table.rows[table.rows["region"] == 1]
    row, col = in_part["row"] + 1, in_part["col"] + 1
    left = 100 - row / 3
    assert ((col >= left) & (col <= left + 100)).all()


def test_ground_without_data_is_not_drawn_from(tmp_path):
    """A swath's wedges hold no data, as in every Landsat scene: half of the frame."""
    rows, cols = np.mgrid[:300, :200]
    seen = (cols > 100 - rows / 3) & (cols < 200 - rows / 3)
    write_raster(tmp_path / "swath.tif", seen[None].astype("uint8"), LARGE, nodata=0)
    shares = {}
    for footprints in ("grid", "valid"):
        dataset = RasterDataset(tmp_path / "swath.tif", footprints=footprints)
        sampler = RandomGeoSampler(dataset, 2, 1000, generator=0)
        row, col = sampler.table().rows["row"] + 1, sampler.table().rows["col"] + 1
        shares[footprints] = seen[row, col].mean()
    assert shares["grid"] == pytest.approx(seen.mean(), abs=0.05)
    assert shares["valid"] > 0.95  # the outline runs a few pixels around what was observed


def test_equal_weights_draw_each_scene_alike(regions):
    sampler = RandomGeoSampler(regions(LARGE, SMALL), 8, 10_000, weights="equal", generator=0)
    assert shares(sampler, 2) == pytest.approx([0.5, 0.5], abs=0.02)


def test_numbers_are_the_chances_of_the_scenes(regions):
    sampler = RandomGeoSampler(
        regions(LARGE, SMALL, SMALL), 8, 10_000, weights=[1, 3, 0], generator=0
    )
    assert shares(sampler, 3) == pytest.approx([0.25, 0.75, 0], abs=0.02)


def test_numbers_belong_to_the_dataset_whatever_the_roi_and_the_time_leave(regions):
    dataset = regions((LARGE, "2018"), (LARGE, "2019"), (SMALL, "2019"), (LARGE, "2019"))
    sampler = RandomGeoSampler(
        dataset, 8, 10_000, weights=[9, 1, 9, 3], toi="2019", roi=LARGE[:50, :50], generator=0
    )
    assert [region.name for region in sampler.table().regions] == ["scene1", "scene3"]
    assert shares(sampler, 2) == pytest.approx([0.25, 0.75], abs=0.02)


def test_a_function_weighs_regions(regions):
    sampler = RandomGeoSampler(
        regions((LARGE, "2018"), (SMALL, "2019")),
        8,
        10_000,
        weights=lambda region: 4.0 if region.when.start.year == 2019 else 1.0,
        generator=0,
    )
    assert shares(sampler, 2) == pytest.approx([0.2, 0.8], abs=0.02)


def test_batches_are_weighted_alike(regions):
    sampler = RandomBatchGeoSampler(
        regions(LARGE, SMALL), 8, 5, 20_000, weights=[1, 4], generator=0
    )
    assert shares(sampler, 2) == pytest.approx([0.2, 0.8], abs=0.04)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("valid", "expected 'area', 'equal', a function of a region or one number per region"),
        ([1], r"one number per region: 2"),
        ([1, -1], "0 or more"),
        ([0, 0], "not all 0"),
        ([1, float("nan")], "0 or more"),
        (lambda region: -1.0, "0 or more"),
        ([0, 1], "cannot hold a chip"),
    ],
)
def test_impossible_weights_say_why(regions, weights, message):
    tiny = GeoBox((4, 4), Affine(30, 0, 700000, 0, -30, 4500000), "EPSG:32633")
    with pytest.raises(SamplerError, match=message):
        RandomGeoSampler(regions(LARGE, tiny), 8, 10, weights=weights)
