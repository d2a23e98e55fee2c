"""Chip stores: what goes in comes out, xarray agrees, unfinished ones are refused."""

from __future__ import annotations

import multiprocessing
import pickle
import warnings

import numpy as np
import pytest
import torch
import xarray
import zarr
from torch.utils.data import DataLoader

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.chips.zarr import layout
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError, WriteError

CLASSES = Classes.of(["forest", "water"], codes=[3, 7])
SIZE = (6, 5)
SPLIT_OF = ("train", "test", "val", None)


def _chip(k, dtype="int16"):
    rng = np.random.default_rng(k)
    image = rng.integers(1, 99, size=(2, *SIZE)).astype(dtype)
    mask = rng.choice(np.array([0, 3, 7], np.uint8), size=SIZE)
    valid = rng.random(SIZE) < 0.8
    return image, mask, valid


def _write(path, count=11, dtype="int16", **options):
    with ChipWriter(
        path, channels=2, size=SIZE, dtype=dtype, bands=["red", "nir"], classes=CLASSES, **options
    ) as writer:
        for k in range(count):
            image, mask, valid = _chip(k, dtype)
            writer.add(
                image,
                mask,
                valid,
                crs=f"EPSG:{32621 + k % 2}",
                transform=(30, 0, 100 * k, 0, -30, 5000),
                source=f"scene{k % 3}",
                row=k,
                col=2 * k,
                split=SPLIT_OF[k % 4],
            )
    return ChipStore.open(path)


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(layout, "MAX_CHIPS_PER_SHARD", 4)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_round_trip_over_several_shards(tmp_path, small_shards, dtype):
    store = _write(tmp_path / "a.zarr", dtype=dtype)
    assert len(list((tmp_path / "a.zarr" / "image" / "c").iterdir())) == 3
    assert (len(store), store.channels, store.size, store.dtype) == (11, 2, SIZE, np.dtype(dtype))
    assert (store.band_names, store.classes) == (("red", "nir"), CLASSES)
    for k in (10, 0, 3, 4, 7):
        image, mask, valid = _chip(k, dtype)
        np.testing.assert_array_equal(store.image(k), np.where(valid, image, 0))
        np.testing.assert_array_equal(store.observed(k), valid)
        np.testing.assert_array_equal(store.mask(k), mask)
        # Code 0 is not a class here, so such pixels are seen but unlabelled.
        np.testing.assert_array_equal(store.valid(k), valid & (mask != 0))


def test_xarray_reads_the_same(tmp_path, small_shards):
    store = _write(tmp_path / "a.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = xarray.open_zarr(tmp_path / "a.zarr")
    assert data["image"].dims == ("chip", "band", "y", "x")
    assert data["mask"].dims == data["valid"].dims == ("chip", "y", "x")
    for name in ("image", "mask", "valid", "observed"):
        np.testing.assert_array_equal(
            data[name].values, [getattr(store, name)(k) for k in range(len(store))]
        )
    np.testing.assert_array_equal(data["transform"].values[3], [30, 0, 300, 0, -30, 5000])


@pytest.mark.parametrize("compress", list(layout.CODECS))
def test_shards_are_the_bytes_that_zarr_writes(tmp_path, small_shards, compress):
    store = _write(tmp_path / "a.zarr", compress=compress)
    group = zarr.open_group(store.path, mode="r")
    again = zarr.open_group(tmp_path / "b.zarr", mode="w", zarr_format=3)
    for name in ("image", "mask", "valid", "observed"):
        array = group[name]
        again.create_array(
            name, data=array[...], chunks=array.chunks, shards=array.shards, fill_value=array.fill_value,
            compressors=array.compressors or None, dimension_names=array.metadata.dimension_names,
        )  # fmt: skip
        ours, theirs = (_files(root / name / "c") for root in (store.path, tmp_path / "b.zarr"))
        assert ours == theirs
        assert len(ours) == 3


def _files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_table_and_splits(tmp_path):
    store = _write(tmp_path / "a.zarr")
    table = store.table
    assert list(table.columns) == ["index", "split", "source", "row", "col", "crs", *"abcdef"]
    assert table.loc[5, ["split", "source", "row", "col", "crs", "c"]].tolist() == [
        "test", "scene2", 5, 10, "EPSG:32622", 500.0,
    ]  # fmt: skip
    assert table["split"].isna().sum() == 2
    assert store.splits == {"train": 3, "test": 3, "val": 3}
    assert store.grid(5).crs.epsg == 32622
    assert store.grid(5).boundingbox == (500, 5000 - 6 * 30, 500 + 5 * 30, 5000)


def test_class_zero_is_a_class_when_listed(tmp_path):
    with ChipWriter(
        tmp_path / "a.zarr", channels=1, size=2, dtype="uint8", bands=["a"],
        classes=Classes.of(["land", "water"], codes=[0, 1]),
    ) as writer:  # fmt: skip
        writer.add(
            np.ones((1, 2, 2), "uint8"), np.array([[0, 1], [0, 9]], "uint8"),
            labelled=np.array([[True, True], [False, True]]),
            crs="EPSG:32621", transform=(1, 0, 0, 0, -1, 0), source="s", row=0, col=0,
        )  # fmt: skip
    assert ChipStore.open(tmp_path / "a.zarr").valid(0).tolist() == [[True, True], [False, False]]


def test_nan_counts_as_unobserved_and_is_never_stored(tmp_path):
    image = np.ones((2, 2, 2), np.float32)
    image[1, 0, 1] = np.nan
    with ChipWriter(tmp_path / "a.zarr", channels=2, size=2, dtype="float32", bands="ab") as writer:
        writer.add(image, crs="EPSG:32621", transform=(1, 0, 0, 0, -1, 0), source="s", row=0, col=0)
    store = ChipStore.open(tmp_path / "a.zarr")
    assert store.observed(0).tolist() == [[True, False], [True, True]]
    assert store.image(0)[:, 0, 1].tolist() == [0, 0]
    assert store.statistics().count == (3, 3)


def test_samples_carry_positions_validity_and_place(tmp_path):
    store = _write(tmp_path / "a.zarr")
    dataset = store.dataset("test")
    sample = dataset[1]  # chip 5
    _, mask, valid = _chip(5)
    assert sample["image"].dtype == torch.int16
    assert sample["mask"].dtype == torch.int64
    seen = sample["valid"].numpy()
    np.testing.assert_array_equal(seen, valid & (mask != 0))
    np.testing.assert_array_equal(sample["observed"].numpy(), valid)
    np.testing.assert_array_equal(sample["mask"].numpy()[seen], (mask[seen] == 7).astype(int))
    assert sample["crs"] == "EPSG:32622"
    assert sample["bounds"].tolist() == [500, 4820, 650, 5000]


def test_plain_dataloader_with_forked_workers(tmp_path):
    store = _write(tmp_path / "a.zarr")
    store.image(0)  # an index is cached before the fork
    loader = DataLoader(
        store.dataset(), batch_size=4, num_workers=1,
        multiprocessing_context=multiprocessing.get_context("fork"),
    )  # fmt: skip
    images = torch.cat([batch["image"] for batch in loader])
    np.testing.assert_array_equal(images.numpy(), [store.image(k) for k in range(len(store))])


def test_pickled_store_reads_the_same(tmp_path):
    store = _write(tmp_path / "a.zarr")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).image(2), store.image(2))


def test_statistics_are_of_the_splits_valid_pixels(tmp_path):
    store = _write(tmp_path / "a.zarr")
    chips = [_chip(k) for k in (0, 4, 8)]
    values = np.concatenate([image[:, valid & (mask != 0)] for image, mask, valid in chips], axis=1)
    found = store.statistics("train")
    np.testing.assert_allclose(found.mean, values.mean(axis=1))
    np.testing.assert_allclose(found.std, values.std(axis=1))
    np.testing.assert_array_equal(found.median, np.median(values, axis=1))


def test_cut_short_is_refused_and_replaced(tmp_path):
    path = tmp_path / "a.zarr"
    writer = ChipWriter(path, channels=2, size=SIZE, dtype="int16", bands="ab", classes=CLASSES)
    del writer  # as a killed process would leave it
    with pytest.raises(ChipError, match="cut short"):
        ChipStore.open(path)
    layout.part_path(path).rename(path)
    with pytest.raises(ChipError, match="incomplete"):
        ChipStore.open(path)
    assert len(_write(path, overwrite=True)) == 11
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_error_while_writing_leaves_nothing(tmp_path):
    with (
        pytest.raises(ChipError, match="this store holds"),
        ChipWriter(tmp_path / "a.zarr", channels=1, size=2, dtype="uint8", bands="a") as writer,
    ):
        writer.add(
            np.zeros((2, 2, 2), "uint8"),
            crs="EPSG:4326", transform=(1, 0, 0, 0, -1, 0), source="s", row=0, col=0,
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def _write_many(path):
    with ChipWriter(path, channels=1, size=40, dtype="uint8", bands=["red"]) as writer:
        for k in range(400):
            image = np.full((1, 40, 40), k % 99 + 1, np.uint8)
            writer.add(image, crs="", transform=(1, 0, 0, 0, -1, 0), source="a", row=k, col=0)


def test_a_store_for_which_there_is_no_room_is_refused_and_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource", reason="Windows limits no files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, limits[1]))
    try:
        with pytest.raises(WriteError, match=r"cannot write .*chips\.zarr"):
            _write_many(tmp_path / "chips.zarr")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_overwriting_needs_leave_and_spares_what_is_no_store(tmp_path):
    _write(tmp_path / "a.zarr", count=3)
    with pytest.raises(WriteError, match="overwrite"):
        _write(tmp_path / "a.zarr")
    assert len(_write(tmp_path / "a.zarr", count=4, overwrite=True)) == 4
    (tmp_path / "photos").mkdir()
    with pytest.raises(WriteError, match="not a chip store"):
        _write(tmp_path / "photos", overwrite=True)
    with pytest.raises(ChipError, match="not a chip store"):
        ChipStore.open(tmp_path / "photos")


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damage_is_reported_not_returned(tmp_path, damage):
    _write(tmp_path / "a.zarr")
    [file] = [p for p in (tmp_path / "a.zarr" / "image" / "c").rglob("*") if p.is_file()]
    data = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(data[:100])
    else:
        data[:16] = b"\xff" * 16
        file.write_bytes(data)
    with pytest.raises(ChipError, match=r"cut short|damaged"):
        ChipStore.open(tmp_path / "a.zarr").image(0)


def test_questions_that_have_no_answer(tmp_path):
    store = _write(tmp_path / "a.zarr", count=1)
    with pytest.raises(ChipError, match="no chip in split 'val'"):
        store.dataset("val")
    with pytest.raises(ChipError, match="did you mean 'train'"):
        store.statistics("trian")
    with pytest.raises(IndexError):
        store.image(1)
    with (
        pytest.raises(ChipError, match="no chip was added"),
        ChipWriter(tmp_path / "b.zarr", channels=1, size=2, dtype="uint8", bands="a"),
    ):
        pass
