"""`DatasetGenerator`: the paper's params, arrays and files alike, divided and saved."""

from __future__ import annotations

import logging

import geopandas
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from geoloom.chips.store import ChipStore
from geoloom.core.errors import ChipError, ConfigError, WriteError
from geoloom.io.raster import read
from geoloom.toolbox import DatasetGenerator, Preprocessor, Rasterizer
from small_files import CRS, TRANSFORM, ramp, save

SHAPE = (120, 140)


@pytest.fixture
def files(tmp_path):
    codes = np.ones(SHAPE, np.uint8)
    codes[:, 70:] = 2
    codes[:, :5] = 0
    image = save(tmp_path / "image.tif", ramp((2, *SHAPE)), names=("red", "nir"))
    return image, save(tmp_path / "labels.tif", codes)


def test_sequential_samples_cover_the_image(files):
    generator = DatasetGenerator(*files)
    generator.generate_chips({"win_size": [50, 60], "overlap": [10, 20]})
    samples = generator.get_samples()
    again = np.zeros((*SHAPE, 2), np.int16)
    for chip, at in zip(samples["chips"], samples["coords"], strict=True):
        again[at["upper_row"] : at["lower_row"], at["left_col"] : at["right_col"]] = chip
    np.testing.assert_array_equal(np.moveaxis(again, -1, 0), ramp((2, *SHAPE)))
    assert samples["overlap"] == (10, 20)
    assert samples["split"] == [None] * len(samples["chips"])


def test_a_class_of_interest_is_found_by_its_name_with_or_without_no_data(files):
    for names in (["forest", "clearing"], ["no_data", "forest", "clearing"]):
        generator = DatasetGenerator(*files, strategy="random")
        generator.generate_chips(
            {"win_size": 5, "quantity": 20, "class_names": names, "class_of_interest": "clearing"}
        )
        assert (generator.get_samples()["labels"][:, 2, 2] == 2).all()


def test_splits_are_blocks_and_saved_in_one_store(tmp_path, files):
    generator = DatasetGenerator(*files, strategy="random", description="two halves")
    generator.generate_chips({"win_size": 16, "quantity": 50})
    generator.split_ds(perc_test=20, perc_val=10, random_seed=4)
    saved = generator.save_to_disk(tmp_path / "sets", "halves.tfrecord")
    assert saved.path == tmp_path / "sets" / "halves.zarr"
    store = ChipStore.open(saved.path)
    assert store.splits == {"train": 35, "test": 10, "val": 5}
    assert store.provenance["description"] == "two halves"
    boxes = {
        name: np.array([store_.grid(i).extent.geom for i in range(len(store_))])
        for name in ("train", "test", "val")
        if (store_ := ChipStore.open(getattr(saved, name)))
    }
    assert [len(found) for found in boxes.values()] == [35, 10, 5]
    for one, two in (("train", "test"), ("train", "val"), ("test", "val")):
        gap = shapely.distance(boxes[one][:, None], boxes[two]).min()
        assert gap >= 30 * 16 // 4 - 1e-6
    with pytest.raises(WriteError, match="overwrite"):
        generator.save_to_disk(tmp_path / "sets", "halves")


def test_a_split_of_a_store_is_a_store(tmp_path, files):
    generator = DatasetGenerator(*files, strategy="random")
    generator.generate_chips({"win_size": 16, "quantity": 30})
    generator.split_ds()
    saved = generator.save_to_disk(tmp_path, "d")
    whole, test = ChipStore.open(saved.path), ChipStore.open(saved.test)
    assert test.splits == {"test": 6}
    for i, k in enumerate(whole.indices("test")):
        np.testing.assert_array_equal(test.image(i), whole.image(k))
        np.testing.assert_array_equal(test.valid(i), whole.valid(k))
        assert test.grid(i) == whole.grid(k)
    assert len(test.dataset()) == 6
    with pytest.raises(ChipError, match="unknown split"):
        ChipStore.open(f"{saved.path}#tset")


def test_random_split_warns_of_overlaps(tmp_path, files, caplog):
    generator = DatasetGenerator(*files, strategy="random")
    generator.generate_chips({"win_size": 40, "quantity": 30})
    generator.split_ds(method="random")
    with caplog.at_level(logging.WARNING):
        saved = generator.save_to_disk(tmp_path, "d")
    assert "overlap a chip of another split" in caplog.text
    assert ChipStore.open(saved.path).splits == {"train": 18, "test": 6, "val": 6}


def test_halves_by_hand(tmp_path, files):
    generator = DatasetGenerator(*files)
    generator.generate_chips({"win_size": 20})
    generator.split_ds(
        method="roi", perc_val=0, roi={"train": (0, 0, 0.5, 1), "test": (0.5, 0, 1, 1)}
    )
    table = ChipStore.open(generator.save_to_disk(tmp_path, "d").path).table
    assert (table["col"][table["split"] == "train"] + 20 <= 70).all()
    assert (table["col"][table["split"] == "test"] >= 70).all()


def test_arrays_of_preprocessor_and_rasterizer_go_straight_in(tmp_path, files):
    image, _ = files
    geopandas.GeoDataFrame(
        {"class": ["a", "b"]},
        geometry=[
            shapely.box(500_000, 8_996_400, 502_100, 9_000_000),
            shapely.box(502_100, 8_996_400, 504_200, 9_000_000),
        ],
        crs=CRS,
    ).to_file(tmp_path / "l.gpkg")
    preproc = Preprocessor(image, no_data=0)
    rasterizer = Rasterizer(image, tmp_path / "l.gpkg")
    rasterizer.rasterize_layer()
    grid = GeoBox(SHAPE, TRANSFORM, CRS)
    for grids in (None, [grid]):
        generator = DatasetGenerator(
            [preproc.get_array_stacked_raster()], [rasterizer.get_labeled_raster()], grids=grids
        )
        generator.generate_chips({"win_size": 60, "class_names": ["a", "b"]})
        saved = generator.save_to_disk(tmp_path, f"arrays{grids is None}")
        store = ChipStore.open(saved.path)
        expected = ramp((2, *SHAPE))[:, :60, :60]
        expected[:, 0, 0] = 0  # the ramp begins with 0, which means no data
        np.testing.assert_array_equal(store.image(0), expected)
        assert store.valid(0).sum() == 3599
        assert store.crs(0) == ("" if grids is None else CRS)
    generator = DatasetGenerator(read(image), strategy="random")
    generator.generate_chips({"win_size": 10, "quantity": 3})
    assert generator.get_samples()["labels"] is None


def test_chips_without_labels_enough_are_removed(files):
    generator = DatasetGenerator(*files)
    generator.generate_chips({"win_size": 5})
    assert len(generator.get_samples()["chips"]) == 24 * 28
    generator.remove_no_data(0.99)  # the first column of chips has no label
    assert len(generator.get_samples()["chips"]) == 24 * 27


def test_shuffled_chips_are_the_same_in_another_order(files):
    def places(shuffle):
        generator = DatasetGenerator(*files)
        generator.generate_chips({"win_size": 20})
        if shuffle:
            generator.shuffle_ds(3)
        return [(c["upper_row"], c["left_col"]) for c in generator.get_samples()["coords"]]

    plain, mixed = places(False), places(True)
    assert plain == sorted(plain)
    assert mixed != plain
    assert sorted(mixed) == plain


def test_centroids(tmp_path, files):
    points = shapely.points([500_000 + 30 * 60.5], [9_000_000 - 30 * 40.5])
    geopandas.GeoDataFrame(geometry=points, crs=CRS).to_file(tmp_path / "p.shp")
    generator = DatasetGenerator(*files, strategy="centroids")
    generator.generate_chips({"win_size": 9, "shp_path": tmp_path / "p.shp"})
    [at] = generator.get_samples()["coords"]
    assert at == {"upper_row": 36, "lower_row": 45, "left_col": 56, "right_col": 65}


def test_refusals(files):
    with pytest.raises(ConfigError, match="did you mean 'random'"):
        DatasetGenerator(*files, strategy="randm")
    with pytest.raises(ChipError, match="2 images and 1 label"):
        DatasetGenerator([files[0]] * 2, files[1])
    generator = DatasetGenerator(*files, strategy="random")
    with pytest.raises(ChipError, match="call generate_chips"):
        generator.get_samples()
    with pytest.raises(ConfigError, match="did you mean 'quantity'"):
        generator.generate_chips({"win_size": 5, "quantiti": 5})
    with pytest.raises(ConfigError, match="needs win_size"):
        generator.generate_chips({"quantity": 5})
    with pytest.raises(ConfigError, match="expected a percentage such as 20"):
        generator.split_ds(perc_test=0.2)
    with pytest.raises(ConfigError, match="did you mean 'block'"):
        generator.split_ds(method="blok")
