"""Outlines of what was observed: nothing observed lies outside, and little else inside."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from scipy import ndimage

from geoloom.io import outlines as observed
from geoloom.io.headers.header import read_header
from geoloom.io.outlines import FILLED_SHARE, REACH_CELLS, observed_outline
from geoloom.testing.ramps import write_raster

PLACE = Affine(30, 0, 500_000, 0, -30, 8_000_000)


def swath(height, width, angle, share=0.6):
    """A scene's turned rectangle of observed pixels, bool (H, W)."""
    rows, cols = np.mgrid[:height, :width]
    y, x = (rows - height / 2) / height, (cols - width / 2) / width
    turned = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.maximum(np.abs(turned[0]), np.abs(turned[1])) < share / 2


def write(path, seen, **options):
    values = np.where(seen, 7, 0).astype("uint8")
    return write_raster(path, values[None], GeoBox(seen.shape, PLACE, "EPSG:32720"), **options)


def centres(mask):
    rows, cols = np.nonzero(mask)
    return cols + 0.5, rows + 0.5


def assert_outlines(outline, seen, cell):
    """Against the pixels themselves: all inside, corners too, and the far ones outside."""
    if not seen.any():
        assert outline.is_empty
        return
    shapely.prepare(outline)
    cols, rows = centres(seen)
    assert shapely.covers(
        outline, shapely.box(cols - 0.5, rows - 0.5, cols + 0.5, rows + 0.5)
    ).all()
    assert shapely.box(0, 0, *seen.shape[::-1]).covers(outline)
    far = ndimage.distance_transform_cdt(~seen, "chessboard") > REACH_CELLS * cell
    holes, count = ndimage.label(far)
    sizes = ndimage.sum_labels(far, holes, np.arange(1, count + 1))
    for number in np.flatnonzero(sizes > FILLED_SHARE * seen.size) + 1:
        assert not shapely.intersects_xy(outline, *centres(holes == number)).any()


@pytest.mark.parametrize("angle", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("shape", [(300, 500), (1200, 900)])
def test_a_turned_swath(tmp_path, angle, shape):
    seen = swath(*shape, angle)
    header = read_header(write(tmp_path / "a.tif", seen, nodata=0))
    outline = observed_outline(header, 1)
    assert_outlines(outline, seen, cell=max(1, round(max(shape) / observed.CELLS)))
    assert len(shapely.get_coordinates(outline)) < 200
    assert outline.area < 1.1 * seen.sum()


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_was_observed_is_inside(tmp_path_factory, data):
    """Blobs and specks of any number, in strips of any height."""
    shape = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    rough = ndimage.gaussian_filter(rng.standard_normal(shape), data.draw(st.floats(0, 6)))
    seen = rough > np.quantile(rough, data.draw(st.floats(0, 1)))
    cells = data.draw(st.sampled_from([8, 20, 512]))
    header = read_header(write(tmp_path_factory.mktemp("blobs") / "a.tif", seen, nodata=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observed, "CELLS", cells)
        patch.setattr(observed, "_STRIP_BYTES", data.draw(st.sampled_from([1, 4000])))
        patch.setattr(observed, "_MOST_PARTS", 10_000)
        outline = observed_outline(header, 1)
    assert_outlines(outline, seen, cell=max(1, round(max(shape) / cells)))


def test_specks_without_number_get_one_hull(tmp_path):
    seen = np.zeros((400, 400), bool)
    seen[5:380:20, 7:390:20] = True
    outline = observed_outline(read_header(write(tmp_path / "a.tif", seen, nodata=0)), 1)
    assert outline.geom_type == "Polygon"
    assert shapely.contains_xy(outline, *centres(seen)).all()
    assert outline.area < 400 * 400


@pytest.mark.parametrize("resampling", [Resampling.nearest, Resampling.average])
def test_of_overviews_one_is_read_and_nothing_else(tmp_path, resampling, monkeypatch):
    monkeypatch.setattr(observed, "CELLS", 100)
    seen = swath(1003, 801, 0.3)
    path = write(tmp_path / "a.tif", seen, nodata=0)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8, 16], resampling)
    monkeypatch.setattr(observed, "read", None)
    assert_outlines(observed_outline(read_header(path), 1), seen, cell=10)


def test_masks_alpha_nan_and_a_given_nodata_count(tmp_path):
    seen = swath(200, 300, 0.4)
    masked = write(tmp_path / "mask.tif", np.ones_like(seen), valid=seen)
    untagged = write(tmp_path / "untagged.tif", seen)
    values = np.where(seen, 1.5, np.nan).astype("float32")[None]
    nans = write_raster(tmp_path / "nan.tif", values, GeoBox(seen.shape, PLACE, "EPSG:32720"))
    expected = observed_outline(read_header(write(tmp_path / "a.tif", seen, nodata=0)), 1)
    for path, nodata in ((masked, None), (untagged, 0), (nans, None)):
        assert observed_outline(read_header(path), 1, nodata=nodata).equals(expected)
    whole = observed_outline(read_header(untagged), 1)
    assert whole.equals(shapely.box(0, 0, 300, 200))


@pytest.mark.shared
def test_the_wedge_of_a_real_scene_is_outside(shared_data):
    path = shared_data / "prodes_landsat8" / "raster_R6G5B4contrast.tif"
    with rasterio.open(path) as file:
        seen = file.read(1) != 0
    outline = observed_outline(read_header(path), 1)
    assert_outlines(outline, seen, cell=2)
    assert outline.area < 1.1 * seen.sum() < 0.95 * seen.size
    assert not shapely.contains_xy(outline, 700, 840)
