"""One file from a web server that behaves well, badly, and not at all."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from geoloom.core.errors import ReadError, WriteError
from geoloom.core.files import scratch_path
from geoloom.io.access import web
from geoloom.io.checksums import Checksum, checksum_of
from geoloom.io.download import Origin, download
from geoloom.testing.server import FolderServer, serving

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[FolderServer]:
    with serving(folder) as server:
        yield server


@pytest.fixture
def server(running: FolderServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FolderServer:
    monkeypatch.setattr(web, "_FIRST_WAIT_S", 0.0)
    (folder / "a.bin").write_bytes(CONTENT)
    running.behave(failures={}, statuses={}, drops={}, ranges=True, kind="")
    return running


def asked_since(server: FolderServer, before: int) -> list[str | None]:
    return [request.range for request in server.asked[before:]]


@pytest.mark.parametrize("checksum", [None, SHA256, f"sha256:{SHA256[:8]}", MD5, f"md5:{MD5}"])
def test_a_file_comes_whole_with_its_origin_and_is_not_fetched_twice(
    server: FolderServer, tmp_path: Path, checksum: str | None
) -> None:
    path, told = tmp_path / "a.bin", []
    address = server.address("a.bin?sig=secret")
    download(address, path, checksum=checksum, progress=lambda *now: told.append(now))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    origin = Origin.read(path)
    assert origin is not None
    assert (origin.sha256, origin.bytes) == (SHA256, len(CONTENT))
    assert origin.address == server.address("a.bin")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.bin", "a.bin.origin.json"]
    before = len(server.asked)
    assert download(address, path, checksum=checksum) == path
    assert not asked_since(server, before)


def test_a_broken_connection_is_taken_up_where_it_broke(
    server: FolderServer, tmp_path: Path
) -> None:
    server.behave(drops={"a.bin": 3})
    before = len(server.asked)
    assert download(server.address("a.bin"), tmp_path / "a.bin").read_bytes() == CONTENT
    half, rest = len(CONTENT) // 2, len(CONTENT) // 4
    ranges = [
        None,
        f"bytes={half}-",
        f"bytes={half + rest}-",
        f"bytes={half + rest + rest // 2}-",
    ]
    assert asked_since(server, before) == ranges


def stopped(server: FolderServer, path: Path, **options: str) -> None:
    """A download that gave up half way."""
    server.behave(drops={"a.bin": 1}, statuses={})

    def then_refuse(came: int, total: int) -> None:
        server.behave(statuses={"a.bin": 404})

    with pytest.raises(ReadError, match="404"):
        download(server.address("a.bin"), path, progress=then_refuse, **options)
    assert not path.exists()
    assert scratch_path(path).stat().st_size == len(CONTENT) // 2
    server.behave(statuses={}, drops={})


def test_a_stopped_download_goes_on_in_the_next_run(server: FolderServer, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    stopped(server, path)
    before = len(server.asked)
    assert download(server.address("a.bin"), path).read_bytes() == CONTENT
    assert asked_since(server, before) == [f"bytes={len(CONTENT) // 2}-"]


@pytest.mark.parametrize("checksum", [None, hashlib.sha256(CONTENT[::-1]).hexdigest()])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    server: FolderServer, folder: Path, tmp_path: Path, checksum: str | None
) -> None:
    path = tmp_path / "a.bin"
    options = {} if checksum is None else {"checksum": checksum}
    stopped(server, path, **options)
    (folder / "a.bin").write_bytes(CONTENT[::-1])
    assert download(server.address("a.bin"), path, checksum=checksum).read_bytes() == CONTENT[::-1]


def test_a_part_of_another_file_does_not_reach_the_product(
    server: FolderServer, tmp_path: Path
) -> None:
    """Where the server cannot tell versions apart, the checksum does."""
    path = tmp_path / "a.bin"
    scratch_path(path).write_bytes(b"other bytes")
    note = {"address": server.address("a.bin"), "validator": "", "total": len(CONTENT)}
    scratch_path(path, ".json").write_text(json.dumps(note))
    assert download(server.address("a.bin"), path, checksum=SHA256).read_bytes() == CONTENT


def test_a_server_without_ranges_is_asked_for_all_again(
    server: FolderServer, tmp_path: Path
) -> None:
    server.behave(failures={"a.bin": 2}, drops={"a.bin": 3}, ranges=False)
    assert download(server.address("a.bin"), tmp_path / "a.bin").read_bytes() == CONTENT


def test_several_want_one_file_and_one_fetches(server: FolderServer, tmp_path: Path) -> None:
    before = len(server.asked)
    fetch = lambda: download(server.address("a.bin"), tmp_path / "a.bin")  # noqa: E731
    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked_since(server, before) == [None]


WRONG = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("behaviour", "name", "options", "message"),
    [
        ({}, "a.bin", {"checksum": WRONG}, f"sends a file of the checksum sha256:{SHA256}"),
        ({}, "a.bin", {"most": 1000}, "has 1,048,576 bytes, and at most 1,000 are expected"),
        ({}, "none.bin", {}, "answers 404 .*check the address"),
        ({"statuses": {"a.bin": 403}}, "a.bin", {}, "answers 403 .*rights"),
        ({"statuses": {"a.bin": 503}}, "a.bin", {}, "answers 503 .*try later"),
        ({"kind": "text/html; charset=utf-8"}, "a.bin", {}, "web page instead of a file"),
    ],
)
def test_what_may_not_be_taken_is_refused_and_leaves_nothing(
    server: FolderServer,
    tmp_path: Path,
    behaviour: dict[str, object],
    name: str,
    options: dict[str, object],
    message: str,
) -> None:
    server.behave(**behaviour)
    with pytest.raises(ReadError, match=message):
        download(server.address(name), tmp_path / "a.bin", **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_file_once_fetched_is_pinned(server: FolderServer, folder: Path, tmp_path: Path) -> None:
    path = download(server.address("a.bin"), tmp_path / "a.bin")
    path.unlink()
    (folder / "a.bin").write_bytes(b"another")
    with pytest.raises(ReadError, match=r"another file than on .*a\.bin\.origin\.json"):
        download(server.address("a.bin"), path)
    Origin.path_of(path).unlink()
    assert download(server.address("a.bin"), path).read_bytes() == b"another"


def test_what_is_there_already_is_checked_once(server: FolderServer, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"put here by hand")
    before = len(server.asked)
    with pytest.raises(ReadError, match=f"expected sha256:{SHA256}; delete it"):
        download(server.address("a.bin"), path, checksum=SHA256)
    path.write_bytes(CONTENT)
    assert download(server.address("a.bin"), path, checksum=SHA256) == path
    assert not asked_since(server, before)
    path.write_bytes(b"cut")
    assert download(server.address("a.bin"), path, overwrite=True).read_bytes() == CONTENT
    path.write_bytes(b"cut")
    with pytest.raises(ReadError, match="has 3 bytes, and 1,048,576 were fetched"):
        download(server.address("a.bin"), path)


def test_offline_forbids_to_ask_but_not_to_use_what_is_there(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = download(server.address("a.bin"), tmp_path / "a.bin")
    monkeypatch.setenv(web.OFFLINE, "1")
    before = len(server.asked)
    assert download(server.address("a.bin"), path) == path
    with pytest.raises(ReadError, match="GEOLOOM_OFFLINE=1 forbids it"):
        download(server.address("a.bin"), tmp_path / "b.bin")
    assert not asked_since(server, before)
    monkeypatch.setenv(web.OFFLINE, "yes")
    with pytest.raises(ReadError, match="expected 1"):
        download(server.address("a.bin"), tmp_path / "b.bin")


def test_a_place_that_cannot_be_written_is_said_before_asking(
    server: FolderServer, tmp_path: Path
) -> None:
    before = len(server.asked)
    with pytest.raises(WriteError, match="is not a folder"):
        download(server.address("a.bin"), tmp_path / "none" / "a.bin")
    with pytest.raises(ReadError, match="no web address"):
        download("file:///a.bin", tmp_path / "a.bin")
    assert not asked_since(server, before)


def test_checksums_are_read_as_tables_have_them(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    assert checksum_of(path) == SHA256
    assert Checksum.parse(MD5) == Checksum.parse(f"MD5:{MD5.upper()}") == Checksum("md5", MD5)
    assert str(Checksum.parse(SHA256[:10])) == f"sha256:{SHA256[:10]}"
    for wrong in ("crc:12345678", "sha256:1234", "sha256:xyzxyzxyz", "", f"md5:{SHA256}"):
        with pytest.raises(ReadError, match="expected"):
            Checksum.parse(wrong)
