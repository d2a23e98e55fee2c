"""What the compiled loop sees of files is what Python sees."""

import os

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import ReadError
from geoloom.io.access.handles import stamp_of
from geoloom.io.blocks.cache import Watch, local_tiff
from geoloom.io.loops import file_status as status
from geoloom.io.loops.file_status import ASKS, all_as_noted
from geoloom.testing.ramps import write_raster

GRID = GeoBox((64, 64), Affine(10, 0, 5e5, 0, -10, 5e6), "EPSG:32633")


def noted(*paths):
    """The columns that the loop takes, and the memory that holds the paths."""
    names = [np.frombuffer(os.fsencode(path) + b"\0", np.uint8) for path in paths]
    stats = [path.stat() for path in paths]
    return names, (
        np.array([name.ctypes.data for name in names]),
        np.array([status.st_size for status in stats]),
        np.array([status.st_mtime_ns for status in stats]),
    )


@pytest.fixture
def paths(tmp_path):
    found = [tmp_path / "a", tmp_path / "Öst", tmp_path / "c"]
    for number, path in enumerate(found):
        path.write_bytes(bytes(number + 1))
    os.utime(found[0], ns=(0, -1_500_000_001))  # before 1970
    os.utime(found[1], ns=(0, (1 << 33) * 1_000_000_000 + 999_999_999))
    return found


@pytest.mark.skipif(not ASKS, reason="this system has no statx")
class TestLoop:
    def test_files_that_are_as_they_were_are_all_right(self, paths):
        names, columns = noted(*paths)
        assert all_as_noted(*columns)
        del names

    @pytest.mark.parametrize("which", [0, 1, 2])
    @pytest.mark.parametrize("change", ["longer", "touched", "gone"])
    def test_a_change_of_any_is_seen(self, paths, which, change):
        names, columns = noted(*paths)
        path = paths[which]
        before = path.stat()
        if change == "gone":
            path.unlink()
        elif change == "longer":
            path.write_bytes(bytes(99))
            os.utime(path, ns=(0, before.st_mtime_ns))
        else:
            os.utime(path, ns=(0, before.st_mtime_ns + 1))
        assert not all_as_noted(*columns)
        del names


@pytest.mark.parametrize("asks", [ASKS, False])
def test_a_watch_names_the_file_that_was_shortened(tmp_path, monkeypatch, asks):
    monkeypatch.setattr(status, "ASKS", asks)
    files = []
    for name in "abc":
        write_raster(tmp_path / f"{name}.tif", np.ones((1, 64, 64), "uint16"), GRID)
        files.append(
            local_tiff(str(tmp_path / f"{name}.tif"), stamp_of(str(tmp_path / f"{name}.tif")))
        )
    watch = Watch([files[0], files[1], files[1], files[2]])
    watch.check()
    os.truncate(tmp_path / "b.tif", 1000)
    with pytest.raises(ReadError, match=r"b\.tif has 1000 bytes.*shortened"):
        watch.check()
    (tmp_path / "b.tif").unlink()  # its map stays good
    watch.check()
