"""Pictures that lie, in child processes bounded in memory and time."""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from picture_files import chunk, jpeg, photograph, png

from geoloom.testing.trials import Tally, require, run_trials

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

BOUND = 200 << 20
PLACE = Path(tempfile.gettempdir())


def warm_up() -> None:
    for case in (("png", 0), ("jpeg", 0), ("tiff", 0), ("deflate", 0)):
        read(case, data=whole(case[0]))


def whole(kind: str) -> bytes:
    pixels = photograph(64, 48)
    if kind == "png":
        return png(pixels, "color", 8)
    if kind == "interlaced":
        return png(pixels, "color", 8, interlaced=True)
    if kind == "jpeg":
        return jpeg(pixels)
    if kind == "progressive":
        return jpeg(pixels, progressive=True)
    options = {"compress": "none" if kind == "tiff" else kind}
    profile = {"count": 3, "height": 64, "width": 48, "dtype": "uint8"}
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", **profile, **options) as file:
            file.write(pixels.transpose(2, 0, 1))
        return memory.read()


def mutant(kind: str, seed: int) -> bytes:
    """Some bytes changed, most of them early, where headers are; of a PNG with checksums that fit."""
    data, rng = bytearray(whole(kind)), np.random.default_rng(seed)
    for _ in range(rng.integers(1, 6)):
        at = int(len(data) * rng.random() ** 4)
        data[at] = rng.choice([0, 1, 255, data[at] ^ (1 << rng.integers(8)), rng.integers(256)])
    if kind in ("png", "interlaced"):
        at = 8
        while at + 12 <= len(data):
            (length,) = struct.unpack_from(">I", data, at)
            if at + 12 + length > len(data):
                break
            struct.pack_into(
                ">I", data, at + 8 + length, zlib.crc32(data[at + 4 : at + 8 + length])
            )
            at += 12 + length
    return bytes(data)


def read(case: tuple[str, int], data: bytes | None = None) -> str:
    from geoloom.io.pictures.read import picture_info, read_picture

    path = PLACE / f"geoloom-hostile-{os.getpid()}"
    path.write_bytes(mutant(*case) if data is None else data)
    try:
        info = picture_info(path)
        picture = read_picture(path)
        require(picture.info == info, "the header describes another picture than the pixels")
        require(picture.values.shape == (len(info.bands), *info.shape), "another shape")
        require(picture.values.dtype == info.dtype, "another type")
        return str(info.shape)
    finally:
        path.unlink()


KINDS = ("png", "interlaced", "jpeg", "progressive", "tiff", "deflate", "lzw", "zstd")


def test_changed_bytes_crash_nothing_and_take_no_memory():
    cases = [(kind, seed) for kind in KINDS for seed in range(100)]
    tally = Tally.of(run_trials(read, cases, seconds=20, memory_bytes=BOUND, warm_up=warm_up))
    assert not tally.failures, tally.report()


def bomb(kind: str) -> bytes:
    """A file of some hundred bytes that claims gigabytes."""
    if kind == "png":
        return png(np.zeros((8, 8, 3), int), "color", 8, claimed=(100_000, 100_000))
    if kind == "jpeg":
        data = jpeg(photograph(16, 16))
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :]
    with rasterio.MemoryFile() as memory:
        profile = {"count": 3, "height": 60_000, "width": 60_000, "dtype": "uint8"}
        options = {"compress": kind, "sparse_ok": True, "tiled": True}
        with memory.open(driver="GTiff", **profile, **options):
            pass
        return memory.read()


def read_bomb(kind: str) -> str:
    return read((kind, 0), data=bomb(kind))


def test_small_files_that_claim_gigabytes_are_refused():
    cases = ["png", "jpeg", "deflate", "lzw", "none", "packbits"]
    tally = Tally.of(run_trials(read_bomb, cases, seconds=60, memory_bytes=BOUND, warm_up=warm_up))
    assert [outcome.verdict for outcome in tally.outcomes] == ["refused"] * 6, tally.report()
    assert all("cannot hold" in outcome.detail for outcome in tally.outcomes)


def honest(kind: str) -> str:
    """What is packed as densely as its format allows is still read, in memory that its pixels explain."""
    from geoloom.io.pictures.read import read_picture

    samples = np.zeros((3000, 3000, 3), np.uint8)
    path = PLACE / f"geoloom-dense-{os.getpid()}"
    path.write_bytes(jpeg(samples) if kind == "jpeg" else dense_png(samples))
    try:
        require(not read_picture(path).values.any(), "black pixels are not black")
    finally:
        path.unlink()
    return kind


def dense_png(samples: np.ndarray) -> bytes:
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(height * (3 * width + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*one) for one in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_dense_but_honest_files_are_read():
    tally = Tally.of(
        run_trials(honest, ["png", "jpeg"], seconds=60, memory_bytes=400 << 20, warm_up=warm_up)
    )
    assert [outcome.verdict for outcome in tally.outcomes] == ["answered"] * 2, tally.report()
