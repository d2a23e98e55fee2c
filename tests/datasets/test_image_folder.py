"""Numbered samples of class folders: values, labels, places, sizes, splits, batches and processes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from picture_folders import PLACE, pixels, write, write_placed
from PIL import Image
from torch.utils.data import DataLoader, RandomSampler, Subset

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.core.errors import BandError, ConfigError, DatasetError, ReadError
from geoloom.datasets import ImageFolder
from geoloom.splits import BlockSplit, ClassSplit, ColumnSplit, ScenePart
from geoloom.tasks.source import TrainingSource

COUNTS = {"forest": 6, "river": 10, "urban": 4}


@pytest.fixture
def chips(tmp_path):
    return write(tmp_path / "chips", COUNTS)


def assert_right(batch):
    """Each picture is the one of its number, whose label is that of its folder."""
    ends = np.cumsum(list(COUNTS.values()))
    for image, valid, label in zip(batch["image"], batch["valid"], batch["label"], strict=True):
        number = int(image[0, 0, 0])
        np.testing.assert_array_equal(image, pixels(number).transpose(2, 0, 1))
        assert label == np.searchsorted(ends, number, side="right")
        assert valid.all()


class TestSamples:
    def test_hold_picture_label_and_validity(self, chips):
        dataset = ImageFolder(chips)
        assert len(dataset) == 20
        sample = dataset[7]
        assert sample.keys() == {"image", "valid", "label"}
        np.testing.assert_array_equal(sample["image"], pixels(7).transpose(2, 0, 1))
        assert sample["label"].shape == ()
        assert sample["label"].dtype == torch.int64
        assert dataset.classes.names[int(sample["label"])] == "river"
        assert sample["valid"].dtype == torch.bool
        assert dataset[-1]["image"][0, 0, 0] == 19
        with pytest.raises(IndexError, match="samples 0 to 19, not 20"):
            dataset[20]
        assert len(list(dataset)) == 20  # by IndexError, as Python iterates

    def test_a_network_is_told_what_to_give(self, chips):
        outputs = ImageFolder(chips).outputs
        assert (outputs.channels, outputs.per, outputs.target.key) == (3, "image", "label")

    def test_transparent_pixels_are_not_observed(self, tmp_path):
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            clear = np.dstack([pixels(3), np.full((12, 10), 255, "uint8")])
            clear[2:5, 4:, 3] = 0
            Image.fromarray(clear).save(tmp_path / name / "0.png")
        sample = ImageFolder(tmp_path)[1]
        assert sample["image"].shape == (3, 12, 10)
        np.testing.assert_array_equal(~sample["valid"], clear[..., 3] == 0)
        declared = ImageFolder(tmp_path, all_bands=["red", "green", "blue", "nir"], bands=["nir"])
        np.testing.assert_array_equal(declared[0]["image"][0], clear[..., 3])
        assert declared[0]["valid"].all()
        assert declared.bands[0].role == "nir"

    def test_a_declared_nodata_value_is_not_observed(self, chips):
        bands = [Band.named("red"), Band("green", nodata=float(pixels(3)[0, 0, 1])), Band("blue")]
        sample = ImageFolder(chips, all_bands=bands)[3]
        np.testing.assert_array_equal(sample["valid"], pixels(3)[..., 1] != pixels(3)[0, 0, 1])

    def test_chips_with_a_place_keep_it(self, tmp_path):
        dataset = ImageFolder(write_placed(tmp_path, {"a": 2, "b": 2}))
        sample = dataset[2]
        assert sample["crs"] == "EPSG:32632"
        place = PLACE @ Affine.translation(32, 0)
        np.testing.assert_array_equal(sample["transform"], place[:6])
        np.testing.assert_array_equal(sample["bounds"], (500_320, 4_999_840, 500_480, 5_000_000))
        assert sample["image"].dtype == torch.float32
        assert (sample["image"] == 1002).all()
        assert [band.name for band in dataset.bands] == [str(i) for i in range(1, 14)]

    def test_a_place_that_only_some_tell_is_left_out(self, tmp_path, caplog):
        write_placed(tmp_path, {"a": 2}, bands=3)
        write(tmp_path, {"b": 1}, height=16, width=16)
        names = ["red", "green", "blue"]
        dataset = ImageFolder(tmp_path, all_bands=names)
        assert "2 of 3 pictures tell where they lie" in caplog.text
        assert "crs" not in dataset[0]
        assert dataset.dtype == "uint16"
        assert dataset[0]["image"].dtype == torch.float32  # which stands in for it

    @pytest.mark.parametrize(
        ("dtype", "given"), [("native", "float32"), ("stored", "uint16"), ("float32", "float32")]
    )
    def test_the_type_asked_for(self, tmp_path, dtype, given):
        dataset = ImageFolder(write_placed(tmp_path, {"a": 1, "b": 1}), dtype=dtype)
        assert str(dataset[0]["image"].dtype) == f"torch.{given}"
        assert dataset.dtype == "uint16"

    def test_bands_in_the_order_given(self, chips):
        dataset = ImageFolder(chips, bands=["blue", "red"])
        np.testing.assert_array_equal(
            dataset[5]["image"], pixels(5)[..., [2, 0]].transpose(2, 0, 1)
        )
        with pytest.raises(BandError, match="no band 'nir'"):
            ImageFolder(chips, bands=["nir"])

    def test_transforms_see_each_sample(self, chips):
        dataset = ImageFolder(chips, transforms=lambda s: {**s, "image": s["image"] + 1})
        assert (dataset[3]["image"][0] == 4).all()
        assert [s["image"][0, 0, 0] for s in dataset.__getitems__([1, 2])] == [2, 3]
        assert (dataset.with_transforms(None)[3]["image"][0] == 3).all()


class TestSizes:
    @pytest.fixture
    def mixed(self, tmp_path):
        write(tmp_path, {"a": 5})
        return write(tmp_path, {"b": 2}, height=9, width=14)

    def test_one_batch_has_one_size_or_says_how(self, mixed):
        dataset = ImageFolder(mixed)
        assert dataset.sizes == {(12, 10): 5, (9, 14): 2}
        assert dataset[6]["image"].shape == (3, 9, 14)
        for batches in (gl.loader(dataset, batch_size=7), DataLoader(dataset, batch_size=7)):
            with pytest.raises(DatasetError) as refused:
                next(iter(batches))
            said = str(refused.value)
            assert "12 x 10 (5), 9 x 14 (2) (rows x columns)" in said
            assert "size=(12, 10), or with_size((12, 10))" in said
            assert 'fit="resize"' in said

    def test_cropped_and_padded(self, mixed):
        dataset = ImageFolder(mixed, size=(12, 10))
        batch = next(iter(gl.loader(dataset, batch_size=7)))
        assert batch["image"].shape == (7, 3, 12, 10)
        stored = pixels(0, 9, 14).transpose(2, 0, 1)
        expected = np.zeros((3, 12, 10), "uint8")
        expected[:, 2:11] = stored[:, :, 2:12]
        np.testing.assert_array_equal(batch["image"][5], expected)
        np.testing.assert_array_equal(
            batch["valid"][5].any(dim=1), (np.arange(12) // 2 > 0) & (np.arange(12) < 11)
        )
        assert dataset.sizes == {(12, 10): 7}

    def test_resized(self, mixed):
        dataset = ImageFolder(mixed).with_size(6, fit="resize")
        batch = next(iter(DataLoader(dataset, batch_size=7)))
        assert batch["image"].shape == (7, 3, 6, 6)
        assert batch["image"].dtype == torch.uint8
        assert batch["valid"].all()

    @pytest.mark.parametrize(
        ("size", "fit", "affine"),
        [
            (8, "crop", PLACE @ Affine.translation(4, 4)),
            (20, "crop", PLACE @ Affine.translation(-2, -2)),
            (8, "resize", PLACE @ Affine.scale(2)),
        ],
    )
    def test_the_place_follows(self, tmp_path, size, fit, affine):
        dataset = ImageFolder(write_placed(tmp_path, {"a": 1, "b": 1}), size=size, fit=fit)
        sample = dataset[0]
        np.testing.assert_allclose(sample["transform"], affine[:6])
        left, top = affine @ (0, 0)
        right, bottom = affine @ (size, size)
        np.testing.assert_allclose(sample["bounds"], (left, bottom, right, top))
        assert dataset[0]["valid"].all() == (size <= 16)

    @pytest.mark.parametrize("size", [0, -3, 2.5, (1, 2, 3), "256", True])
    def test_what_is_no_size_is_refused(self, chips, size):
        with pytest.raises(DatasetError, match="size is"):
            ImageFolder(chips, size=size)
        with pytest.raises(DatasetError, match="no fit is called 'pad'"):
            ImageFolder(chips, fit="pad")


class TestBatches:
    @pytest.mark.parametrize("workers", [0, 2])
    def test_through_torch_and_our_loader(self, chips, workers):
        dataset = ImageFolder(chips)
        for batches in (
            DataLoader(dataset, batch_size=8, shuffle=True, num_workers=workers),
            gl.loader(dataset, batch_size=8, shuffle=True, num_workers=workers),
            DataLoader(Subset(dataset, range(20)), batch_size=8, sampler=RandomSampler(dataset)),
        ):
            seen = []
            for batch in batches:
                assert_right(batch)
                seen += batch["image"][:, 0, 0, 0].tolist()
            assert sorted(seen) == list(range(20))

    def test_spawned_workers(self, chips):
        batches = gl.loader(ImageFolder(chips), batch_size=20, num_workers=1, start="spawn")
        (batch,) = batches
        assert_right(batch)

    def test_a_batch_is_its_samples_bit_for_bit_and_lies_in_one_piece(self, tmp_path):
        dataset = ImageFolder(write_placed(tmp_path, {"a": 3, "b": 3}))
        batch = dataset.__getitems__([4, 0, 5, 0])
        for together, number in zip(batch, [4, 0, 5, 0], strict=True):
            alone = dataset[number]
            assert alone.keys() == together.keys()
            for name, value in alone.items():
                np.testing.assert_array_equal(np.asarray(value), np.asarray(together[name]))
        whole = gl.datasets.collate(batch)
        assert whole["image"].data_ptr() == batch[0]["image"].data_ptr()

    def test_pickled(self, chips):
        dataset = pickle.loads(pickle.dumps(ImageFolder(chips, splits=ClassSplit())))
        assert_right(next(iter(gl.loader(dataset, batch_size=20))))


class TestSplits:
    def test_by_class_at_random(self, chips):
        dataset = ImageFolder(chips, splits=ClassSplit(test=0.25, val=0.25, seed=1))
        assert (
            dataset.splits == {"test": 5, "train": 10, "val": 5}
            or sum(dataset.splits.values()) == 20
        )
        parts = {name: dataset.split(name) for name in dataset.splits}
        numbers = {k: {int(s["image"][0, 0, 0]) for s in part} for k, part in parts.items()}
        assert set().union(*numbers.values()) == set(range(20))
        assert sum(map(len, numbers.values())) == 20
        assert parts["test"].class_counts() == {"forest": 2, "river": 2, "urban": 1}
        alone = ImageFolder(chips, "test", splits=ClassSplit(test=0.25, val=0.25, seed=1))
        assert alone.table.file.tolist() == parts["test"].table.file.tolist()
        assert alone.classes == dataset.classes
        again = gl.open(chips).with_splits(ClassSplit(test=0.25, val=0.25, seed=1)).split("test")
        assert again.table.file.tolist() == alone.table.file.tolist()
        assert_right(next(iter(gl.loader(alone, batch_size=5))))

    def test_by_lists(self, chips, tmp_path):
        (chips / "train.txt").write_text("forest/00.png\nriver/03.jpg\n\nurban/01\n")
        lists = {"train": "train.txt", "test": ["forest/01.png"]}
        dataset = ImageFolder(chips, splits=lists)
        assert dataset.splits == {"test": 1, "train": 3}
        assert [int(s["image"][0, 0, 0]) for s in dataset.split("train")] == [0, 9, 17]

    def test_lists_of_bare_names(self, tmp_path):
        root = write_placed(tmp_path, {"a": 2, "b": 2})
        dataset = ImageFolder(root, splits={"train": ["a_0.jpg", "b_1.jpg"], "val": ["a_1"]})
        assert [int(s["image"][0, 0, 0]) for s in dataset.split("train")] == [1000, 1003]

    def test_lists_that_do_not_fit(self, chips):
        for lists, why in (
            ({"train": ["00.png"]}, "several folders .* hold"),
            ({"train": ["forest/99.png", "x.png"]}, "2 files of the list of train are not below"),
            ({"train": ["forest/00.png"], "val": ["forest/00"]}, "lists of both train and val"),
            ({"train": "none.txt"}, "neither here"),
            (ScenePart(0, 0, 1, 1), "does not divide samples.*ClassSplit"),
        ):
            with pytest.raises(DatasetError, match=why):
                ImageFolder(chips, splits=lists)
        with pytest.raises(
            ConfigError, match="BlockSplit divides samples by where they lie, and none of them"
        ):
            ImageFolder(chips, splits=BlockSplit())

    def test_by_a_column_of_the_names(self, tmp_path):
        root = write_placed(tmp_path, {"a": 3, "b": 2}, name="{folder}_{number}")
        options = {"filename_regex": r".*_(?P<flight>\d)"}
        flights = ColumnSplit("flight", {"train": ["0", "1"], "test": [2]})
        dataset = ImageFolder(root, splits=flights, **options)
        assert dataset.splits == {"test": 1, "train": 4}
        assert dataset.split("test").table.file.tolist() == ["a/a_2.tif"]
        with pytest.raises(ConfigError, match="nothing called 'flight' is known"):
            ImageFolder(root, splits=flights)

    def test_folders_of_splits(self, tmp_path):
        for split in ("train", "val"):
            write(tmp_path / split, COUNTS)
        dataset = ImageFolder(tmp_path)
        assert dataset.splits == {"train": 20, "val": 20}
        assert len(ImageFolder(tmp_path, "val")) == 20

    def test_an_undivided_folder_says_how(self, chips):
        with pytest.raises(DatasetError, match=r"not divided; give splits=ClassSplit"):
            ImageFolder(chips).split("train")
        with pytest.raises(
            DatasetError, match="no sample is in split 'trian'; did you mean 'train'"
        ):
            ImageFolder(chips, splits=ClassSplit()).split("trian")

    def test_parts_leave_the_whole_as_it_was(self, chips):
        dataset = ImageFolder(chips)
        part = dataset.subset([3, 1, 1])
        assert [int(s["image"][0, 0, 0]) for s in part] == [3, 1, 1]
        assert part.subset([0])[0]["image"][0, 0, 0] == 3
        assert len(dataset) == 20
        assert part.targets.tolist() == [0, 0, 0]
        with pytest.raises(DatasetError, match="samples 0 to 2, not 3"):
            part.subset([3])


class TestTraining:
    """What a training asks of its source."""

    def test_it_is_a_source(self, chips):
        dataset = ImageFolder(chips, splits=ClassSplit(seed=0))
        assert isinstance(dataset, TrainingSource)
        assert dataset.path == chips
        assert dataset.size == (12, 10)
        assert dataset.labels(7)["label"] == 1
        assert dataset.grid(7) is None
        train = dataset.indices("train")
        assert len(train) == dataset.splits["train"]
        found = dataset.statistics("train")
        stacked = np.stack([dataset[i]["image"].numpy() for i in train])
        np.testing.assert_allclose(found.mean, stacked.mean(axis=(0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(found.std, stacked.std(axis=(0, 2, 3)), rtol=1e-12)
        assert found.count == (stacked[:, 0].size,) * 3
        assert dataset.statistics().count == (20 * 120,) * 3

    def test_padding_takes_no_part_in_statistics(self, chips):
        plain, padded = ImageFolder(chips), ImageFolder(chips, size=30)
        assert padded.statistics() == plain.statistics()

    def test_samples_are_as_stored(self, tmp_path):
        dataset = ImageFolder(write_placed(tmp_path, {"a": 2, "b": 2}), size=8)
        samples = dataset.samples([3, 0])
        assert [int(s["image"][0, 0, 0]) for s in samples] == [1003, 1000]
        assert samples[0]["image"].dtype == torch.uint16
        grid = dataset.grid(0)
        assert grid.affine == PLACE @ Affine.translation(4, 4)
        with pytest.raises(DatasetError, match="has transforms, which no model is saved with"):
            dataset.with_transforms(lambda sample: sample).samples([0])

    def test_differing_sizes_are_refused(self, chips):
        write(chips, {"wide": 1}, height=9, width=14)
        with pytest.raises(DatasetError, match="2 sizes cannot be trained on together"):
            _ = ImageFolder(chips).size


class TestTrouble:
    def test_an_unreadable_picture_stops_or_is_skipped(self, chips, caplog):
        (chips / "river" / "03.png").write_bytes(b"<html>")
        with pytest.raises(ReadError, match=r"03\.png is a page of a web server"):
            ImageFolder(chips)
        dataset = ImageFolder(chips, on_error="skip", splits=ClassSplit())
        assert "1 of 20 pictures cannot be read and are left out" in caplog.text
        assert len(dataset) == 19
        assert sum(dataset.splits.values()) == 19
        assert_right(next(iter(gl.loader(dataset, batch_size=19))))

    def test_pictures_of_other_bands_are_named(self, chips):
        Image.fromarray(pixels(0)[..., 0]).save(chips / "urban" / "gray.png")
        with pytest.raises(
            DatasetError, match=r"20 have 3 \(red, green, blue\).*1 have 1 \(1\), such as .*gray"
        ):
            ImageFolder(chips)
        with pytest.raises(DatasetError, match=r"00\.png has 3 bands, expected the 2"):
            ImageFolder(chips, all_bands=["a", "b"])

    def test_pictures_of_another_scale_are_refused(self, tmp_path):
        root = write_placed(tmp_path, {"a": 2, "b": 2}, bands=2)
        declared = [Band.named("red"), Band("x", scale=3.0, nodata=7.0)]
        assert ImageFolder(root, all_bands=declared).bands == tuple(declared)
        for i in range(2):
            with rasterio.open(root / "a" / f"a_{i}.tif", "r+") as file:
                file.scales, file.offsets = (1e-4, 1.0), (0.0, 0.0)
        with pytest.raises(
            DatasetError, match=r"what their numbers mean.*\(None, 0.0001, 0.0, None\)"
        ):
            ImageFolder(root)
        for i in range(2):
            with rasterio.open(root / "b" / f"b_{i}.tif", "r+") as file:
                file.scales = (1e-4, 1.0)
        assert [band.scale for band in ImageFolder(root).bands] == [1e-4, 1.0]
        red, x = ImageFolder(root, all_bands=declared).bands
        assert (red.role, red.scale, x.scale, x.nodata) == ("red", 1e-4, 3.0, 7.0)

    def test_a_picture_that_was_replaced_is_noticed(self, chips):
        dataset = ImageFolder(chips)
        Image.fromarray(pixels(0, 40, 40)).save(chips / "forest" / "00.png")
        with pytest.raises(ReadError, match=r"00\.png holds .* by now.*make the dataset again"):
            dataset[0]

    def test_a_damaged_picture_names_itself_in_a_batch(self, chips):
        dataset = ImageFolder(chips)
        path = chips / "forest" / "02.png"
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(ReadError, match=r"02\.png is a damaged PNG"):
            next(iter(gl.loader(dataset, batch_size=20)))

    def test_options_are_checked_at_once(self, chips):
        for options, why in (
            ({"dtype": "int8"}, "no dtype is called"),
            ({"transforms": 3}, "transforms is 3"),
            ({"classes": "forest"}, "give names of folders"),
            ({"on_error": "ignore"}, "no on_error is called"),
        ):
            with pytest.raises(DatasetError, match=why):
                ImageFolder(chips, **options)
