"""Rows of HDF5 arrays: equal to h5py's, however the array lies in the file, in threads and in forks."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

from geoloom.core.errors import ReadError
from geoloom.io.pictures import hdf5_rows
from geoloom.io.pictures.hdf5_rows import read_rows, row_count

LAYOUTS = {
    "in one piece": {},
    "in chunks of a row": {"chunks": (1, 4, 5)},
    "in chunks across rows, packed": {"chunks": (3, 2, 5), "compression": "gzip"},
    "with checksums": {"chunks": (2, 4, 5), "fletcher32": True},
}
VALUES = np.arange(7 * 4 * 5).reshape(7, 4, 5)


@pytest.fixture(params=LAYOUTS)
def file(request, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as opened:
        opened.create_dataset("x", data=VALUES.astype(">f8"), **LAYOUTS[request.param])
        opened.create_dataset("group/y", data=VALUES.astype("u2"), **LAYOUTS[request.param])
    return str(path)


def test_rows_are_those_of_the_array(file):
    assert row_count(file, "x") == 7
    rows = [6, 0, 3, 3]
    np.testing.assert_array_equal(read_rows(file, "x", rows), VALUES[rows])
    np.testing.assert_array_equal(read_rows(file, "x", range(2, 6)), VALUES[2:6])
    assert read_rows(file, "x", range(0)).shape == (0, 4, 5)
    answer = read_rows(file, "group/y", range(7))
    assert answer.dtype == np.uint16
    np.testing.assert_array_equal(answer, VALUES)


def test_threads_read_at_once(file):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda row: read_rows(file, "x", [row % 7])[0], range(200)))
    np.testing.assert_array_equal(answers, [VALUES[row % 7] for row in range(200)])


def _sums(file, rows):
    return [float(read_rows(file, "x", [row]).sum()) for row in rows]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_looks_for_itself(file):
    assert _sums(file, range(7)) == VALUES.sum(axis=(1, 2)).tolist()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = [pool.apply_async(_sums, (file, range(7))) for _ in range(4)]
        assert all(a.get(timeout=60) == VALUES.sum(axis=(1, 2)).tolist() for a in answers)


def test_a_file_that_was_replaced_is_looked_into_anew(file, tmp_path):
    assert row_count(file, "x") == 7
    with h5py.File(tmp_path / "b.h5", "w") as opened:
        opened["x"] = VALUES[:2] + 1
    (tmp_path / "b.h5").replace(file)
    np.testing.assert_array_equal(read_rows(file, "x", [1]), VALUES[1:2] + 1)
    with pytest.raises(ReadError, match="has rows 0 to 1, not 5"):
        read_rows(file, "x", [5])


def test_few_files_stay_open(tmp_path):
    for number in range(30):
        with h5py.File(tmp_path / f"{number}.h5", "w") as opened:
            opened.create_dataset("x", data=VALUES, chunks=(1, 4, 5))
        read_rows(str(tmp_path / f"{number}.h5"), "x", [0])
    assert len(hdf5_rows._OPEN) <= 16


def test_files_that_are_cut_off_are_damaged(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as opened:
        opened.create_dataset("x", data=np.random.default_rng(0).random((50, 40, 5)))
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ReadError):
            read_rows(str(path), "x", range(50))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"nothing\.h5"):
        read_rows(str(tmp_path / "nothing.h5"), "x", [0])
    with h5py.File(tmp_path / "a.h5", "w") as opened:
        opened["sen1"] = VALUES
    with pytest.raises(ReadError, match="has no array 'sen2'"):
        read_rows(str(tmp_path / "a.h5"), "sen2", [0])
