"""Images in the rows of HDF5 arrays, compared with h5py's own; and files that point elsewhere."""

from __future__ import annotations

import builtins
import tempfile
from pathlib import Path

import numpy as np
import pytest

from geoloom.core.errors import MissingExtraError, ReadError
from geoloom.io.pictures.hdf5 import hdf5_arrays, hdf5_info, read_hdf5
from geoloom.testing.trials import Tally, run_trials

h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'geoloom[hdf5]'")


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 4000, (7, 5, 6, 3)).astype("uint16")


@pytest.fixture
def path(tmp_path, values):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["sen2"] = values
        file["group/last"] = values.astype(">f4").transpose(0, 3, 1, 2)
        file["label"] = np.eye(7)
        file["names"] = np.array(["a", "b"], object)
        file["one"] = values[0, ..., 0]
    return tmp_path / "a.h5"


@pytest.mark.parametrize("name", ["sen2", "group/last"])
def test_rows_in_any_order(path, values, name):
    info = hdf5_info(path, name, axes="NHWC" if name == "sen2" else "NCHW")
    assert (info.count, info.shape) == (7, (3, 5, 6))
    assert info.dtype == ("uint16" if name == "sen2" else "float32")
    found = read_hdf5(info, [6, 0, 6, 3])
    np.testing.assert_array_equal(found, values[[6, 0, 6, 3]].transpose(0, 3, 1, 2))
    assert found.dtype == info.dtype
    assert found.dtype.isnative


def test_one_image_without_bands(path, values):
    info = hdf5_info(path, "one", axes="HW")
    assert (info.count, info.shape) == (1, (1, 5, 6))
    np.testing.assert_array_equal(read_hdf5(info, [0])[0, 0], values[0, ..., 0])


def test_lists_the_arrays_of_numbers(path):
    assert hdf5_arrays(path) == {
        "sen2": (7, 5, 6, 3),
        "group/last": (7, 3, 5, 6),
        "label": (7, 7),
        "one": (5, 6),
    }


def test_what_does_not_fit_is_named(path, tmp_path):
    for name, axes, why in (
        ("sen1", "NHWC", "has no array 'sen1'; did you mean 'sen2'"),
        ("sen2", "NHW", "has 4 dimensions"),
        ("sen2", "NHHC", "axes is 'NHHC'"),
        ("names", "HW", "holds object"),
        ("group", "NHWC", "has no array 'group'"),
    ):
        with pytest.raises(ReadError, match=why):
            hdf5_info(path, name, axes=axes)
    with pytest.raises(ReadError, match="has rows 0 to 6, not 7"):
        read_hdf5(hdf5_info(path, "sen2", axes="NHWC"), [0, 7])
    (tmp_path / "b.h5").write_bytes(b"none")
    with pytest.raises(ReadError, match="not an HDF5 file, or is damaged"):
        hdf5_arrays(tmp_path / "b.h5")


def test_a_file_that_was_replaced_is_noticed(path, values):
    info = hdf5_info(path, "sen2", axes="NHWC")
    with h5py.File(path, "w") as file:
        file["sen2"] = values[:, :4]
    with pytest.raises(ReadError, match="by now"):
        read_hdf5(info, [0])


def test_nothing_outside_the_file_is_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"0123456789ab")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones((3, 4), "uint8")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        file["group/link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/")
        file.create_dataset("raw", (3, 4), "uint8", external=[(str(secret), 0, 12)])
        layout = h5py.VirtualLayout((3, 4), "uint8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3, 4))
        file.create_virtual_dataset("virtual", layout)
    for name, why in (
        ("link", r"link to .*other\.h5"),
        ("group/link/x", r"link to .*other\.h5"),
        ("raw", "lie in other files"),
        ("virtual", "lie in other files"),
    ):
        with pytest.raises(ReadError, match=why):
            hdf5_info(tmp_path / "a.h5", name, axes="HW")


def test_small_files_that_claim_much_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape = 10, 100_000, 100_000
        file.create_dataset("row", shape, "float32", chunks=(1, 100, 100), compression="gzip")
        file.create_dataset("block", (10, 9, 9), "float32", chunks=(10, 9, 9))
        file.create_dataset("chunk", (1 << 20, 9, 9), "float32", chunks=(1 << 20, 9, 9))
    assert hdf5_info(tmp_path / "a.h5", "block", axes="NHW").count == 10
    for name in ("row", "chunk"):
        with pytest.raises(ReadError, match="cannot hold"):
            hdf5_info(tmp_path / "a.h5", name, axes="NHW")


def test_a_missing_library_names_its_extra(path, monkeypatch):
    def refuse(name, *others, **more):
        if name == "h5py":
            raise ImportError(name)
        return real(name, *others, **more)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'geoloom\[hdf5\]'"):
        hdf5_arrays(path)


def damaged(seed: int) -> str:
    rng = np.random.default_rng(seed)
    path = Path(tempfile.gettempdir()) / f"geoloom-hostile-{seed}.h5"
    try:
        with h5py.File(path, "w") as file:
            rows = rng.integers(0, 99, (5, 4, 4, 3)).astype("uint16")
            file.create_dataset("x", data=rows, chunks=(2, 4, 4, 3), compression="gzip")
        data = bytearray(path.read_bytes())
        for _ in range(rng.integers(1, 8)):
            data[rng.integers(len(data))] = rng.choice([0, 1, 127, 255, rng.integers(256)])
        path.write_bytes(data[: rng.integers(1, 2 * len(data))])
        names = hdf5_arrays(path)
        return str([read_hdf5(hdf5_info(path, name, axes="NHWC"), [0, 4]).sum() for name in names])
    finally:
        path.unlink()


def test_damaged_files_crash_nothing_and_take_no_memory():
    tally = Tally.of(run_trials(damaged, range(150), seconds=20, memory_bytes=256 << 20))
    assert not tally.failures, tally.report()
