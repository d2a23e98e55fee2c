"""`Rasterizer` against GDAL's own burning, file order, class groups and clouds."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import rasterize

from geoloom.core.errors import GridError, ReadError, VectorError, WriteError
from geoloom.io.headers.header import read_header
from geoloom.toolbox import Rasterizer
from small_files import TRANSFORM, save

SHAPE = (40, 50)
NAMES = ["forest", "water", "deforestation", "urban", "forest"]


def _shapes():
    """Slanted triangles that partly overlap, in UTM metres."""
    rng = np.random.default_rng(3)
    corners = rng.uniform((500_000, 8_998_900), (501_400, 8_999_900), (5, 3, 2))
    return [shapely.Polygon(c) for c in corners]


@pytest.fixture
def files(tmp_path):
    raster = save(tmp_path / "image.tif", np.ones((2, *SHAPE), np.uint8))
    labels = geopandas.GeoDataFrame({"class": NAMES}, geometry=_shapes(), crs="EPSG:32722")
    labels.to_file(tmp_path / "labels.shp")
    return raster, tmp_path / "labels.shp"


def _burned(codes, *, all_touched=False, shapes=None):
    pairs = [
        (shape, codes[name])
        for shape, name in zip(shapes or _shapes(), NAMES, strict=True)
        if name in codes
    ]
    return rasterize(
        pairs, out_shape=SHAPE, transform=TRANSFORM, all_touched=all_touched, dtype="uint8"
    )


@pytest.mark.parametrize("swap", [False, True], ids=["raster first", "vector first"])
@pytest.mark.parametrize("all_touched", [False, True])
def test_equals_gdal_in_either_order_of_the_files(files, swap, all_touched):
    rasterizer = Rasterizer(*(files[::-1] if swap else files), all_touched=all_touched)
    rasterizer.rasterize_layer()
    codes = {"deforestation": 1, "forest": 2, "urban": 3, "water": 4}
    assert rasterizer.get_class_names() == tuple(codes)
    np.testing.assert_array_equal(
        rasterizer.get_labeled_raster(), _burned(codes, all_touched=all_touched)
    )


def test_classes_of_interest_keep_their_order_and_others_become_one_class(files):
    rasterizer = Rasterizer(*files, classes_interest=["water", "forest"], non_class_name="rest")
    rasterizer.execute()
    assert rasterizer.get_class_names() == ("water", "forest", "rest")
    codes = {"water": 1, "forest": 2, "deforestation": 3, "urban": 3}
    np.testing.assert_array_equal(rasterizer.get_labeled_raster(), _burned(codes))


def test_nested_classes_are_one(files):
    rasterizer = Rasterizer(
        *files, classes_interest=[["deforestation", "urban"], "forest", "water"]
    )
    rasterizer.rasterize_layer()
    assert len(rasterizer.get_class_names()) == 3
    codes = {"deforestation": 1, "urban": 1, "forest": 2, "water": 3}
    np.testing.assert_array_equal(rasterizer.get_labeled_raster(), _burned(codes))


def test_saved_labels_carry_classes_and_nodata(tmp_path, files):
    rasterizer = Rasterizer(*files, classes_interest=["forest"])
    rasterizer.rasterize_layer()
    out = rasterizer.save_labeled_raster_to_gtiff(tmp_path / "labels.tif")
    header = read_header(out)
    assert header.class_names == {1: "forest", 2: "non_class"}
    assert header.nodata == (0,)
    assert header.colormap[1] == (27, 110, 60, 255)
    with rasterio.open(out) as file:
        np.testing.assert_array_equal(file.read(1), rasterizer.get_labeled_raster())
        assert (file.dtypes, file.transform) == (("uint8",), TRANSFORM)
    with pytest.raises(WriteError, match="overwrite"):
        rasterizer.save_labeled_raster_to_gtiff(out)


def test_labels_under_cloud_are_removed(tmp_path, files):
    qa = np.full(SHAPE, 21824, np.uint16)  # clear
    qa[:20] = 22280  # cloud
    raster = save(tmp_path / "with_qa.tif", np.stack([np.ones(SHAPE, np.uint16), qa]))
    rasterizer = Rasterizer(raster, files[1])
    rasterizer.rasterize_layer()
    clear = rasterizer.get_labeled_raster()
    rasterizer.remove_labels_under_cloud(pos_qa=1)
    found = rasterizer.get_labeled_raster()
    assert clear[:20].any()
    assert not found[:20].any()
    np.testing.assert_array_equal(found[20:], clear[20:])


def test_refusals(tmp_path, files):
    raster, labels = files
    with pytest.raises(ReadError, match="neither"):
        Rasterizer(labels, labels)
    with pytest.raises(VectorError, match="did you mean 'class'"):
        Rasterizer(raster, labels, class_column="clas").rasterize_layer()
    with pytest.raises(VectorError, match="did you mean 'forest'"):
        Rasterizer(raster, labels, classes_interest=["forests"]).rasterize_layer()
    with pytest.raises(VectorError, match="call rasterize_layer"):
        Rasterizer(raster, labels).get_labeled_raster()
    elsewhere = save(
        tmp_path / "far.tif", np.ones(SHAPE, np.uint8), transform=TRANSFORM, crs="EPSG:32719"
    )
    with pytest.raises(VectorError, match="no feature"):
        Rasterizer(elsewhere, labels).rasterize_layer()


def test_a_layer_of_another_planet_is_refused(tmp_path, files):
    place = rasterio.Affine(0.01, 0, 30, 0, -0.01, 5)
    moon = save(tmp_path / "moon.tif", np.ones(SHAPE, np.uint8), transform=place, crs="ESRI:104903")
    with pytest.raises(GridError, match="no transformation from"):
        Rasterizer(moon, files[1]).rasterize_layer()


def test_labels_never_replace_the_raster_or_the_layer(files):
    raster, vector = files[:2]
    rasterizer = Rasterizer(raster, vector, class_column="class")
    rasterizer.execute()
    before = raster.read_bytes()
    for path in (raster, vector):
        with pytest.raises(WriteError, match="is an input"):
            rasterizer.save_labeled_raster_to_gtiff(path, overwrite=True)
    assert raster.read_bytes() == before
