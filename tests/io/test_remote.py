"""Remote files: what GDAL calls them, how little is fetched, and what happens when a server fails."""

from __future__ import annotations

import multiprocessing
import threading
from functools import partial

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.env import get_gdal_config

from geoloom.core.errors import ReadError
from geoloom.io.access.remote import LANES, gdal_name, is_remote, remotely, together, without_query
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing.server import serving

GRID = GeoBox((2048, 2048), Affine(10, 0, 500000, 0, -10, 5000000), "EPSG:32633")
NOISE = np.random.default_rng(7).integers(1, 10000, (1, 2048, 2048), dtype="uint16")
WINDOW = np.s_[700:956, 512:768]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiled GeoTIFF of 8 MB that does not compress, whose directory comes first, as in a COG."""
    folder = tmp_path_factory.mktemp("served")
    profile = {"driver": "GTiff", "width": 2048, "height": 2048, "count": 1, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": GRID.affine}
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    with rasterio.open(folder / "a.tif", "w", **profile, **place, **tiles) as file:
        file.write(NOISE)
    return folder


def test_names_of_files():
    assert gdal_name("s3://bucket/a.tif") == "/vsis3/bucket/a.tif"
    assert gdal_name("gs://bucket/a.tif") == "/vsigs/bucket/a.tif"
    assert gdal_name("az://container/a.tif") == "/vsiaz/container/a.tif"
    for local in ("a.tif", "/data/a.tif", "zip://a.zip!b.tif", "/vsizip/a.zip/b.tif"):
        assert gdal_name(local) == local
        assert not is_remote(local)
    for remote in ("https://example.org/a.tif", "/vsicurl/https://example.org/a.tif", "/vsis3/b/a"):
        assert is_remote(remote)
    assert without_query("https://example.org/a.tif?sig=secret") == "https://example.org/a.tif"
    assert without_query("what?.tif") == "what?.tif"


def test_a_window_takes_a_small_part_of_the_file_and_no_look_beside_it(folder):
    size = (folder / "a.tif").stat().st_size
    with serving(folder) as server:
        found = read(server.address("a.tif"), GRID[WINDOW])
        assert (found.values == NOISE[0][WINDOW]).all()
        assert {one.path for one in server.asked} == {"a.tif"}
        assert server.requests() <= 5
        assert server.sent() < 0.06 * size
        # Two tiles of 131,072 bytes hold the window; the rest is the header.
        assert server.sent() >= 2 * 256 * 256 * 2
        before = server.requests()
        read(server.address("a.tif"), GRID[WINDOW])
        assert server.requests() - before <= 2, "the header was fetched again"


def test_warped_reads_fetch_windows_too(folder):
    grid = GRID[WINDOW].to_crs("EPSG:3857")
    with serving(folder) as server:
        found = read(server.address("a.tif"), grid)
        local = read(folder / "a.tif", grid, engine="gdal")
        assert (found.values == local.values).all()
        assert (found.valid == local.valid).all()
        assert server.sent() < 0.2 * (folder / "a.tif").stat().st_size


def test_options_hold_for_remote_files_alone():
    option = "GDAL_DISABLE_READDIR_ON_OPEN"
    inside, go = threading.Event(), threading.Event()

    def look():
        inside.set()
        go.wait(30)
        return get_gdal_config(option)

    found = []
    thread = threading.Thread(target=lambda: found.append(remotely(look)))
    thread.start()
    inside.wait(30)
    with rasterio.Env():
        assert get_gdal_config(option) is None
    with rasterio.Env(GDAL_HTTP_MAX_RETRY=9):
        assert remotely(get_gdal_config, "GDAL_HTTP_MAX_RETRY") == 9
    go.set()
    thread.join()
    assert found == ["EMPTY_DIR"]
    assert remotely(get_gdal_config, "GDAL_HTTP_MAX_RETRY") == 4


def test_many_reads_are_under_way_at_once(folder):
    with serving(folder, delay_s=0.02) as server:
        uri = server.address("a.tif")
        read_header(uri)
        pieces = [GRID[i * 40 : i * 40 + 40, :64] for i in range(3 * LANES)]
        found = together([partial(read, uri, piece) for piece in pieces])
        assert server.most_at_once >= 2
    for i, raster in enumerate(found):
        assert (raster.values == NOISE[:, i * 40 : i * 40 + 40, :64]).all()


def test_never_more_at_once_than_there_are_lanes():
    busy, most, lock = 0, 0, threading.Lock()

    def call():
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        threading.Event().wait(0.01)
        with lock:
            busy -= 1

    together([call] * 5 * LANES)
    assert 2 <= most <= LANES


def test_a_call_within_a_call_does_not_wait_for_itself():
    nested = [partial(remotely, partial(remotely, str, i)) for i in range(4 * LANES)]
    assert together(nested) == [str(i) for i in range(4 * LANES)]


def test_a_failing_call_raises():
    def fail():
        raise ReadError("no")

    with pytest.raises(ReadError, match="no"):
        together([partial(str, 1), fail, partial(str, 2)])


def test_a_server_that_recovers_is_asked_again(folder):
    with serving(folder, failures={"a.tif": 2}) as server:
        assert read_header(server.address("a.tif")).grid == GRID
        assert [one.status for one in server.asked][:2] == [503, 503]


def test_what_cannot_be_opened_is_named_without_its_signature(folder):
    with serving(folder, token="right") as server:
        assert read_header(server.address("a.tif?token=right")).grid == GRID
        with pytest.raises(ReadError, match=r"a\.tif cannot be opened: .*403") as refused:
            read_header(server.address("a.tif?token=wrong"))
        assert "wrong" not in str(refused.value)
        with pytest.raises(ReadError, match=r"b\.tif cannot be opened: .*404"):
            read_header(server.address("b.tif?token=right"))


@pytest.mark.parametrize("window", [np.s_[0:200, 0:200], WINDOW])
def test_a_connection_that_breaks_off_is_asked_again(folder, window):
    with serving(folder) as server:
        header = read_header(server.address("a.tif"))
        server.behave(drops={"a.tif": 1})
        for _ in range(2):
            assert (read(header, GRID[window]).values == NOISE[0][window]).all()
        server.behave(drops={"a.tif": 1000})
        with pytest.raises(ReadError, match=r"a\.tif is damaged in rows 1800 to 2000"):
            read(header, GRID[1800:2000, 1800:2000])


def test_a_server_that_answers_other_ranges_is_refused(folder):
    """Nothing is compressed, so that any bytes would do as pixels."""
    with serving(folder, shift=512) as server, pytest.raises(ReadError) as refused:
        read(server.address("a.tif"), GRID[WINDOW])
    assert "asked for the bytes 4194304-4194319, the server answers 4193792-4193807" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "wants to know who asks"),
        (403, "may not read"),
        (404, "nothing is there"),
        (410, "gone"),
    ],
)
def test_what_a_server_refuses_is_said_as_it_says_it_each_time(folder, status, said):
    with serving(folder, statuses={"a.tif": status}) as server:
        for _ in range(2):
            with pytest.raises(ReadError, match=rf"the server answers {status} .*; .*{said}"):
                read_header(server.address("a.tif"))


def test_a_server_with_a_fault_and_one_that_is_not_there_are_distinguished(folder, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    with serving(folder, statuses={"a.tif": 500}) as server:
        address = server.address("a.tif")
        with pytest.raises(ReadError, match=r"the server answers 500 .*try later"):
            read_header(address)
    with pytest.raises(ReadError, match=r"a\.tif cannot be opened: the server cannot be reached"):
        read_header(address)


def test_a_page_in_place_of_a_raster_is_named(folder):
    (folder / "page.tif").write_text("<!DOCTYPE html><p>Sign in</p>")
    with (
        serving(folder) as server,
        pytest.raises(ReadError, match=r"begins with b'<!DOCTYPE html>"),
    ):
        read_header(server.address("page.tif"))


def _sum_of(uri, window, answers):
    answers.put(int(read(uri, GRID[window]).values.sum()))


def test_a_process_forked_after_reading_reads(folder):
    context = multiprocessing.get_context("fork")
    with serving(folder) as server:
        uri = server.address("a.tif")
        read(uri, GRID[:16, :16])
        answers = context.Queue()
        child = context.Process(target=_sum_of, args=(uri, WINDOW, answers))
        child.start()
        assert answers.get(timeout=60) == NOISE[0][WINDOW].sum(dtype=int)
        child.join()


def test_an_object_store(folder, monkeypatch):
    """The server's folders stand for buckets, as in MinIO."""
    (folder / "bucket").mkdir(exist_ok=True)
    (folder / "bucket" / "a.tif").write_bytes((folder / "a.tif").read_bytes())
    with serving(folder) as server:
        for name, value in {
            "AWS_S3_ENDPOINT": f"127.0.0.1:{server.port}",
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            "AWS_NO_SIGN_REQUEST": "YES",
        }.items():
            monkeypatch.setenv(name, value)
        found = read("s3://bucket/a.tif", GRID[WINDOW])
        assert (found.values == NOISE[0][WINDOW]).all()
        assert {one.path for one in server.asked} == {"bucket/a.tif"}
        assert server.sent() < 0.06 * (folder / "a.tif").stat().st_size
