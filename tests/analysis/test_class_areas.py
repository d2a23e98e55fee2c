"""Areas on the ground, against geodesic polygons and hand-computed pixels."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from geoloom.analysis.areas import class_areas
from geoloom.cli.verbs.info import describe
from geoloom.core.classes import Classes
from geoloom.datasets import RasterDataset
from geoloom.inference.polygons import polygonize
from geoloom.io.raster import Raster
from geoloom.io.write.cog import write_raster
from geoloom.samplers import label_statistics

CLASSES = Classes.of(["forest", "water"], codes=[1, 2])
MAPS = {
    "north pole": GeoBox((70, 80), Affine(25e3, 0, -8e5, 0, -25e3, 7e5), "EPSG:3413"),
    "degrees across the antimeridian": GeoBox(
        (70, 80), Affine(0.05, 0, 178.2, 0, -0.05, 66), "EPSG:4326"
    ),
    "utm across the antimeridian": GeoBox(
        (70, 80), Affine(900, 0, 800_000, 0, -900, 7_300_000), "EPSG:32601"
    ),
    "degrees from 0 to 360": GeoBox((70, 80), Affine(0.5, 0, 200, 0, -0.5, 80), "EPSG:4326"),
    "web mercator": GeoBox((70, 80), Affine(9000, 0, 0, 0, -9000, 9_000_000), "EPSG:3857"),
    "utm": GeoBox((70, 80), Affine(1000, 0, 300_000, 0, -1000, 5_000_000), "EPSG:32632"),
}


def geodesic_m2(grid, codes):
    """Of each class, pixel by pixel, by geodesics through outlines whose sides are cut in 64."""
    to_lonlat = Transformer.from_crs(grid.crs.proj, "EPSG:4326", always_xy=True).transform
    t = np.linspace(0, 1, 64, endpoint=False)
    one, zero = np.ones_like(t), np.zeros_like(t)
    across = np.concatenate([t, one, 1 - t, zero])
    down = np.concatenate([zero, t, one, 1 - t])
    totals = dict.fromkeys(CLASSES.codes, 0.0)
    for (row, col), code in np.ndenumerate(codes):
        if code in totals:
            a, b, c, d, e, f = grid.affine[:6]
            u, v = col + across, row + down
            ring = to_lonlat(a * u + b * v + c, d * u + e * v + f)
            totals[code] += abs(Geod(ellps="WGS84").polygon_area_perimeter(*ring)[0])
    return list(totals.values())


def patches(shape):
    codes = np.full(shape, 255, np.uint8)
    codes[4:60, 3:40] = 1
    codes[20:50, 30:77] = 2
    codes[30:35, 8:20] = 255
    return codes


@pytest.mark.parametrize("name", MAPS)
def test_report_geopackage_info_and_samplers_give_the_ellipsoids_areas(name, tmp_path):
    grid = MAPS[name]
    codes = patches(grid.shape)
    path = tmp_path / "map.tif"
    write_raster(path, codes[None], grid, nodata=255, colormap=CLASSES.colormap())
    exact = geodesic_m2(grid, codes)

    report = class_areas(path, CLASSES)
    assert [row.hectares * 1e4 for row in report.rows] == pytest.approx(exact, rel=1e-4)
    assert report.rows[0].share == pytest.approx(exact[0] / sum(exact), rel=1e-4)

    polygons = gpd.read_file(polygonize(path, tmp_path / "map.gpkg", CLASSES), layer="map")
    in_polygons = polygons.groupby("code")["area_m2"].sum()
    assert in_polygons.tolist() == pytest.approx(exact, rel=1e-4)

    labels = RasterDataset(path, is_image=False)
    assert label_statistics(labels).ground_km2 * 1e6 == pytest.approx(exact, rel=1e-4)

    everywhere = geodesic_m2(grid, np.ones(grid.shape, np.uint8))[0]
    assert labels.regions[0].weight * 1e6 == pytest.approx(everywhere, rel=1e-4)
    assert describe(path)["area_km2"] * 1e6 == pytest.approx(everywhere, rel=1e-4)


def test_a_map_in_web_mercator_is_not_four_times_too_large():
    """At 60 degrees a metre of Web Mercator is half a metre on the ground."""
    grid = GeoBox((20, 20), Affine(100, 0, 0, 0, -100, 8_399_738), "EPSG:3857")
    seen = Raster(np.ones((1, 20, 20), int), np.ones((20, 20), bool), grid, ("class",))
    assert class_areas(seen, Classes.of(["a"])).hectares == pytest.approx(100.4, abs=0.4)


def test_classes_are_counted_in_blocks_and_nodata_is_not(tmp_path):
    rng = np.random.default_rng(1)
    codes = rng.integers(
        0, 4, (1100, 70), dtype=np.uint8
    )  # three blocks; 3 is not a class, 0 is nodata
    grid = GeoBox(codes.shape, Affine(30, 0, 500_000, 0, -30, 9_000_000), "EPSG:32720")
    classes = Classes.of(["forest", "water"])
    path = tmp_path / "map.tif"
    write_raster(path, codes[None], grid, nodata=0, colormap=classes.colormap())
    table = class_areas(path, classes)
    assert [row.pixels for row in table.rows] == [int((codes == 1).sum()), int((codes == 2).sum())]
    assert table.rows[0].hectares == pytest.approx((codes == 1).sum() * 0.09 / 0.9996**2, rel=1e-6)
    assert table.unmapped_pixels == int(np.isin(codes, (0, 3)).sum())
    assert sum(row.share for row in table.rows) == pytest.approx(1)


def test_class_zero_is_a_class():
    grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32720")
    seen = Raster(np.array([[[0, 0, 1]]]), np.array([[True, False, True]]), grid, ("class",))
    table = class_areas(seen, Classes.of(["a", "b"], codes=[0, 1]))
    assert [row.pixels for row in table.rows] == [1, 1]


def test_an_empty_map_has_no_shares():
    grid = GeoBox((1, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32720")
    table = class_areas(
        Raster(np.zeros((1, 1, 2), int), np.zeros((1, 2), bool), grid, ("class",)),
        Classes.of(["a"]),
    )
    assert np.isnan(table.rows[0].share)
    assert table.hectares == 0
