"""Archives come whole into their folder, and nowhere else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from geoloom.core.errors import ReadError, WriteError
from geoloom.io.archives.unpack import is_unpacked, require_whole, unpack

FILES = {"set/a.txt": b"first", "set/deep/b.bin": os.urandom(3000), "set/empty": b""}
KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"]


def packed(path: Path, files: dict[str, bytes] = FILES) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[path.suffix]
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file that is not a note."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.parametrize("name", KINDS)
def test_what_was_packed_is_there(tmp_path, name):
    steps: list[tuple[int, int]] = []
    archive, folder = packed(tmp_path / name), tmp_path / "out"
    unpack(archive, folder, progress=lambda *step: steps.append(step))
    assert tree(folder) == FILES
    assert is_unpacked(name, folder)
    require_whole(folder)
    assert len(steps) == len(FILES)
    assert steps[-1][1] == archive.stat().st_size
    archive.unlink()
    assert list(folder.glob(".*")) == [folder / f".{name}.unpacked.json"]


def test_an_archive_in_parts_is_one(tmp_path):
    whole = packed(tmp_path / "a.tar.gz").read_bytes()
    parts = [tmp_path / f"a.tar.gz{end}" for end in ("aa", "ab", "ac")]
    for number, part in enumerate(parts):
        part.write_bytes(whole[number * 1000 : (number + 1) * 1000 if number < 2 else None])
    unpack(parts, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES
    with pytest.raises(ReadError, match="cannot be unpacked"):
        unpack(parts[:2], tmp_path / "half")
    with pytest.raises(ReadError, match=r"a\.tar\.gzad is missing"):
        unpack([*parts, tmp_path / "a.tar.gzad"], tmp_path / "more")


def test_folders_of_several_archives_grow_together(tmp_path):
    packed(tmp_path / "one.zip", {"images/a": b"1"})
    packed(tmp_path / "two.zip", {"images/b": b"2"})
    for name in ("one.zip", "two.zip", "one.zip"):
        unpack(tmp_path / name, tmp_path / "out")
    assert tree(tmp_path / "out") == {"images/a": b"1", "images/b": b"2"}


OUTSIDE = [
    "../out.txt", "a/../../out.txt", "/etc/out.txt", "C:/out.txt", "..\\out.txt", "a\\..\\..\\out.txt",
    "\\\\server\\share\\out.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("archive", ["a.zip", "a.tar"])
def test_paths_out_of_the_folder_are_refused(tmp_path, archive, name):
    path = packed(tmp_path / archive, {"good": b"1", name: b"2"})
    with pytest.raises(ReadError, match="outside of"):
        unpack(path, tmp_path / "in" / "out")
    assert tree(tmp_path / "in") == {"out/good": b"1"}
    assert not is_unpacked(archive, tmp_path / "in" / "out")


def of_kind(path: Path, kind: bytes, target: str = "") -> Path:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("odd")
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind, said):
    path = of_kind(tmp_path / "a.tar", kind, "/etc/passwd")
    with pytest.raises(ReadError, match=f"holds {said}, 'odd'"):
        unpack(path, tmp_path / "out")
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize(("mode", "said"), [(stat.S_IFLNK, "a link"), (stat.S_IFCHR, "a device")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, mode, said):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("odd")
        info.create_system, info.external_attr = 3, (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ReadError, match=f"holds {said}, 'odd'"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_link_that_is_there_leads_nowhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "set").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(WriteError, match="leads out of"):
        unpack(packed(tmp_path / "a.zip"), tmp_path / "out")
    assert tree(tmp_path / "elsewhere") == {}
    (tmp_path / "kept").write_bytes(b"")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a").symlink_to(tmp_path / "kept")
    with pytest.raises(WriteError, match="is there already"):
        unpack(packed(tmp_path / "b.zip", {"a": b"1"}), tmp_path / "flat")
    assert (tmp_path / "kept").read_bytes() == b""


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz"])
def test_bombs_are_refused_before_they_go_off(tmp_path, name, monkeypatch):
    monkeypatch.setattr("geoloom.io.archives.unpack._ALWAYS_BYTES", 100_000)
    path = packed(tmp_path / name, {"zeros": bytes(20_000_000)})
    with pytest.raises(ReadError, match="made to fill the disk"):
        unpack(path, tmp_path / "out")
    assert sum(map(len, tree(tmp_path / "out").values())) == 0
    with pytest.raises(ReadError, match="at most 1,000 are expected"):
        unpack(path, tmp_path / "out", most=1000)


def test_a_size_that_is_a_lie_is_no_way_around(tmp_path):
    path = packed(tmp_path / "a.zip", {"zeros": bytes(2_000_000)})
    raw = path.read_bytes()
    path.write_bytes(raw.replace((2_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(ReadError):
        unpack(path, tmp_path / "out", most=1000)
    assert sum(map(len, tree(tmp_path / "out").values())) <= 1000


def test_more_files_than_an_honest_archive_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("geoloom.io.archives.unpack._ALWAYS_COUNT", 5)
    path = packed(tmp_path / "a.tar.xz", {f"empty{i}": b"" for i in range(60)})
    with pytest.raises(ReadError, match=r"more than \d+ files"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("name", KINDS)
def test_archives_cut_off_anywhere_are_said_to_be(tmp_path, name):
    path = packed(tmp_path / name)
    raw = path.read_bytes()
    for share in (0, 3, 40, 70, 95, 99):
        path.write_bytes(
            raw[: len(raw) * share // 100] if name != "a.tar" else raw[: 512 * share // 20]
        )
        folder = tmp_path / f"out{share}"
        with pytest.raises(ReadError, match="cannot be unpacked"):
            unpack(path, folder)
        with pytest.raises(ReadError, match=f"holds a part of {name} alone"):
            require_whole(folder)


def test_a_tar_cut_between_two_files_is_cut_off(tmp_path):
    path = packed(tmp_path / "a.tar", {"a": b"1" * 512, "b": b"2" * 512})
    path.write_bytes(path.read_bytes()[:1024])
    with pytest.raises(ReadError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")


def test_flipped_bytes_are_damage(tmp_path):
    path = packed(tmp_path / "a.tar.gz", {"a": os.urandom(5000)})
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 255
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")


def test_headers_may_not_ask_for_memory(tmp_path):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 4 << 30
    (tmp_path / "a.tar").write_bytes(info.tobuf() + bytes(10_240))
    with pytest.raises(ReadError, match=r"a header of 4,294,967,296 bytes"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_what_is_no_archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>sign in</html>" * 100)
    with pytest.raises(ReadError, match="no archive of a known kind"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    with pytest.raises(ReadError, match=r"b\.zip is missing"):
        unpack(tmp_path / "b.zip", tmp_path / "out")


def test_files_of_the_users_own_stay(tmp_path):
    (tmp_path / "out" / "set").mkdir(parents=True)
    (tmp_path / "out" / "set" / "a.txt").write_bytes(b"mine")
    path = packed(tmp_path / "a.zip")
    for _ in range(2):
        with pytest.raises(WriteError, match=r"a\.txt is there already"):
            unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "set" / "a.txt").read_bytes() == b"mine"
    (tmp_path / "out" / "set" / "a.txt").write_bytes(b"fir")
    unpack(path, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES


def test_two_at_once_do_it_once(tmp_path):
    path = packed(tmp_path / "a.zip")
    both = [threading.Thread(target=unpack, args=(path, tmp_path / "out")) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert tree(tmp_path / "out") == FILES


KILLED = """
import os, sys
from pathlib import Path
import geoloom.io.archives.unpack as module
count = 0
def kill(event, args):
    global count
    if armed and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate"):
        count += 1
        if count == moment:
            os._exit(9)
archive, folder = Path(sys.argv[1]), Path(sys.argv[2])
armed, moment = False, 0
sys.addaudithook(kill)
for moment in range(1, 1000):
    child = os.fork()
    if child == 0:
        armed = True
        module.unpack(archive, folder / str(moment))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        print(moment)
        break
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the trials fork")
def test_killed_at_any_file_operation_it_is_whole_or_known_to_be_half(tmp_path):
    path = packed(tmp_path / "a.tar.gz")
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(tmp_path / "out")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    moments = int(done.stdout)
    assert moments > 10
    stopped = 0
    for moment in range(1, moments):
        folder = tmp_path / "out" / str(moment)
        if is_unpacked("a.tar.gz", folder):
            assert tree(folder) == FILES
        elif tree(folder):
            stopped += 1
            with pytest.raises(ReadError, match="holds a part"):
                require_whole(folder)
        unpack(path, folder)
        assert tree(folder) == FILES
        require_whole(folder)
        assert len(list(folder.glob(".*"))) == 1
    assert stopped > 3


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_one_file_packed_without_a_tar(tmp_path, ending, pack):
    archive = tmp_path / f"list.txt.{ending}"
    archive.write_bytes(pack.compress(b"a.png 1\n" * 5000))
    folder = unpack(archive, tmp_path / "out")
    assert tree(folder) == {"list.txt": b"a.png 1\n" * 5000}
    assert is_unpacked(archive.name, folder)
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(ReadError, match=r"list\.txt\.\w+ cannot be unpacked"):
        unpack(archive, tmp_path / "again")
    assert not is_unpacked(archive.name, tmp_path / "again")


def test_one_packed_file_that_fills_the_disk(tmp_path):
    archive = tmp_path / "list.txt.bz2"
    archive.write_bytes(bz2.compress(bytes(10_000_000)))
    with pytest.raises(ReadError, match="made to fill the disk"):
        unpack(archive, tmp_path / "out", most=1_000_000)
