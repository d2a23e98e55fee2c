"""A dataset fetched from servers that misbehave, and killed on the way: never half of it for the whole."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from documented import LAYOUTS
from documented.layout import archived, as_given_away, written

from geoloom.core.errors import DatasetError, ReadError
from geoloom.datasets import get_benchmark
from geoloom.datasets.benchmarks.dataset import _made
from geoloom.io import download as module
from geoloom.io.access import web
from geoloom.testing.server import serving

NAME, ARCHIVE = "eurosat100", "EuroSAT100.zip"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The dataset's files as they are given away."""
    folder = tmp_path_factory.mktemp("files")
    return archived(LAYOUTS[NAME], written(LAYOUTS[NAME], folder / "unpacked"), folder / "given")


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(web, "_FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)


def made_of(given, server, root, **options):
    known = as_given_away(get_benchmark(NAME), given, server.address())
    return _made(known)(root, split=None, **options)


def check_whole(dataset):
    assert len(dataset) == 20
    for i in range(len(dataset)):
        assert dataset[i]["image"][0, 0, 0] >= 1000


@pytest.mark.parametrize(
    "behaviour",
    [
        {"drops": {ARCHIVE: 3}},
        {"drops": {ARCHIVE: 1}, "ranges": False},
        {"stalls": {ARCHIVE: 2}},
        {"failures": {ARCHIVE: 2}},
        {"drops": {ARCHIVE: 1, "eurosat-100-train.txt": 1}, "failures": {"eurosat-100-val.txt": 1}},
    ],
    ids=["breaks off", "breaks off, no ranges", "falls silent", "is busy", "all at once"],
)
def test_a_server_that_recovers_gives_the_dataset(given, tmp_path, behaviour):
    with serving(given, **behaviour) as server:
        check_whole(made_of(given, server, tmp_path / "root", download=True))


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"drops": {ARCHIVE: 99}, "ranges": False}, "broken off"),
        ({"stalls": {ARCHIVE: 99}, "ranges": False}, "timed out"),
        ({"statuses": {ARCHIVE: 404}}, "404"),
        ({"kind": "text/html"}, "web page"),
    ],
    ids=["breaks off", "falls silent", "has no such file", "asks to sign in"],
)
def test_a_server_that_does_not_is_an_error_and_goes_on_later(given, tmp_path, behaviour, said):
    root = tmp_path / "root"
    with serving(given, **behaviour) as server:
        with pytest.raises(ReadError, match=said):
            made_of(given, server, root, download=True)
        with pytest.raises(DatasetError, match="is not whole"):
            made_of(given, server, root)
    with serving(given) as server:
        check_whole(made_of(given, server, root, download=True))


def test_another_file_in_its_place_is_refused(given, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for file in given.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / ARCHIVE).write_bytes((given / ARCHIVE).read_bytes()[:-1] + b"x")
    with serving(other) as server, pytest.raises(ReadError, match=r"expected md5:\w+"):
        made_of(given, server, tmp_path / "root", download=True)
    assert not (tmp_path / "root" / ARCHIVE).exists()


INSIDE = "ds/images/remote_sensing/otherDatasets/sentinel_2/tif/Forest/Forest_1.tif"


def zip_of(path: Path, name: str, mode: int = stat.S_IFREG, content: bytes = b"x") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(INSIDE, b"1")
        info = zipfile.ZipInfo(name)
        info.external_attr = (mode | 0o644) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, content)


def device(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(INSIDE)
        info.size = 1
        archive.addfile(info, io.BytesIO(b"1"))
        odd = tarfile.TarInfo("ds/odd")
        odd.type = tarfile.CHRTYPE
        archive.addfile(odd)


HOSTILE = {
    "out of the folder": (lambda path: zip_of(path, "../stolen"), "outside of"),
    "a link": (lambda path: zip_of(path, "ds/odd", stat.S_IFLNK, b"/etc/passwd"), "a link"),
    "a device": (device, "a device"),
    "a bomb": (
        lambda path: zip_of(path, "ds/zeros", content=bytes(1 << 26)),
        "made to fill the disk",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_write_nothing_elsewhere_and_make_no_dataset(
    given, tmp_path, kind, monkeypatch
):
    monkeypatch.setattr("geoloom.io.archives.unpack._ALWAYS_BYTES", 1 << 20)
    write, said = HOSTILE[kind]
    bad = tmp_path / "bad"
    bad.mkdir()
    for file in given.iterdir():
        (bad / file.name).write_bytes(file.read_bytes())
    write(bad / ARCHIVE)
    root = tmp_path / "deep" / "root"
    with serving(bad) as server:
        with pytest.raises(ReadError, match=said):
            made_of(bad, server, root, download=True)
        with pytest.raises((ReadError, DatasetError)):
            made_of(bad, server, root)
    written_files = [path for path in (tmp_path / "deep").rglob("*") if path.is_file()]
    assert all(root in path.parents for path in written_files)
    assert sum(path.stat().st_size for path in written_files if path.suffix == "") < 1 << 20
    assert not any(path.is_symlink() for path in (tmp_path / "deep").rglob("*"))


KILLED = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
import geoloom.io.archives.unpack, geoloom.io.download
from geoloom.datasets import get_benchmark
from geoloom.datasets.benchmarks.files import bring_files
files = json.loads(sys.argv[1])
known = get_benchmark("eurosat100")
known = replace(known, files=tuple(
    replace(file, address=files[file.name][0], checksum=files[file.name][1]) for file in known.files))
count = 0
def kill(event, args):
    global count
    if armed and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate"):
        count += 1
        if count == moment:
            os._exit(9)
armed, moment = False, 0
sys.addaudithook(kill)
for moment in range(1, 1000, 3):
    child = os.fork()
    if child == 0:
        armed = True
        bring_files(known, Path(sys.argv[2]) / str(moment), may_download=True)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        print(moment)
        break
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the trials fork")
def test_killed_at_file_operations_it_is_whole_or_says_that_it_is_not(given, tmp_path):
    with serving(given) as server:
        known = as_given_away(get_benchmark(NAME), given, server.address())
        files = {file.name: [file.address, file.checksum] for file in known.files}
        done = subprocess.run(
            [sys.executable, "-c", KILLED, json.dumps(files), str(tmp_path)],
            capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        last = int(done.stdout)
        assert last > 60
        refused = 0
        for moment in range(1, last, 3):
            root = tmp_path / str(moment)
            try:
                check_whole(_made(known)(root, split=None))
            except (DatasetError, ReadError):
                refused += 1
            if moment % 12 == 1:
                check_whole(_made(known)(root, split=None, download=True))
    assert refused > 12


def test_what_a_split_does_not_need_is_not_fetched(given, tmp_path):
    with serving(given) as server:
        known = as_given_away(get_benchmark(NAME), given, server.address())
        marked = tuple(
            replace(file, splits=(file.name.split("-")[-1][:-4],)) if "-" in file.name else file
            for file in known.files
        )
        dataset = _made(replace(known, files=marked))
        with pytest.raises(DatasetError):  # the layout still asks for all lists
            dataset(tmp_path / "root", "val", download=True)
        assert server.requests("eurosat-100-train.txt") == 0
        assert server.requests("eurosat-100-val.txt") == 1


def test_the_pixels_are_those_that_were_given_away(given, tmp_path):
    unpacked = written(LAYOUTS[NAME], tmp_path / "unpacked")
    with serving(given) as server:
        fetched = made_of(given, server, tmp_path / "root", download=True)
    plain = _made(get_benchmark(NAME))(unpacked, split=None)
    for i in range(len(plain)):
        np.testing.assert_array_equal(fetched[i]["image"], plain[i]["image"])
