"""Files that lie, and files that change under the reader, end in errors: in no crash and no false pixels."""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numcodecs import zstd
from rasterio.enums import Resampling

from geoloom.core.errors import GeoloomError, ReadError
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read

PLACE = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
TILES = {"tiled": True, "blockxsize": 64, "blockysize": 64}
POSIX = pytest.mark.skipif(
    sys.platform == "win32", reason="bounds and cuts files as POSIX lets one"
)


def make(path: Path, *, side: int = 256, count: int = 1, seed: int = 0, **options) -> np.ndarray:
    values = np.random.default_rng(seed).integers(1, 999, (count, side, side)).astype("uint16")
    profile = {"driver": "GTiff", "height": side, "width": side, "count": count, "dtype": "uint16"}
    with rasterio.open(path, "w", **profile, **PLACE, **options) as file:
        file.write(values)
    return values


def patch(path: Path, tag: int, value: int, *, field: str = "value") -> None:
    """Overwrite the value, count or type of a tag in the first directory of a little-endian TIFF."""
    data = bytearray(path.read_bytes())
    big = data[2] == 43
    at = struct.unpack_from("<Q", data, 8)[0] if big else struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<Q" if big else "<H", data, at)[0]
    first, size = (at + 8, 20) if big else (at + 2, 12)
    for entry in range(first, first + entries * size, size):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            kind = struct.unpack_from("<H", data, entry + 2)[0]
            where = entry + (12 if big else 8)
            if field == "type":
                struct.pack_into("<H", data, entry + 2, value)
            elif field == "count":
                struct.pack_into("<Q" if big else "<I", data, entry + 4, value)
            else:
                struct.pack_into({3: "<H", 4: "<I", 16: "<Q"}[kind], data, where, value)
            path.write_bytes(data)
            return
    raise AssertionError(f"no tag {tag}")


def attempt(code: str, *arguments: object, descriptors: int = 0) -> str:
    """What a script prints, run in a process of its own, with few descriptors if so asked."""
    limit = f"ulimit -n {descriptors}; " if descriptors else ""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        ["sh", "-c", f'{limit}exec "$@"', "sh", *command], capture_output=True, text=True
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.strip()


READ = """
import sys
from geoloom.core.errors import ReadError
from geoloom.io.raster import read
try:
    print("read", read(sys.argv[1]).values.sum())
except ReadError as error:
    print("refused", error)
"""


@POSIX
@pytest.mark.parametrize("place", [1 << 62, (1 << 63) - 64, (1 << 64) - 1, 1 << 40])
def test_a_block_whose_place_and_size_overflow_is_refused(tmp_path, place):
    path = tmp_path / "a.tif"
    make(path, side=64, BIGTIFF="YES", **TILES)
    patch(path, 324, place)  # TileOffsets
    patch(path, 325, place)  # TileByteCounts
    assert attempt(READ, path).startswith("refused")


@POSIX
@pytest.mark.parametrize("tag", [258, 277, 324, 325])
def test_a_tag_that_counts_beyond_the_file_is_no_crash(tmp_path, tag):
    for big, count in ((True, (1 << 61) + 1), (True, (1 << 64) - 1), (False, (1 << 32) - 1)):
        path = tmp_path / f"{big}{count}.tif"
        make(path, side=64, BIGTIFF="YES" if big else "NO", **TILES)
        patch(path, tag, count, field="count")
        assert attempt(READ, path).split()[0] in ("read", "refused")


@pytest.mark.parametrize("packing", ["deflate", "lzw"])
def test_a_block_with_a_size_but_no_place_is_damage_and_not_a_hole(tmp_path, packing):
    path = tmp_path / "a.tif"
    make(path, side=64, compress=packing, **TILES)
    patch(path, 324, 0)
    with rasterio.open(path) as file, pytest.raises(rasterio.errors.RasterioIOError):
        file.read()
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize("packing", ["deflate", "zstd", "lzw", None])
def test_a_block_that_claims_more_than_it_can_hold_takes_no_memory(tmp_path, packing):
    """A header that claims 20,000 x 20,000 pixels in one block of a few hundred bytes."""
    path = tmp_path / "a.tif"
    make(path, side=16, blockysize=16, compress=packing or "none")
    for tag in (256, 257, 278):
        patch(path, tag, 20_000)
    header = read_header(path)
    with pytest.raises(ReadError):
        read(header, header.grid[:8, :8], engine="auto")


def test_a_few_bytes_that_claim_very_many_bands_are_refused_at_once(tmp_path):
    path = tmp_path / "a.tif"
    make(path, side=64, **TILES)
    patch(path, 277, 65_535)  # SamplesPerPixel
    with pytest.raises(ReadError, match="65535 bands"):
        read(path, bands=[1])


def test_coordinates_at_which_pixels_cannot_be_distinguished_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    far = Affine(10, 0, 1e230, 0, -10, 5_000_000)
    profile = {"driver": "GTiff", "height": 8, "width": 8, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, crs="EPSG:32633", transform=far) as file:
        file.write(np.ones((1, 8, 8), "uint8"))
    with pytest.raises(ReadError, match="distinguished at such coordinates"):
        read_header(path)


BOMB = """
import resource, sys
from pathlib import Path
from geoloom.io.raster import read
read(sys.argv[1])  # loads what reading needs
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20), -1))
raster = read(sys.argv[2])
print("read", raster.values.sum(), raster.valid.all())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by Linux's means")
@pytest.mark.parametrize("packing", ["deflate", "zstd"])
def test_bombs_fill_no_more_than_their_block(tmp_path, packing):
    """A block that would unfold to a gigabyte takes the 8 KB of its tile: what more it holds is damage."""
    make(tmp_path / "fine.tif", side=64, compress=packing, **TILES)
    path = tmp_path / "bomb.tif"
    make(path, side=64, compress=packing, **TILES)
    zeros = bytes(1 << 30)
    bomb = zlib.compress(zeros, 1) if packing == "deflate" else zstd.compress(zeros, 1)
    with path.open("ab") as file:
        place = file.tell()
        file.write(bomb)
    patch(path, 324, place)
    patch(path, 325, len(bomb))
    assert attempt(BOMB, tmp_path / "fine.tif", path).startswith("read")


@POSIX
@pytest.mark.parametrize("layout", ["tiles", "strips", "deflate"])
@pytest.mark.parametrize("left", [0.3, 0.999])
def test_a_file_shortened_between_reads_is_an_error(tmp_path, layout, left):
    path = tmp_path / "a.tif"
    options = {"tiles": TILES, "strips": {}, "deflate": {**TILES, "compress": "deflate"}}[layout]
    make(path, side=1024, count=3, **options)
    code = """
import os, sys
from geoloom.core.errors import ReadError
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
header = read_header(sys.argv[1])
read(header, header.grid[:8, :8])
os.truncate(sys.argv[1], int(os.path.getsize(sys.argv[1]) * float(sys.argv[2])))
try:
    read(header)
except ReadError as error:
    print("refused", error)
"""
    assert attempt(code, path, left).startswith("refused")


EPOCH = """
import os, sys, threading, time
import torch
from geoloom.datasets import RasterDataset
from geoloom.samplers import RandomGeoSampler

def main():
    folder, workers, after_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    path = os.path.join(folder, "a.tif")
    dataset = RasterDataset(folder)
    sampler = RandomGeoSampler(dataset, size=128, length=100_000, generator=0)
    loader = torch.utils.data.DataLoader(dataset, sampler=sampler, batch_size=8, num_workers=workers)
    batches = iter(loader)
    next(batches)
    threading.Timer(after_s, os.truncate, (path, os.path.getsize(path) // 3)).start()
    try:
        for _ in batches:
            pass
    except OSError as error:
        print("refused", str(error).splitlines()[-1])

if __name__ == "__main__":
    main()
"""


@POSIX
@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_shortened_in_mid_epoch_is_an_error(tmp_path, workers):
    for trial in range(2):
        make(tmp_path / "a.tif", side=512, count=2, seed=trial, **TILES)
        said = attempt(EPOCH, tmp_path, workers, 0.02 + 0.03 * trial)
        assert said.startswith("refused"), said


MANY = """
import os, sys
import numpy as np
import torch
from geoloom.datasets import RasterDataset
from geoloom.samplers import RandomGeoSampler

def main():
    dataset = RasterDataset(sys.argv[1])
    sampler = RandomGeoSampler(dataset, size=16, length=800, generator=0)
    loader = torch.utils.data.DataLoader(
        dataset, sampler=sampler, batch_size=16, num_workers=int(sys.argv[2])
    )
    seen = sum(len(batch["image"]) for batch in loader)
    torch.save(torch.zeros(3), os.path.join(sys.argv[1], "a.pt"))
    print(seen)

if __name__ == "__main__":
    main()
"""


@POSIX
@pytest.mark.parametrize("workers", [0, 2])
def test_more_files_than_descriptors(tmp_path, workers):
    for number in range(300):
        place = Affine(
            10, 0, 500_000 + 320 * (number % 20), 0, -10, 5_000_000 - 320 * (number // 20)
        )
        values = np.full((1, 32, 32), number, "uint16")
        profile = {"driver": "GTiff", "height": 32, "width": 32, "count": 1, "dtype": "uint16"}
        with rasterio.open(
            tmp_path / f"{number}.tif", "w", **profile, crs="EPSG:32633", transform=place
        ) as file:
            file.write(values)
    assert attempt(MANY, tmp_path, workers, descriptors=128) == "800"


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_reading_keeps_few_files_open(tmp_path):
    code = """
import os, resource, sys
from pathlib import Path
from geoloom.io.raster import read
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
for path in sorted(Path(sys.argv[1]).glob("*.tif")):
    read(path)
print(len(os.listdir("/proc/self/fd")))
"""
    for number in range(150):
        make(tmp_path / f"{number}.tif", side=32, seed=number)
    assert int(attempt(code, tmp_path)) < 100


def test_the_overviews_of_a_replaced_file_are_read_directly(tmp_path):
    path = tmp_path / "a.tif"

    def write(seed: int) -> None:
        make(tmp_path / "new.tif", side=512, seed=seed, **TILES)
        with rasterio.open(tmp_path / "new.tif", "r+") as file:
            file.build_overviews([2, 4, 8], Resampling.average)
        os.replace(tmp_path / "new.tif", path)

    write(0)
    grid = read_header(path).grid.zoom_out(16)
    how = {"resampling": "average", "overviews": True}
    for seed in (0, 1):
        write(seed)
        ours = read(path, grid, **how, engine="direct").values
        theirs = read(path, grid, **how, engine="gdal").values
        np.testing.assert_allclose(ours.astype(int), theirs.astype(int), atol=1)


def test_why_a_file_is_read_through_gdal_is_said_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(
        "geoloom.io.access.gdal_fallback._REASONS", OrderedDict()
    )  # of other tests' files
    make(tmp_path / "a.tif", compress="packbits", **TILES)
    make(tmp_path / "b.tif", compress="packbits", **TILES)
    with caplog.at_level(logging.INFO, logger="geoloom"):
        for name in ("a.tif", "b.tif", "a.tif", "b.tif"):
            read(tmp_path / name)
    said = [record for record in caplog.records if "GDAL" in record.message]
    assert len(said) == 1
    assert "a.tif" in said[0].message
    assert "compression 32773" in said[0].message


def test_a_stack_of_a_file_that_lies_is_read_by_gdal_in_the_batch_too(tmp_path):
    """What GDAL reads whole, a batch reads, though the direct engine finds a block that it cannot decode."""
    from geoloom.io.batch import ReadOrder, read_batch
    from geoloom.io.blocks.stack import Channel, Stack

    path = tmp_path / "a.tif"
    make(path, side=64, compress="zstd", **TILES)
    patch(path, 323, 32)  # TileLength: half of each tile is left over
    patch(path, 257, 32)  # ImageLength
    header = read_header(path)
    with rasterio.open(path) as file:
        expected = file.read()
    out, valid = np.empty((1, 32, 64), "uint16"), np.empty((32, 64), bool)
    stack = Stack((Channel(header, 1),))
    read_batch([ReadOrder(header.grid, (stack,), "nearest", out, valid)])
    np.testing.assert_array_equal(out, expected)


def test_threads_read_right_while_files_come_and_go(tmp_path):
    """One descriptor at a time is kept open; a reader of one keeps it alive."""
    expected = [
        make(tmp_path / f"{n}.tif", side=128, seed=n, compress="deflate", **TILES) for n in range(6)
    ]
    wrong: list[str] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(40):
                number = int(rng.integers(6))
                path = tmp_path / f"{number}.tif"
                header = read_header(path)
                top = int(rng.integers(100))
                got = read(header, header.grid[top : top + 20, 10:90], resampling="nearest").values
                if not np.array_equal(got, expected[number][:, top : top + 20, 10:90]):
                    wrong.append(str(path))
        except GeoloomError as error:
            wrong.append(str(error))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_predictor_of_an_odd_type_is_not_passed_over(tmp_path):
    """GDAL takes signed numbers there: without the predictor, differences would be read as values."""
    path = tmp_path / "a.tif"
    make(path, side=64, compress="lzw", predictor=2, **TILES)
    patch(path, 317, 8, field="type")
    grid = read_header(path).grid
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(read(path, grid, engine="auto").values, file.read())
    with pytest.raises(ReadError):
        read(path, grid, engine="direct")


def test_degrees_beyond_all_bounds_are_refused(tmp_path):
    """Pixels of 4e18 degrees lie whole turns apart, however often they are turned."""
    path = tmp_path / "a.tif"
    far = Affine(4e18, 0, -60, 0, -4e18, 5)
    profile = {"driver": "GTiff", "height": 32, "width": 32, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=far) as file:
        file.write(np.ones((1, 32, 32), "uint8"))
    with pytest.raises(ReadError, match="beyond all degrees"):
        read_header(path)


def test_a_file_that_was_removed_is_not_read_from_memory_for_ever(tmp_path, monkeypatch):
    from geoloom.io.batch import ReadOrder, read_batch
    from geoloom.io.blocks.stack import Channel, Stack

    monkeypatch.setattr("geoloom.io.blocks.stack._RECHECK_S", 0.0)
    path = tmp_path / "a.tif"
    make(path, side=64, **TILES)
    header = read_header(path)
    out, valid = np.empty((1, 64, 64), "uint16"), np.empty((64, 64), bool)
    order = ReadOrder(header.grid, (Stack((Channel(header, 1),)),), "nearest", out, valid)
    read_batch([order])
    path.unlink()
    with pytest.raises(ReadError):
        read_batch([order])


@POSIX
def test_a_pipe_among_the_files_does_not_keep_the_reader_waiting(tmp_path):
    make(tmp_path / "b.tif")
    os.mkfifo(tmp_path / "a.tif")
    script = (
        "import sys; from geoloom.datasets import RasterDataset; from geoloom.core.errors import ReadError\n"
        "try: RasterDataset(sys.argv[1])\n"
        "except ReadError as error: print(error)\n"
        "print(RasterDataset(sys.argv[1], on_error='skip'))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert "a.tif is a pipe or a device, not a file" in output
    assert "RasterDataset(1 scenes" in output
