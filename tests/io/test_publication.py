"""One writer of a product, whole or not at all, and never beside names that are not its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import WriteError
from geoloom.io.write.cog import CogWriter, write_raster

GRID = GeoBox((4, 4), Affine(30, 0, 500_000, 0, -30, 9_000_000), "EPSG:32722")
ONES = np.ones((4, 4), "uint8")

REPLACE = """
import os, signal, sys
from pathlib import Path
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from geoloom.io.write.cog import write_raster

moves, at = 0, int(sys.argv[2])

def counted(real):
    def call(path, *args, **kwargs):
        global moves
        moves += 1
        if moves == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, *args, **kwargs)
    return call

for name in ("replace", "rename", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
# pathlib took its own hold of these when it was imported.
Path.replace = lambda self, target: os.replace(self, target)
Path.unlink = lambda self, missing_ok=False: os.path.lexists(self) and os.unlink(self)

grid = GeoBox((4, 4), Affine(30, 0, 500_000, 0, -30, 9_000_000), "EPSG:32722")
write_raster(
    Path(sys.argv[1]), np.full((4, 4), 2, "uint8"), grid, class_names={2: "new"},
    colormap={2: (9, 9, 9, 255)}, overwrite=True,
)
"""


def described(path):
    """(the map's values, what lies beside it): `old`, `new` or nothing."""
    with rasterio.open(path) as source:
        value = int(source.read(1)[0, 0])
    beside = (path.with_name(path.name + ".aux.xml"), path.with_suffix(".qml"))
    said = {
        name
        for file in beside
        for name in ("old", "new")
        if file.exists() and name in file.read_text()
    }
    return value, said


def test_no_kill_leaves_a_map_with_the_names_of_another(tmp_path):
    for at in range(1, 40):
        folder = tmp_path / str(at)
        folder.mkdir()
        path = write_raster(
            folder / "map.tif", ONES, GRID, class_names={1: "old"}, colormap={1: (1, 1, 1, 255)}
        )
        done = subprocess.run(
            [sys.executable, "-c", REPLACE, str(path), str(at)], check=False, timeout=120
        )
        value, said = described(path)
        assert said <= {"old" if value == 1 else "new"}, f"killed at {at}: {value} beside {said}"
        if done.returncode == 0:
            assert (value, said) == (2, {"new"})
            assert at > 3, "nothing was counted"
            break
        assert done.returncode == -signal.SIGKILL
    else:
        pytest.fail("never came to an end")


def test_names_that_stay_the_same_are_never_away(tmp_path):
    looks = {"class_names": {1: "forest"}, "colormap": {1: (1, 90, 1, 255)}}
    path = write_raster(tmp_path / "map.tif", ONES, GRID, **looks)
    beside = [tmp_path / "map.tif.aux.xml", tmp_path / "map.qml"]
    before = [file.stat().st_ino for file in beside]
    write_raster(path, ONES, GRID, overwrite=True, **looks)
    assert [file.stat().st_ino for file in beside] == before


def test_a_style_of_classes_goes_with_its_map(tmp_path):
    path = write_raster(tmp_path / "x.tif", ONES, GRID, class_names={1: "a"})
    assert path.with_suffix(".qml").exists()
    write_raster(path, ONES.astype("float32"), GRID, overwrite=True)
    assert os.listdir(tmp_path) == ["x.tif"]


def test_a_style_of_another_hand_stays_and_is_logged(tmp_path, caplog):
    """`labels.shp` and `labels.tif` share the name of their style."""
    own = tmp_path / "labels.qml"
    own.write_text("<qgis>drawn by hand</qgis>")
    write_raster(tmp_path / "labels.tif", ONES, GRID, class_names={1: "a"})
    assert own.read_text() == "<qgis>drawn by hand</qgis>"
    assert "labels.qml was not written by geoloom" in caplog.text


def test_a_product_has_one_writer(tmp_path):
    path = tmp_path / "x.tif"
    code = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_publication import GRID, ONES, CogWriter
writer = CogWriter({str(path)!r}, GRID)
writer.write(ONES, 0, 0)
print("writing", flush=True)
sys.stdin.read()
writer.close()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(WriteError, match=f"written by process {other.pid}"):
            write_raster(path, ONES * 2, GRID, overwrite=True)
        other.communicate("", timeout=60)
    finally:
        other.kill()
    with rasterio.open(path) as source:
        assert (source.read(1) == 1).all()
    assert os.listdir(tmp_path) == ["x.tif"]


def test_an_input_is_never_replaced(tmp_path):
    path = write_raster(tmp_path / "a.tif", ONES, GRID)
    rasterio.shutil.copy(str(path), str(tmp_path / "stack.vrt"), driver="VRT")
    before = path.read_bytes()
    for given in (path, tmp_path / "stack.vrt"):
        with pytest.raises(WriteError, match="is an input of this command"):
            CogWriter(path, GRID, inputs=[given], overwrite=True)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.tif", "stack.vrt"]


def test_what_gdal_refuses_is_ours_and_leaves_nothing(tmp_path, monkeypatch):
    from rasterio._err import CPLE_AppDefinedError

    def refuse(*args, **kwargs):
        raise CPLE_AppDefinedError(3, 1, "TIFFAppendToStrip:Write error at scanline 0")

    monkeypatch.setattr(rasterio.shutil, "copy", refuse)
    with pytest.raises(WriteError, match=r"cannot write .*x\.tif: .*Write error at scanline 0"):
        write_raster(tmp_path / "x.tif", ONES, GRID)
    assert os.listdir(tmp_path) == []


def test_a_tiff_whose_blocks_a_full_disk_has_swallowed_is_no_product(tmp_path, monkeypatch):
    """GDAL's COG driver reports nothing: libtiff prints to stderr, and the copy ends as if all were well."""
    real = rasterio.shutil.copy

    def cut_short(source, target, **options):
        real(source, target, **options)
        os.truncate(target, os.path.getsize(target) - 1000)

    monkeypatch.setattr(rasterio.shutil, "copy", cut_short)
    noise = np.random.default_rng(0).integers(0, 255, (1, 700, 600), "uint8")
    grid = GeoBox((700, 600), GRID.affine, GRID.crs)
    with pytest.raises(WriteError, match=r"cannot write .*x\.tif"):
        write_raster(tmp_path / "x.tif", noise, grid)
    assert os.listdir(tmp_path) == []


def test_the_missing_space_is_given_in_readable_units(tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 5))
    with pytest.raises(WriteError, match=r"needs 16 bytes .* which has 5 bytes free"):
        write_raster(tmp_path / "x.tif", ONES, GRID)


AS_NOBODY = """
import os, sys
sys.path.insert(0, sys.argv[1])
from test_publication import GRID, ONES, WriteError, write_raster
if os.geteuid() == 0:  # root may write anywhere
    os.setuid(65534)
try:
    write_raster(sys.argv[2] + "/x.tif", ONES, GRID)
except WriteError as error:
    print(error)
"""


def test_a_folder_that_may_not_be_written_is_said_as_such():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        words = [sys.executable, "-c", AS_NOBODY, os.path.dirname(__file__), folder]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
        os.chmod(folder, 0o755)
    assert f"cannot write {folder}/x.tif: no permission to write there" in done.stdout


def test_a_name_that_no_file_system_takes_is_refused_before_any_work(tmp_path):
    with pytest.raises(WriteError, match="is a name of 244 bytes; give one of at most 231"):
        write_raster(tmp_path / f"{'x' * 240}.tif", ONES, GRID)
    assert os.listdir(tmp_path) == []
