"""Footprints without a class, their background, and points as wide as they are on the ground."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod

import geoloom as gl
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, ModelError, VectorError
from geoloom.core.grid import pixel_centres
from geoloom.io.headers.header import read_header
from geoloom.io.write.cog import write_raster

UTM = GeoBox((40, 50), Affine(10, 0, 500_000, 0, -10, 7_000_400), "EPSG:32722")
DEGREES = GeoBox((60, 60), Affine(2e-4, 0, 24.999, 0, -2e-4, 70.006), "EPSG:4326")
AT_180 = GeoBox((40, 40), Affine(1e-3, 0, 179.98, 0, -1e-3, -16.0), "EPSG:4326")


def _scene(folder, grid):
    return write_raster(folder / "scene.tif", np.ones((1, *grid.shape), np.uint8), grid)


def _layer(folder, shapes, crs, **fields):
    path = folder / "layer.gpkg"
    geopandas.GeoDataFrame(fields, geometry=shapes, crs=crs).to_file(path)
    return path


def _codes(path):
    with rasterio.open(path) as file:
        return file.read(1)


def test_one_class_and_its_background_within_an_area(tmp_path):
    house, outside = shapely.box(500_050, 7_000_100, 500_100, 7_000_200), UTM.extent.geom.centroid
    far = outside.buffer(30)
    layer = _layer(tmp_path, [house, far], "EPSG:32722")
    area = shapely.box(500_000, 7_000_000, 500_150, 7_000_400)
    made = gl.rasterize(
        layer,
        _scene(tmp_path, UTM),
        tmp_path / "out.tif",
        burn="house",
        background="ground",
        background_within=(area, "EPSG:32722"),
    )
    x, y = pixel_centres(UTM)
    on_feature = shapely.contains_xy(shapely.union_all([house, far]), x, y)
    expected = np.where(on_feature, 1, np.where(shapely.contains_xy(area, x, y), 2, 0))
    np.testing.assert_array_equal(_codes(made.path), expected)
    assert made.pixels == {"house": (expected == 1).sum(), "ground": (expected == 2).sum()}
    assert made.unlabelled == (expected == 0).sum()


def test_a_background_is_not_drawn_and_stays_so_through_files(tmp_path):
    layer = _layer(tmp_path, [shapely.box(500_050, 7_000_100, 500_100, 7_000_200)], "EPSG:32722")
    scene = _scene(tmp_path, UTM)
    made = gl.rasterize(layer, scene, tmp_path / "out.tif", burn="house", background="ground")
    assert made.classes.transparent == ("ground",)
    header = read_header(made.path)
    assert (header.colormap[1][3], header.colormap[2][3]) == (255, 0)
    assert Classes.from_legend(header.class_names, header.colormap) == made.classes
    style = made.path.with_suffix(".qml").read_text()
    assert 'value="2" color="#bdbdbd" alpha="0"' in style
    shown = gl.rasterize(
        layer,
        scene,
        tmp_path / "shown.tif",
        burn="house",
        background="ground",
        colors={"ground": "#aabbcc", "house": "transparent"},
    )
    assert shown.classes.transparent == ("house",)
    assert read_header(shown.path).colormap[2] == (0xAA, 0xBB, 0xCC, 255)


@pytest.mark.parametrize("grid", [UTM, DEGREES, AT_180], ids=["utm", "degrees at 70 north", "180"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_a_radius_is_metres_on_the_ground(tmp_path, grid, crs):
    ellipsoid = Geod(ellps="WGS84")
    x, y = pixel_centres(grid)
    rows, cols = [10, 25, 30], [5, 20, 33]
    points = geopandas.GeoSeries.from_xy(x[rows, cols], y[rows, cols], crs=grid.crs).to_crs(4326)
    if crs == "EPSG:3857" and grid is AT_180:
        pytest.skip("a layer in this CRS ends at 180 degrees")
    step_m = abs(grid.affine.e) * (1 if grid is UTM else 111_000)
    layer = _layer(tmp_path, points.to_crs(crs), crs)
    made = gl.rasterize(
        layer, _scene(tmp_path, grid), tmp_path / "out.tif", burn="plot", radius=4.3 * step_m
    )
    corners = geopandas.GeoSeries.from_xy(x.ravel(), y.ravel(), crs=grid.crs).to_crs(4326)
    lon, lat = corners.x.to_numpy(), corners.y.to_numpy()
    nearest = np.min(
        [
            ellipsoid.inv(np.full_like(lon, p.x), np.full_like(lat, p.y), lon, lat)[2]
            for p in points
        ],
        axis=0,
    ).reshape(x.shape)
    sure = abs(nearest / (4.3 * step_m) - 1) > 2e-3
    expected = nearest < 4.3 * step_m
    np.testing.assert_array_equal(_codes(made.path)[sure] == 1, expected[sure])
    assert expected.sum() > 100


def test_a_line_becomes_a_band_and_a_tiny_radius_keeps_the_pixel(tmp_path):
    line = shapely.LineString([(500_000, 7_000_205), (500_500, 7_000_205)])
    point = shapely.Point(500_255, 7_000_055)
    layer = _layer(tmp_path, [line, point], "EPSG:32722")
    scene = _scene(tmp_path, UTM)
    wide = _codes(gl.rasterize(layer, scene, tmp_path / "a.tif", burn="road", radius=22).path)
    assert np.flatnonzero(wide[:, 10]).tolist() == [17, 18, 19, 20, 21]
    thin = _codes(gl.rasterize(layer, scene, tmp_path / "b.tif", burn="road", radius=0.1).path)
    bare = _codes(gl.rasterize(layer, scene, tmp_path / "c.tif", burn="road").path)
    np.testing.assert_array_equal(thin, bare)
    assert bare[34, 25] == 1
    assert bare.sum() == 51


def test_overlaps_of_classes_are_counted_and_the_last_feature_wins(tmp_path, caplog):
    low, high = (
        shapely.box(500_000, 7_000_000, 500_100, 7_000_400),
        shapely.box(500_050, 7_000_000, 500_200, 7_000_400),
    )
    layer = _layer(tmp_path, [low, high, low], "EPSG:32722", **{"class": ["a", "b", "a"]})
    made = gl.rasterize(layer, _scene(tmp_path, UTM), tmp_path / "out.tif")
    assert made.contested == 5 * 40
    assert "200 px lie in features of different classes" in caplog.text
    assert (_codes(made.path)[:, 5:10] == 1).all()


def test_many_and_odd_class_names(tmp_path):
    shapes = [shapely.box(500_000 + i, 7_000_000, 500_001 + i, 7_000_400) for i in range(300)]
    layer = _layer(tmp_path, shapes, "EPSG:32722", **{"class": [f"é{i}" for i in range(300)]})
    scene = _scene(tmp_path, UTM)
    with pytest.raises(ModelError, match="300 classes, and a label raster has codes for 255"):
        gl.rasterize(layer, scene, tmp_path / "out.tif")
    made = gl.rasterize(layer, scene, tmp_path / "out.tif", classes={"Não-floresta & água": ["é4"]})
    assert read_header(made.path).class_names == {1: "Não-floresta & água"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"burn": "a", "class_field": "class"}, ConfigError, "class_field goes with a field"),
        ({"burn": "a", "other": "b"}, ConfigError, "other goes with a field"),
        ({"burn": "a", "background": "a"}, ConfigError, "give it its own name"),
        ({"burn": "a", "background_within": (0, 0, 1, 1)}, ConfigError, "name it by background"),
        ({"burn": "a", "radius": -3}, ConfigError, "metres on the ground, above 0"),
        ({"burn": "a", "radius": 30}, VectorError, "polygons alone"),
        (
            {"burn": "a", "background": "b", "background_within": (0, 0, 1, 1)},
            VectorError,
            "no feature of the roi",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, options, error, message):
    layer = _layer(tmp_path, [shapely.box(500_050, 7_000_100, 500_100, 7_000_200)], "EPSG:32722")
    with pytest.raises(error, match=message):
        gl.rasterize(layer, _scene(tmp_path, UTM), tmp_path / "out.tif", **options)
    assert not (tmp_path / "out.tif").exists()
