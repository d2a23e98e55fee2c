"""Vector layers as masks."""

from __future__ import annotations

import pickle

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import DatasetError, QueryError, VectorError
from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets.vector import VectorDataset
from geoloom.io.vector.layers import read_features

GRID = GeoBox((4, 8), Affine(1, 0, 5e5, 0, -1, 9e6), "EPSG:32722")


@pytest.fixture
def layer(tmp_path):
    def make(name="labels.gpkg", kinds=("forest", "water"), shift=0):
        boxes = [
            shapely.box(5e5 + 3 * i + shift, 9e6 - 4, 5e5 + 3 * i + 2 + shift, 9e6)
            for i in range(len(kinds))
        ]
        frame = gpd.GeoDataFrame({"kind": list(kinds)}, geometry=boxes, crs="EPSG:32722")
        frame.to_file(tmp_path / name)
        return tmp_path / name

    return make


def test_pixels_under_no_feature_are_not_labelled(layer):
    sample = VectorDataset(layer(), class_field="kind")[GRID]
    assert sample["mask"][0].tolist() == [1, 1, 0, 2, 2, 0, 0, 0]
    assert sample["valid"][0].tolist() == [True, True, False, True, True, False, False, False]
    assert str(sample["mask"].dtype) == "torch.int64"


def test_a_named_background_is_a_class(layer):
    dataset = VectorDataset(layer(), background="nothing")
    assert dataset.classes.names == ("nothing", "labels")
    assert dataset.classes.codes == (0, 1)
    sample = dataset[GRID]
    assert sample["mask"][0].tolist() == [1, 1, 0, 1, 1, 0, 0, 0]
    assert sample["valid"].all()


def test_several_files_share_one_table_of_codes(layer, tmp_path):
    layer("a_2019.gpkg", ("water",))
    layer("b_2020.gpkg", ("forest", "water"))
    dataset = VectorDataset(
        tmp_path, class_field="kind", filename_regex=r".*(?P<date>\d{4})", date_format="%Y"
    )
    assert dataset.classes.names == ("forest", "water")
    assert [r.when for r in dataset.regions] == [Interval.of("2019"), Interval.of("2020")]
    assert dataset[Query(GRID, Interval.of("2019"))]["mask"][0, 0] == 2
    assert dataset[GRID]["mask"][0, 0] == 1, "the newest layer lies on top"
    with pytest.raises(VectorError, match=r"and 1 others has no class 'fire'"):
        VectorDataset(tmp_path, class_field="kind", classes=["fire"])


def test_the_area_is_that_of_the_polygons(layer):
    dataset = VectorDataset(layer(), class_field="kind", classes=["water"])
    assert dataset.regions[0].area.area == pytest.approx(8)
    assert dataset.regions[0].frame is None
    assert dataset.res is None
    boxed = VectorDataset(layer(), background="nothing")
    assert boxed.regions[0].area.area == pytest.approx(20)


def test_a_pixel_size_gives_it_a_grid_of_its_own(layer):
    dataset = VectorDataset(layer(), class_field="kind", res=0.5)
    assert dataset.regions[0].frame.shape == (8, 10)
    assert dataset.res == (0.5, 0.5)
    elsewhere = VectorDataset(layer(), class_field="kind", crs="EPSG:3857", res=2)
    assert elsewhere.regions[0].crs == "EPSG:3857"


def test_far_from_all_features_there_is_no_answer_but_between_them_there_is(layer):
    dataset = VectorDataset(layer(), class_field="kind")
    with pytest.raises(QueryError, match="nothing at"):
        dataset[GRID.translate_pix(500, 0)]
    between = dataset[GRID[:, 2:3]]
    assert not between["valid"].any()


def test_equal_options_make_equal_datasets(layer):
    path = layer()
    assert VectorDataset(path, class_field="kind") == VectorDataset(str(path), class_field="kind")
    assert VectorDataset(path, class_field="kind") != VectorDataset(
        path, class_field="kind", all_touched=True
    )
    again = pickle.loads(pickle.dumps(VectorDataset(path, class_field="kind")))
    assert again == VectorDataset(path, class_field="kind")
    assert (again[GRID]["mask"][0, :2] == 1).all()


def test_a_folder_without_vectors_says_so(tmp_path):
    with pytest.raises(DatasetError, match="no file at"):
        VectorDataset(tmp_path)


@pytest.mark.shared
def test_land_cover_polygons_equal_the_raster_made_of_them(shared_data):
    """A published pair: 88 polygons and their raster at 10 m (made with another burner)."""
    patch = shared_data / "eopatch_slovenia"
    bbox = gpd.read_file(patch / "bbox.geojson")
    left, bottom, right, top = bbox.total_bounds
    published = np.load(patch / "mask_timeless" / "LULC.npy")[..., 0]
    height, width = published.shape
    affine = Affine((right - left) / width, 0, left, 0, -(top - bottom) / height, top)
    grid = GeoBox(published.shape, affine, bbox.crs.to_wkt())
    path = patch / "vector_timeless" / "LULC.gpkg"
    dataset = VectorDataset(path, class_field="LULC_ID")
    sample = dataset[grid]
    names = {
        code: int(name)
        for code, name in read_features(path, class_field="LULC_ID").class_names.items()
    }
    ours = np.vectorize(lambda code: names.get(code, 0))(sample["mask"].numpy())
    labelled = sample["valid"].numpy()
    assert labelled.mean() > 0.9
    assert (ours == published)[labelled].mean() > 0.97
