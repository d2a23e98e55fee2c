"""Batches of chips: equal to what zarr reads, in every compression, type, process and thread."""

from __future__ import annotations

import json
import multiprocessing
import threading

import numpy as np
import pytest
import torch
import zarr
from torch.utils.data import DataLoader, Subset

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.chips.zarr import layout
from geoloom.chips.zarr.layout import CODECS
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError
from geoloom.datasets.loader import loader

# Codes in no order, 0 among them: positions cannot be had by adding a number.
CLASSES = Classes.of(["water", "forest", "city"], codes=[9, 0, 200])
SIZE = (40, 30)
COUNT = 23


def write(path, dtype="uint16", compress="none", classes=CLASSES, count=COUNT, mask_dtype=None):
    """Chips of noise; every third is observed throughout, every fourth not at all."""
    rng = np.random.default_rng(5)
    with ChipWriter(
        path, channels=3, size=SIZE, dtype=dtype, bands="rgb", classes=classes,
        mask_dtype=mask_dtype, compress=compress,
    ) as writer:  # fmt: skip
        for k in range(count):
            valid = (
                rng.random(SIZE) < (1.0 if k % 3 == 0 else 0.7) if k % 4 else np.zeros(SIZE, bool)
            )
            writer.add(
                rng.integers(0, 250, (3, *SIZE)).astype(dtype),
                rng.choice([9, 0, 200, 77], SIZE).astype("uint8"),
                valid,
                crs=f"EPSG:{32614 + k % 2}",
                transform=(30, k, 100 * k, 1, -30, 5000),
                source="s",
                row=k,
                col=0,
            )
    return ChipStore.open(path)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(layout, "MAX_CHIPS_PER_SHARD", 5)


def by_zarr(store):
    """The arrays as zarr-python has them, and the classes' positions by hand."""
    group = zarr.open_group(store.path, mode="r")
    found = {name: group[name][...] for name in ("image", "mask", "valid", "observed")}
    codes = found["mask"]
    positions = np.zeros(codes.shape, np.int64)
    for position, code in enumerate([9, 0, 200]):
        positions[codes == code] = position
    return found, positions


@pytest.mark.parametrize("compress", list(CODECS))
@pytest.mark.parametrize(
    ("dtype", "native"),
    [
        ("uint8", torch.uint8),
        ("int16", torch.int16),
        ("uint16", torch.float32),
        ("uint32", torch.int64),
        ("float32", torch.float32),
        ("float64", torch.float64),
    ],
)
def test_batches_are_what_zarr_reads(tmp_path, compress, dtype, native):
    store = write(tmp_path / "a.zarr", dtype, compress)
    stored, positions = by_zarr(store)
    chosen = np.random.default_rng(0).permutation(COUNT)
    batches = list(loader(store.dataset(indices=chosen), batch_size=9))
    assert [len(batch["image"]) for batch in batches] == [9, 9, 5]
    at = np.split(chosen, [9, 18])
    for batch, chips in zip(batches, at, strict=True):
        assert batch["image"].dtype == native
        np.testing.assert_array_equal(batch["image"].numpy(), stored["image"][chips])
        assert batch["mask"].dtype == torch.int64
        np.testing.assert_array_equal(batch["mask"].numpy(), positions[chips])
        for name in ("valid", "observed"):
            assert batch[name].dtype == torch.bool
            np.testing.assert_array_equal(batch[name].numpy(), stored[name][chips])
        assert batch["crs"] == [f"EPSG:{32614 + k % 2}" for k in chips]
        for k, transform, bounds in zip(chips, batch["transform"], batch["bounds"], strict=True):
            assert transform.tolist() == [30, k, 100 * k, 1, -30, 5000]
            # Corners by hand: x = 30 col + k row + 100 k, y = col - 30 row + 5000.
            xs = [30 * c + k * r + 100 * k for c in (0, 30) for r in (0, 40)]
            ys = [c - 30 * r + 5000 for c in (0, 30) for r in (0, 40)]
            assert bounds.tolist() == [min(xs), min(ys), max(xs), max(ys)]


@pytest.mark.parametrize(
    ("asked", "dtype"),
    [("native", torch.float32), ("stored", torch.uint16), ("float32", torch.float32)],
)
@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_types_on_request(tmp_path, asked, dtype, compress):
    store = write(tmp_path / "a.zarr", "uint16", compress)
    stored, _ = by_zarr(store)
    dataset = store.dataset(dtype=asked, labels="codes")
    for samples in (dataset.__getitems__(list(range(COUNT))), [dataset[k] for k in range(COUNT)]):
        assert samples[0]["image"].dtype == dtype
        images = np.stack([sample["image"].numpy() for sample in samples])
        np.testing.assert_array_equal(images, stored["image"])
        masks = np.stack([sample["mask"].numpy() for sample in samples])
        np.testing.assert_array_equal(masks, stored["mask"])


def test_a_batch_is_one_piece_of_memory(tmp_path):
    samples = write(tmp_path / "a.zarr").dataset().__getitems__([4, 2, 9])
    for name in ("image", "mask", "valid", "observed", "transform", "bounds"):
        homes = {sample[name].untyped_storage().data_ptr() for sample in samples}
        assert len(homes) == 1, name


def test_samples_live_on_when_the_next_batch_is_read(tmp_path):
    dataset = write(tmp_path / "a.zarr").dataset()
    stored, _ = by_zarr(dataset.store)
    samples = [dataset.__getitems__([k, k + 1])[1] for k in range(20)]
    for k, sample in enumerate(samples):
        np.testing.assert_array_equal(sample["image"].numpy(), stored["image"][k + 1])


def test_views_subsets_and_positions_from_the_end(tmp_path):
    store = write(tmp_path / "a.zarr")
    stored, _ = by_zarr(store)
    dataset = store.dataset(indices=[7, 3, 11])
    np.testing.assert_array_equal(dataset[-1]["image"].numpy(), stored["image"][11])
    with pytest.raises(IndexError):
        dataset[3]
    assert len(list(dataset)) == 3
    [batch] = loader(Subset(dataset, [2, 0]), batch_size=2)
    np.testing.assert_array_equal(batch["image"].numpy(), stored["image"][[11, 7]])


@pytest.mark.parametrize(
    ("method", "compress"), [("fork", "none"), ("fork", "lz4"), ("spawn", "lz4")]
)
def test_workers_after_the_parent_has_read(tmp_path, method, compress, monkeypatch):
    # Chips of several of blosc's blocks, so that its own threads have run before the fork.
    monkeypatch.setattr(f"{__name__}.SIZE", (400, 300))
    store = write(tmp_path / "a.zarr", compress=compress, count=12)
    dataset = store.dataset()
    before = dataset.__getitems__(list(range(12)))
    dataset[0]
    batches = DataLoader(
        dataset, batch_size=4, num_workers=2 if method == "fork" else 1,
        multiprocessing_context=multiprocessing.get_context(method),
    )  # fmt: skip
    images = torch.cat([batch["image"] for batch in batches])
    assert torch.equal(images, torch.stack([sample["image"] for sample in before]))
    np.testing.assert_array_equal(images.numpy(), by_zarr(store)[0]["image"])


@pytest.mark.parametrize("compress", list(CODECS))
def test_threads_share_a_dataset(tmp_path, compress):
    dataset = write(tmp_path / "a.zarr", compress=compress).dataset()
    stored, positions = by_zarr(dataset.store)
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(40):
            chips = rng.integers(0, COUNT, 7)
            for k, sample in zip(chips, dataset.__getitems__(chips), strict=True):
                same = np.array_equal(sample["image"].numpy(), stored["image"][k])
                if not (same and np.array_equal(sample["mask"].numpy(), positions[k])):
                    wrong.append(k)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_file_stays_open(tmp_path):
    from pathlib import Path

    open_files = Path("/proc/self/fd")
    if not open_files.is_dir():
        pytest.skip("the system does not say which files are open")
    dataset = write(tmp_path / "a.zarr").dataset()
    dataset.__getitems__(list(range(COUNT)))
    names = [str(link.resolve()) for link in open_files.iterdir()]
    assert not [name for name in names if "a.zarr" in name]


@pytest.mark.parametrize("compress", ["none", "lz4"])
def test_damage_is_an_error_in_every_thread(tmp_path, compress):
    store = write(tmp_path / "a.zarr", compress=compress)
    [file] = [p for p in (store.path / "image" / "c" / "1").rglob("*") if p.is_file()]
    data = bytearray(file.read_bytes())
    data[-4 - 16 * 5 : -4] = np.array([[1 << 40, 99]] * 5, "<u8").tobytes()
    file.write_bytes(data)
    store = ChipStore.open(store.path)
    store.dataset().__getitems__([0, 1, 20])
    with pytest.raises(ChipError, match="damaged"):
        store.dataset().__getitems__(list(range(COUNT)))


@pytest.mark.parametrize("layout_number", [1, 2, 3])
def test_a_store_of_a_pre_release_is_refused(tmp_path, layout_number):
    store = write(tmp_path / "a.zarr", compress="lz4")
    file = store.path / "zarr.json"
    facts = json.loads(file.read_text())
    facts["attributes"]["version"] = layout_number
    file.write_text(json.dumps(facts))
    with pytest.raises(
        ChipError, match=f"has layout {layout_number}, expected 4: .* pre-release; cut"
    ):
        ChipStore.open(store.path)


def test_a_store_with_the_splits_of_a_pre_release_is_refused(tmp_path):
    store = write(tmp_path / "a.zarr", compress="lz4")
    file = store.path / "zarr.json"
    content = json.loads(file.read_text())
    content["attributes"]["splits"] = ["train", "test", "valid"]
    content["attributes"]["seal"] = layout.seal(content["attributes"])
    file.write_text(json.dumps(content))
    with pytest.raises(ChipError, match=r"train, test, valid.* pre-release; cut the chips again"):
        ChipStore.open(store.path)


def test_labels_without_classes_are_kept(tmp_path):
    plain = write(tmp_path / "b.zarr", classes=None, mask_dtype="int16")
    assert plain.has_labels
    assert "mask" in plain.dataset()[0]


def test_stores_without_labels_give_no_mask(tmp_path):
    with ChipWriter(tmp_path / "a.zarr", channels=1, size=2, dtype="uint8", bands="a") as writer:
        writer.add(
            np.ones((1, 2, 2), "uint8"),
            crs="EPSG:4326", transform=(1, 0, 0, 0, -1, 0), source="s", row=0, col=0,
        )  # fmt: skip
    store = ChipStore.open(tmp_path / "a.zarr")
    assert not store.has_labels
    [batch] = loader(store.dataset(), batch_size=1)
    assert "mask" not in batch
    with pytest.raises(ChipError, match="no labels"):
        store.mask(0)


def test_unknown_options_are_named(tmp_path):
    store = write(tmp_path / "a.zarr", count=1)
    with pytest.raises(ChipError, match="did you mean 'stored'"):
        store.dataset(dtype="store")
    with pytest.raises(ChipError, match="did you mean 'codes'"):
        store.dataset(labels="code")
    with pytest.raises(ChipError, match="class codes are integers"):
        write(tmp_path / "b.zarr", classes=None, mask_dtype="float32")
