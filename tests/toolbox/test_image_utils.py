"""The functions on rasters under the names of the paper, and clouds in files and arrays."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine

from geoloom.core.errors import BandError, WriteError
from geoloom.preparation.crop import crop_to_extent, crop_to_polygons
from geoloom.preparation.join import join_bands, join_dates, join_mosaic
from geoloom.toolbox import (
    clip_by_aggregated_polygons,
    clip_by_polygon,
    clip_img_by_extent_shp,
    compute_cloud_mask,
    mosaic_images,
    stack_bands,
    stack_temporal_images,
)
from small_files import TRANSFORM, ramp, save


def test_the_papers_names_do_what_preparation_does(tmp_path):
    """With every option set, so that one which is not handed on shows."""
    a = save(tmp_path / "a.tif", ramp((2, 30, 30), 1))
    moved = TRANSFORM @ Affine.translation(10, 5)
    b = save(tmp_path / "b.tif", ramp((2, 30, 30), 500), transform=moved)
    triangle = shapely.Polygon([(500_100, 8_999_900), (500_800, 8_999_800), (500_300, 8_999_300)])
    layer = tmp_path / "p.gpkg"
    geopandas.GeoDataFrame(geometry=[triangle], crs="EPSG:32722").to_file(layer)
    pairs = [
        (
            lambda out: mosaic_images([a, b], out, rule="mean", no_data=7),
            lambda out: join_mosaic([a, b], out, rule="mean", nodata=7),
        ),
        (
            lambda out: stack_bands([a, b], out, no_data=7),
            lambda out: join_bands([a, b], out, nodata=7),
        ),
        (
            lambda out: stack_temporal_images([a, b], out, dates=["x", "y"], no_data=7),
            lambda out: join_dates([a, b], out, dates=["x", "y"], nodata=7),
        ),
        (
            lambda out: clip_img_by_extent_shp(a, layer, out),
            lambda out: crop_to_extent(a, layer, out),
        ),
        (
            lambda out: clip_by_polygon(a, layer, out, all_touched=True, no_data=-5),
            lambda out: crop_to_polygons(a, layer, out, all_touched=True, nodata=-5),
        ),
        (
            lambda out: clip_by_aggregated_polygons(a, layer, out),
            lambda out: crop_to_polygons(a, layer, out, all_touched=True),
        ),
    ]
    written = []
    for i, (ours, below) in enumerate(pairs):
        first, second = ours(tmp_path / f"{i}.tif"), below(tmp_path / f"{i}_below.tif")
        assert first.read_bytes() == second.read_bytes()
        written.append(first.read_bytes())
    assert len(set(written)) == len(written)


def test_products_are_not_replaced_without_leave(tmp_path):
    image = save(tmp_path / "i.tif", ramp((1, 5, 5)))
    out = stack_bands([image], tmp_path / "s.tif")
    for again in (stack_bands, mosaic_images, stack_temporal_images):
        with pytest.raises(WriteError, match="overwrite"):
            again([image], out)
        again([image], out, overwrite=True)


def test_cloud_mask_of_file_and_array(tmp_path):
    qa = np.array([[21824, 22280], [23888, 1]], np.uint16)
    image = np.stack([np.zeros_like(qa), qa])
    path = save(tmp_path / "qa.tif", image)
    expected = [[False, True], [True, True]]
    assert compute_cloud_mask(path, qa_pos=1).tolist() == expected
    assert compute_cloud_mask(np.moveaxis(image, 0, -1), qa_pos=1).tolist() == expected
    scl = np.array([[4, 9]], np.uint8)
    assert compute_cloud_mask(scl, sensor="sentinel2_scl").tolist() == [[False, True]]
    with pytest.raises(BandError, match="no band at position 2"):
        compute_cloud_mask(path, qa_pos=2)
