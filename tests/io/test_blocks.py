"""The cache of decoded blocks: its bound, its threads, its forks."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from geoloom.io.access.handles import stamp_of
from geoloom.io.blocks import cache as blocks
from geoloom.io.blocks.cache import CACHE, BlockCache, block_at, local_tiff
from geoloom.io.blocks.codecs import Block
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read

PLACE = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}


def make(path, side=512, tile=128, count=1, seed=0, **options):
    values = np.random.default_rng(seed).integers(0, 300, (count, side, side)).astype("uint16")
    profile = {"driver": "GTiff", "height": side, "width": side, "count": count, "dtype": "uint16"}
    tiles = {"tiled": True, "blockxsize": tile, "blockysize": tile, "compress": "deflate"}
    with rasterio.open(path, "w", **profile, **PLACE, **{**tiles, **options}) as file:
        file.write(values)
    return values


@pytest.fixture
def tiff(tmp_path):
    path = tmp_path / "a.tif"
    values = make(path)
    return local_tiff(str(path), stamp_of(str(path))), values[0]


@given(asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_the_bound_is_never_exceeded_and_the_newest_stay(tiff, asked):
    mapped, values = tiff
    one = block_at(mapped, 0, 0, 0, 1, BlockCache()).nbytes
    cache = BlockCache(max_bytes=3 * one + one // 2)
    for row, col in asked:
        block = block_at(mapped, 0, row, col, 128, cache)
        np.testing.assert_array_equal(
            block.pixels[..., 0], values[row * 128 :, col * 128 :][:128, :128]
        )
        assert cache.bytes <= cache.max_bytes
        assert cache.bytes == sum(kept.nbytes for kept in cache._blocks.values())
    recent = list(dict.fromkeys(reversed(asked)))
    kept = [key[2:] for key in cache._blocks]
    # Sizes differ a little, so at least two fit.
    assert set(recent[:2]) <= set(kept)


def test_the_bound_holds_in_memory(tiff):
    """What blocks truly hold, inflaters' leftovers included, stays within what is counted for them."""
    mapped, _ = tiff
    block = block_at(mapped, 0, 0, 0, 1, BlockCache())
    used = block.pixels.nbytes + len(block._waiting) + 40_000
    assert used <= block.nbytes


def test_strips_of_few_rows_count_for_little_more_than_their_pixels(tmp_path):
    """Many files have them: counted with an inflater each, a scene would fill the cache eightfold."""
    values = make(tmp_path / "s.tif", 256, tiled=False, blockxsize=256, blockysize=4)
    mapped = local_tiff(str(tmp_path / "s.tif"), stamp_of(str(tmp_path / "s.tif")))
    cache = BlockCache(max_bytes=values.nbytes)
    kept = [block_at(mapped, 0, row, 0, 4, cache) for row in range(64)]
    assert len(cache) == 64
    np.testing.assert_array_equal(np.concatenate([b.pixels[..., 0] for b in kept]), values[0])


def memory_while_reading(path, bound, block_px):
    """Largest growth of a process's memory while four threads read all blocks, and the blocks' bytes."""
    script = Path(__file__).with_name("cache_memory.py")
    command = [sys.executable, str(script), str(path), str(bound), str(block_px)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")
@pytest.mark.parametrize(("tile", "count"), [(64, 1), (256, 5)])
def test_the_bound_holds_for_the_memory_of_a_process(tmp_path, tile, count):
    """Small blocks of which a few rows are decoded weigh by what waits beside them, large ones by pixels."""
    path, bound, room = tmp_path / "a.tif", 4 << 20, 10 << 20  # room: what threads have in hand
    make(path, side=2048, tile=tile, count=count, interleave="band", zlevel=1)
    unbound, decoded = memory_while_reading(path, 1 << 40, tile)
    assert unbound > bound + 2 * room  # so much is there to hold
    assert decoded >= 8 << 20
    used, _ = memory_while_reading(path, bound, tile)
    assert used <= bound + room


def test_it_grows_for_blocks_that_come_back_and_shrinks_for_new_ones(tiff):
    """Going round and round is worth the memory of all; then what never comes back gives it up again."""
    mapped, _ = tiff
    one = block_at(mapped, 0, 0, 0, 1, BlockCache()).nbytes
    cache = BlockCache(max_bytes=20 * one, least_bytes=2 * one)
    made = []

    def want(key):
        cache.get(key, lambda: made.append(key) or Block(mapped.image, bytes, 1 << 10, 128))

    for _ in range(6):
        for number in range(8):
            want((1, 0, 0, number))
    assert len(cache) == 8
    before = len(made)
    for number in range(8):
        want((1, 0, 0, number))
    assert len(made) == before
    for number in range(200):
        want((2, 0, 0, number))
    assert cache.room == cache.least_bytes
    assert cache.bytes <= cache.least_bytes
    assert sum(cache._dropped.values()) == cache._dropped_bytes <= cache.max_bytes


def test_a_block_larger_than_the_bound_is_read_but_not_kept(tiff):
    mapped, values = tiff
    cache = BlockCache(max_bytes=10)
    block = block_at(mapped, 0, 1, 1, 128, cache)
    np.testing.assert_array_equal(block.pixels[..., 0], values[128:256, 128:256])
    assert len(cache) == 0
    assert cache.bytes == 0


def test_resize_and_clear(tiff):
    mapped, _ = tiff
    cache = BlockCache()
    for col in range(4):
        block_at(mapped, 0, 0, col, 128, cache)
    assert len(cache) == 4
    cache.resize(cache.bytes // 2)
    assert len(cache) in (1, 2)
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


@pytest.mark.parametrize("compress", ["deflate", "zstd", "lzw"])
@given(steps=st.lists(st.integers(1, 128), min_size=1, max_size=6))
def test_a_block_decodes_as_far_as_asked_and_goes_on(tmp_path, compress, steps):
    path = tmp_path / f"{compress}.tif"
    if not path.exists():
        make(path, side=128, compress=compress, predictor=2)
    with rasterio.open(path) as file:
        expected = file.read(1)
    mapped = local_tiff(str(path), stamp_of(str(path)))
    block = block_at(mapped, 0, 0, 0, steps[0], BlockCache())
    address = block.address
    for rows in steps:
        block.need(rows)
        assert block.rows >= rows
        np.testing.assert_array_equal(block.pixels[: block.rows, :, 0], expected[: block.rows])
    assert block.address == address == block.pixels.ctypes.data


def test_deflate_stops_where_it_may(tiff):
    mapped, _ = tiff
    assert block_at(mapped, 0, 0, 0, 40, BlockCache()).rows == 64


def test_threads_that_want_one_block_decode_it_once(tiff, monkeypatch):
    mapped, values = tiff
    cache = BlockCache()
    decoded = []
    true_decode = Block._decode

    def counting(self, rows):
        decoded.append(rows)
        true_decode(self, rows)

    monkeypatch.setattr(Block, "_decode", counting)
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for row, col in rng.integers(0, 4, (50, 2)):
            block = block_at(mapped, 0, int(row), int(col), 128, cache)
            part = values[row * 128 :, col * 128 :][:128, :128]
            if not np.array_equal(block.pixels[..., 0], part):
                wrong.append((row, col))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(decoded) == 16


def test_a_replaced_file_is_laid_out_again(tmp_path):
    path = tmp_path / "a.tif"
    before = make(path, seed=1)
    header = read_header(path)
    np.testing.assert_array_equal(read(header, engine="direct").values, before)
    make(tmp_path / "b.tif", seed=2, compress="zstd")
    os.replace(tmp_path / "b.tif", path)
    with rasterio.open(path) as file:
        after = file.read()
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(read(path, engine="direct").values, after)


def test_the_oldest_layouts_are_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "LAYOUT_BYTES", 0)
    for number in range(6):
        path = str(tmp_path / f"{number}.tif")
        make(path, side=32, tile=32)
        local_tiff(path, stamp_of(path))
    assert len(blocks._LAYOUTS) == 1
    assert blocks._held_bytes == blocks._weight(*[layout for _, layout in blocks._LAYOUTS.values()])


def _read_in_child(path, expected, queue):
    wrong = 0
    for top in range(0, 448, 64):
        header = read_header(path)
        got = read(header, header.grid[top : top + 64, 30:200]).values
        wrong += not np.array_equal(got, expected[:, top : top + 64, 30:200])
    queue.put((wrong, CACHE.bytes <= CACHE.max_bytes))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_read_right_also_while_a_thread_of_the_parent_holds_the_locks(tmp_path, method):
    path = tmp_path / "a.tif"
    expected = make(path, count=2, interleave="band")
    header = read_header(path)
    read(header)
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            CACHE.clear()
            read(header, header.grid[:256, :256])

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        children = [
            context.Process(target=_read_in_child, args=(path, expected, queue)) for _ in range(3)
        ]
        for child in children:
            child.start()
        answers = [queue.get(timeout=50) for _ in children]
        for child in children:
            child.join()
    finally:
        stop.set()
        thread.join()
    assert answers == [(0, True)] * 3
