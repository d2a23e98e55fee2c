"""The simulated scene holds what it promises, judged by rasterio, geopandas and published spectra."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.warp
from rasterio.features import rasterize

from geoloom.core.errors import GridError
from geoloom.testing.simulate import CLASS_NAMES, OFFSET, SCALE, simulated_scene
from geoloom.testing.simulate_inputs import CODES, CONTENTS, EARLIER, simulated_inputs

SIZE = 400


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return simulated_scene(tmp_path_factory.mktemp("scene"), size_px=SIZE, seed=5)


@pytest.fixture(scope="module")
def reflectance(made):
    with rasterio.open(made.scene) as file:
        stored = file.read()
    return stored * SCALE + OFFSET, (stored != 0).all(axis=0)


@pytest.fixture(scope="module")
def truth(made):
    """Class codes 1, 2, 3 on the scene's grid, burned by rasterio from reprojected polygons."""
    polygons = gpd.read_file(made.truth).to_crs(32720)
    codes = polygons["class"].map({name: i for i, name in enumerate(CLASS_NAMES, 1)})
    return rasterize(
        list(zip(polygons.geometry, codes, strict=True)), (SIZE, SIZE), transform=made.grid.affine
    )


@pytest.fixture(scope="module")
def clear(made, reflectance):
    with rasterio.open(made.qa) as file:
        qa = file.read(1)
    hidden = (qa & 0b11110) != 0  # dilated cloud, cirrus, cloud, shadow
    return reflectance[1] & ~hidden


def test_scene_is_tagged_as_landsat_is(made):
    with rasterio.open(made.scene) as file:
        assert file.crs.to_epsg() == 32720
        assert file.res == (30.0, 30.0)
        assert file.dtypes == ("uint16",) * 6
        assert file.nodatavals == (0.0,) * 6
        assert file.descriptions == ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
        assert file.scales == (2.75e-5,) * 6
        assert file.offsets == (-0.2,) * 6
        assert file.transform == made.grid.affine


def test_truth_is_in_another_crs_and_names_every_class(made):
    polygons = gpd.read_file(made.truth)
    assert polygons.crs.to_epsg() == 4674
    assert set(polygons["class"]) == {"forest", "deforestation", "water"}
    assert polygons.geometry.is_valid.all()


def test_truth_covers_the_scene_without_contradiction(made, truth):
    assert (truth == 0).mean() < 0.002
    polygons = gpd.read_file(made.truth).to_crs(32720)
    by_class = polygons.dissolve("class").geometry
    forest = by_class["forest"]
    assert forest.intersection(by_class["water"]).area / forest.area < 0.002
    assert forest.intersection(by_class["deforestation"]).area / forest.area < 0.01


def test_each_class_has_its_spectrum(reflectance, truth, clear):
    image, _ = reflectance
    red, nir, swir1 = image[2], image[3], image[4]
    ndvi = (nir - red) / (nir + red)
    median = {
        name: (np.median(ndvi[clear & (truth == i)]), np.median(swir1[clear & (truth == i)]))
        for i, name in enumerate(CLASS_NAMES, 1)
    }
    assert median["forest"][0] > 0.8  # closed tropical canopy
    assert 0.05 < median["forest"][1] < 0.2
    assert 0.3 < median["deforestation"][0] < 0.75
    assert median["deforestation"][1] > 0.2
    assert median["water"][0] < 0
    assert median["water"][1] < 0.03


def test_truth_agrees_with_the_image_where_it_is_clear(reflectance, truth, clear):
    """Three thresholds on two bands, chosen from the spectra alone, find what the polygons say."""
    image, _ = reflectance
    red, nir, swir1 = image[2], image[3], image[4]
    guess = np.where(swir1 < 0.06, 3, np.where((nir - red) / (nir + red) > 0.76, 1, 2))
    seen = clear & (truth > 0)
    assert (guess[seen] == truth[seen]).mean() > 0.9


def test_nodata_is_a_tilted_edge(reflectance):
    valid = reflectance[1]
    assert 0.05 < 1 - valid.mean() < 0.25
    lowest = SIZE - np.argmax(valid[::-1], axis=0)
    assert lowest[100] + 10 < lowest[180] < lowest[260] - 10
    assert (~valid[:, 0]).any()
    assert valid[: SIZE // 2, SIZE // 2 :].all()


def test_quality_bits_say_fill_exactly_where_nothing_was_seen(made, reflectance):
    with rasterio.open(made.qa) as file:
        qa = file.read(1)
    np.testing.assert_array_equal(qa == 1, ~reflectance[1])
    assert {21824, 21952, 22280} <= set(np.unique(qa))  # USGS: clear land, clear water, cloud


def test_clouds_are_bright_and_shadows_dark(made, reflectance):
    image, valid = reflectance
    with rasterio.open(made.qa) as file:
        qa = file.read(1)
    blue, nir = image[0], image[3]
    plain = valid & ((qa & 0b11110) == 0)
    cloud = valid & ((qa & 0b1000) != 0)
    shadow = valid & ((qa & 0b10000) != 0)
    assert np.median(blue[cloud]) > 4 * np.median(blue[plain])
    assert np.median(nir[shadow]) < 0.75 * np.median(nir[plain])


def test_equal_seeds_give_equal_scenes_and_others_differ(tmp_path):
    first = simulated_scene(tmp_path / "a", size_px=160, seed=2)
    again = simulated_scene(tmp_path / "b", size_px=160, seed=2)
    other = simulated_scene(tmp_path / "c", size_px=160, seed=3)

    def pixels(path):
        with rasterio.open(path) as file:
            return file.read()

    np.testing.assert_array_equal(pixels(first.scene), pixels(again.scene))
    np.testing.assert_array_equal(pixels(first.qa), pixels(again.qa))
    one, two = gpd.read_file(first.truth), gpd.read_file(again.truth)
    assert one.geometry.geom_equals(two.geometry).all()
    assert (pixels(first.scene) != pixels(other.scene)).mean() > 0.5


@pytest.mark.parametrize("seed", range(6))
def test_even_the_smallest_scene_has_all_classes(tmp_path, seed):
    made = simulated_scene(tmp_path, size_px=160, seed=seed)
    assert set(gpd.read_file(made.truth)["class"]) == set(CLASS_NAMES)


def test_a_size_that_is_too_small_names_the_smallest(tmp_path):
    with pytest.raises(GridError, match="size_px=160"):
        simulated_scene(tmp_path, size_px=64)


def test_the_same_place_at_an_earlier_date_has_the_clearings_of_that_time(tmp_path):
    made = simulated_inputs(tmp_path, size_px=192)
    now, then = (gpd.read_file(scene.truth).to_crs(32720) for scene in (made.now, made.earlier))
    later = now[now.year > EARLIER].geometry.union_all().buffer(-60)
    cleared = [
        table[table["class"] == "deforestation"].geometry.union_all() for table in (now, then)
    ]
    assert later.area > 0
    assert cleared[0].intersection(later).area > 0.9 * later.area
    assert cleared[1].intersection(later).area < 0.1 * later.area
    inside = [(later, 192)]
    mask = rasterize(inside, (192, 192), transform=made.now.grid.affine) > 0
    red = []
    for scene in (made.now, made.earlier):
        with rasterio.open(scene.scene) as file:
            values = file.read(3)
            red.append(float(np.median(values[mask & (values > 0)])))
    assert red[0] > 1.05 * red[1]  # soil is brighter than canopy


def test_labels_come_in_the_forms_in_which_analysts_have_them(tmp_path):
    made = simulated_inputs(tmp_path, size_px=192)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")} >= set(CONTENTS)
    points = pd.read_csv(made.points)
    assert points["class"].value_counts().to_dict() == dict.fromkeys(CLASS_NAMES, 10)
    places = gpd.GeoDataFrame(points, geometry=gpd.points_from_xy(points.lon, points.lat), crs=4326)
    truth = gpd.read_file(made.now.truth).to_crs(4326)
    joined = places.sjoin(truth, lsuffix="point", rsuffix="right")
    assert (joined["class_point"] == joined["class_right"]).all()
    with rasterio.open(made.codes) as codes, rasterio.open(made.now.scene) as scene:
        assert (codes.transform, codes.crs) == (scene.transform, scene.crs)
        assert set(np.unique(codes.read(1))) <= {0, *CODES.values()}
        x, y = rasterio.warp.transform("EPSG:4326", codes.crs, points.lon, points.lat)
        found = [int(value[0]) for value in codes.sample(zip(x, y, strict=True))]
    assert found == points["class"].map(CODES).tolist()
    assert list(gpd.read_file(made.clearings).columns) == ["geometry"]
