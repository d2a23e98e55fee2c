"""What disks, transfers and attackers do to a chip store is an error, never pixels or places."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import zarr

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.chips.zarr import layout
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError

SIZE = (20, 30)
COUNT = 9


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(layout, "MAX_CHIPS_PER_SHARD", 4)


def write(path, compress="none"):
    rng = np.random.default_rng(1)
    with ChipWriter(
        path, channels=2, size=SIZE, dtype="uint16", bands=["red", "nir"], compress=compress,
        classes=Classes.of(["forest", "water"]),
    ) as writer:  # fmt: skip
        for k in range(COUNT):
            writer.add(
                rng.integers(1, 9999, (2, *SIZE)).astype("uint16"),
                rng.integers(1, 3, SIZE).astype("uint8"),
                rng.random(SIZE) < 0.9,
                crs="EPSG:32621", transform=(30, 0, 100 * k, 0, -30, 5000), source="s", row=k, col=0,
            )  # fmt: skip
    return path


def read_all(path):
    store = ChipStore.open(path)
    store.dataset().__getitems__(list(range(len(store))))
    return store


def shards(path, plane):
    return sorted(p for p in (path / plane / "c").rglob("*") if p.is_file())


@pytest.mark.parametrize("plane", ["image", "mask", "valid", "observed"])
def test_a_lost_shard_is_no_shard_of_zeros(tmp_path, plane):
    path = write(tmp_path / "a.zarr")
    shards(path, plane)[1].unlink()
    with pytest.raises(ChipError, match=f"{plane}.c.1.*lost or cut short"):
        ChipStore.open(path)


@pytest.mark.parametrize("compress", list(layout.CODECS))
def test_no_flipped_bit_gives_other_pixels(tmp_path, compress):
    path = write(tmp_path / "a.zarr", compress)
    file = shards(path, "image")[0]
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        data = bytearray(whole)
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        file.write_bytes(data)
        with pytest.raises(ChipError, match=r"image.c.0.* damaged"):
            read_all(path)
    file.write_bytes(whole)
    read_all(path)


def test_zarr_sees_the_same_checksums(tmp_path):
    path = write(tmp_path / "a.zarr")
    file = shards(path, "image")[0]
    data = bytearray(file.read_bytes())
    data[100] ^= 4
    file.write_bytes(data)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(path, mode="r")["image"][0]


def test_shards_of_equal_size_in_each_others_place_are_noticed(tmp_path):
    path = write(tmp_path / "a.zarr")
    one, two, _ = shards(path, "image")
    first, second = one.read_bytes(), two.read_bytes()
    assert len(first) == len(second)
    one.write_bytes(second)
    two.write_bytes(first)
    with pytest.raises(ChipError, match="checksum differs"):
        read_all(path)


@pytest.mark.parametrize("column", ["transform", "row", "split", "source"])
def test_a_damaged_or_lost_column_moves_no_chip(tmp_path, column):
    path = write(tmp_path / "a.zarr")
    [file] = shards(path, column) or [None]
    assert file is not None, "a column of zeros alone is written as well"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ChipError, match=f"{column}.*damaged"):
        ChipStore.open(path)
    file.unlink()
    with pytest.raises(ChipError, match=f"{column}.*cannot be read"):
        ChipStore.open(path)


def test_a_flipped_bit_in_a_crs_or_a_class_moves_no_chip(tmp_path):
    path = write(tmp_path / "a.zarr")
    file = path / "zarr.json"
    text = file.read_text()
    for old, new in (("EPSG:32621", "EPSG:32620"), ('"forest"', '"fosest"')):
        file.write_text(text.replace(old, new))
        with pytest.raises(ChipError, match="not those that were written"):
            ChipStore.open(path)


def test_what_a_user_notes_in_a_store_does_no_harm(tmp_path):
    path = write(tmp_path / "a.zarr")
    zarr.open_group(path, mode="r+").attrs["note"] = "from the field"
    assert len(read_all(path)) == COUNT


@pytest.mark.parametrize("shape", [(COUNT, 2, 40, 30), (COUNT, 4, 20, 30), (COUNT + 1, 2, 20, 30)])
@pytest.mark.parametrize("compress", ["none", "lz4"])
def test_a_shape_that_lies_gives_no_memory_of_others(tmp_path, shape, compress):
    path = write(tmp_path / "a.zarr", compress)
    file = path / "image" / "zarr.json"
    content = json.loads(file.read_text())
    content["shape"] = shape
    file.write_text(json.dumps(content))
    with pytest.raises(ChipError, match="damaged"):
        ChipStore.open(path).image(0)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "null",
        "[]",
        '{"attributes": 7}',
        '{"attributes": {"format": ["geoloom-chips"]}}',
    ],
)
@pytest.mark.parametrize("file", ["zarr.json", "image/zarr.json", "row/zarr.json"])
def test_metadata_of_any_kind_is_refused_in_words(tmp_path, text, file):
    path = write(tmp_path / "a.zarr")
    (path / file).write_text(text)
    with pytest.raises(ChipError):
        ChipStore.open(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "2"),
        ("version", None),
        ("bands", 7),
        ("sources", []),
        ("crs", {}),
        ("outputs", [1]),
        ("labels", "masks"),
    ],
)
def test_attributes_of_wrong_types_are_refused_in_words(tmp_path, key, value):
    path = write(tmp_path / "a.zarr")
    file = path / "zarr.json"
    content = json.loads(file.read_text())
    content["attributes"][key] = value
    if hasattr(layout, "seal"):
        content["attributes"]["seal"] = layout.seal(content["attributes"])
    file.write_text(json.dumps(content))
    with pytest.raises(ChipError):
        ChipStore.open(path)


def test_a_folder_may_have_a_hash_in_its_name(tmp_path):
    folder = tmp_path / "run #3"
    folder.mkdir()
    path = write(folder / "a.zarr")
    assert len(read_all(path)) == COUNT
    shutil.copytree(path, folder / "b#2.zarr")
    assert len(read_all(folder / "b#2.zarr")) == COUNT
    with pytest.raises(ChipError, match="no chip in split 'train'"):
        ChipStore.open(f"{path}#train")
    with pytest.raises(ChipError, match="did you mean 'train'"):
        ChipStore.open(f"{path}#trian")
    with pytest.raises(ChipError, match=r"no chip store at .*c.zarr"):
        ChipStore.open(folder / "c.zarr")


def test_chips_are_read_where_the_system_has_no_positional_reads(tmp_path, monkeypatch):
    path = write(tmp_path / "a.zarr")
    before = [ChipStore.open(path).image(k) for k in range(COUNT)]
    for name in ("pread", "preadv"):
        monkeypatch.delattr(os, name)
    np.testing.assert_array_equal([read_all(path).image(k) for k in range(COUNT)], before)


def test_chips_of_absurd_size_are_refused_before_memory_is_asked_for(tmp_path):
    with pytest.raises(ChipError, match="choose a smaller size"):
        ChipWriter(tmp_path / "a.zarr", channels=4, size=200_000, dtype="uint16", bands="abcd")
    assert not list(tmp_path.iterdir())


def test_a_kill_at_the_beginning_does_not_stand_in_the_way(tmp_path):
    """As a killed run leaves it: a folder that is begun and says nothing yet."""
    for name in (layout.part_path(tmp_path / "a.zarr"), tmp_path / ".a.zarr.part"):
        name.mkdir(exist_ok=True)
    assert len(read_all(write(tmp_path / "a.zarr"))) == COUNT
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_a_kill_between_the_two_renames_costs_no_store(tmp_path):
    path = write(tmp_path / "a.zarr")
    old = tmp_path / ".a.zarr.part.old"
    path.rename(old)
    with pytest.raises(ChipError, match="the store that was there is whole"):
        ChipStore.open(path)
    with pytest.raises(OSError, match="exists"):
        write(path)
    writer = ChipWriter(path, channels=1, size=2, dtype="uint8", bands="a", overwrite=True)
    assert len(ChipStore.open(path)) == COUNT, "the earlier store has its name again"
    writer.abandon()
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_two_writers_of_one_store_exclude_each_other(tmp_path):
    import threading

    refusals = []

    def second():
        try:
            ChipWriter(tmp_path / "a.zarr", channels=1, size=2, dtype="uint8", bands="a").abandon()
        except OSError as error:
            refusals.append(str(error))

    first = ChipWriter(tmp_path / "a.zarr", channels=1, size=2, dtype="uint8", bands="a")
    thread = threading.Thread(target=second)
    thread.start()
    thread.join()
    first.abandon()
    assert refusals
    assert "is being written by process" in refusals[0]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_refusal_that_leaves_nothing(tmp_path, monkeypatch):
    import errno

    from geoloom.chips.zarr.shard_writer import ShardFiles

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ShardFiles, "_write", full)
    with pytest.raises(OSError, match="the disk is full") as refusal:
        write(tmp_path / "a.zarr")
    assert type(refusal.value).__name__ == "WriteError"
    assert not list(tmp_path.iterdir())
