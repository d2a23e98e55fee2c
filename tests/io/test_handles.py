"""Handles: one a file, thread and process; bounded; renewed when the file changes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.io.access import handles
from geoloom.io.access.handles import HANDLES_PER_THREAD, close_handles, open_handle
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing.ramps import write_raster

GRID = GeoBox((64, 64), Affine(30, 0, 500_000, 0, -30, 8_000_000), "EPSG:32720")
VALUES = np.random.default_rng(0).integers(0, 255, (2, 64, 64)).astype("uint8")


@pytest.fixture
def path(tmp_path):
    yield str(write_raster(tmp_path / "a.tif", VALUES, GRID))
    close_handles()


def test_a_thread_keeps_its_handle(path):
    assert open_handle(path) is open_handle(path)


def test_threads_share_none(path):
    ours = open_handle(path)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(open_handle, path).result()
    assert theirs is not ours


def test_a_thread_that_ends_lets_go(path):
    before = len(handles._RACKS)
    thread = threading.Thread(target=open_handle, args=(path,))
    thread.start()
    thread.join()
    assert len(handles._RACKS) <= before


def test_no_more_than_the_bound_stay_open(tmp_path):
    paths = [
        str(write_raster(tmp_path / f"{i}.tif", VALUES[:, :2, :2], GRID[:2, :2]))
        for i in range(HANDLES_PER_THREAD + 3)
    ]
    close_handles()
    opened = [open_handle(path) for path in paths]
    assert sum(not handle.closed for handle in opened) == HANDLES_PER_THREAD
    assert opened[0].closed
    assert not opened[-1].closed
    close_handles()
    assert all(handle.closed for handle in opened)


def test_a_replaced_file_is_opened_again(path):
    before = open_handle(path)
    write_raster(path, VALUES[:1] + 1, GRID)
    os.utime(path, ns=(1, 1))
    after = open_handle(path)
    assert after is not before
    assert before.closed
    np.testing.assert_array_equal(read(path).values, VALUES[:1] + 1)


def test_many_threads_read_rightly(path):
    """One handle shared by threads fails here within a few reads."""
    header = read_header(path)
    other = GeoBox((32, 32), Affine(29, 0, 500_100, 0, -29, 7_999_900), "EPSG:32720")
    expected = read(header, other).values

    def work(_):
        copied = np.array_equal(read(header).values, VALUES)
        return copied and np.array_equal(read(header, other).values, expected)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(120)))


def child(path, header, results):
    results.put((open_handle(path).closed, bool(np.array_equal(read(header).values, VALUES))))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_child_process_opens_its_own(path, start):
    header, ours = read_header(path), open_handle(path)
    context = multiprocessing.get_context(start)
    results = context.SimpleQueue()
    process = context.Process(target=child, args=(path, header, results))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert results.get() == (False, True)
    assert not ours.closed
    np.testing.assert_array_equal(read(header).values, VALUES)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_an_inherited_handle_is_neither_used_nor_closed(path):
    ours = open_handle(path)
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        mine = open_handle(path)
        os.write(send, b"1" if mine is not ours and not ours.closed else b"0")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(receive, 1) == b"1"
    os.close(receive)
    os.close(send)


def test_threads_keep_no_more_handles_than_descriptors_allow(tmp_path):
    """Eight threads that each read 40 files through GDAL, where the process may have 96 open."""
    code = f"""
        import resource
        from concurrent.futures import ThreadPoolExecutor
        from affine import Affine
        import numpy as np
        from odc.geo.geobox import GeoBox
        from geoloom.io.raster import read
        from geoloom.testing.ramps import write_raster
        grid = GeoBox((4, 4), Affine(30, 0, 5e5, 0, -30, 9e6), "EPSG:32622")
        for number in range(320):
            write_raster(r"{tmp_path}/" + f"{{number}}.tif", np.full((1, 4, 4), number, "int16"), grid)
        resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
        def total(first):
            names = [r"{tmp_path}/" + f"{{n}}.tif" for n in range(first, first + 40)]
            return sum(int(read(name, engine="gdal").values[0, 0, 0]) for name in names)
        with ThreadPoolExecutor(8) as pool:
            print(sum(pool.map(total, range(0, 320, 40))))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == str(sum(range(320))), done.stderr[-500:]
