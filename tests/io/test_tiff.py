"""Every layout that the direct engine takes on is read bit for bit as rasterio reads it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.core.errors import ReadError
from geoloom.io.access.byte_source import Source
from geoloom.io.access.handles import stamp_of
from geoloom.io.blocks.cache import local_tiff
from geoloom.io.engines.direct import DirectEngine
from geoloom.io.engines.gdal import GdalEngine
from geoloom.io.headers.header import read_header
from geoloom.io.headers.tiff_structure import UnsupportedTiffError, parse_tiff

ENGINE = DirectEngine()
PLACE = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}


def make(path: Path, dtype: str, *, count: int = 3, shape=(301, 275), seed: int = 0, **options):
    rng = np.random.default_rng(seed)
    smooth = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 120
    values = (smooth + rng.integers(0, 6, (count, *shape))).astype(dtype)
    if dtype[0] == "f":
        values = (values / 7).astype(dtype)
        values[:, 5, 5] = np.nan
    profile = {
        "driver": "GTiff",
        "height": shape[0],
        "width": shape[1],
        "count": count,
        "dtype": dtype,
    }
    with rasterio.open(path, "w", **profile, **PLACE, **options) as file:
        file.write(values)
    return values


def windows(header, rng):
    """The whole raster, its corners, and windows that hang over its edges."""
    height, width = header.grid.shape
    yield header.grid
    for _ in range(6):
        top, left = int(rng.integers(-40, height - 1)), int(rng.integers(-40, width - 1))
        yield header.grid.translate_pix(left, top)[:70, :90]


def assert_reads_as_rasterio(path: Path) -> None:
    header = read_header(path)
    bands = tuple(range(1, header.count + 1))
    rng = np.random.default_rng(1)
    for grid in windows(header, rng):
        for chosen in (bands, bands[::-1][:1]):
            assert ENGINE.can_read(header, grid, chosen, "nearest")
            ours, valid = ENGINE.read(header, grid, chosen, "nearest", None)
            theirs, theirs_valid = GdalEngine().read(header, grid, chosen, "nearest", None)
            assert ours.dtype == theirs.dtype
            assert ours.tobytes() == theirs.tobytes()
            np.testing.assert_array_equal(valid, theirs_valid)
    with rasterio.open(path) as file:
        whole, _ = ENGINE.read(header, header.grid, bands, "nearest", None)
        assert whole.tobytes() == file.read().tobytes()


LAYOUTS = {
    "strips": {},
    "tall_strips": {"blockysize": 64},
    "one_strip": {"blockysize": 301},
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 32},
    "tile_larger_than_image": {"tiled": True, "blockxsize": 512, "blockysize": 512},
}
PACKINGS = {
    "none": {},
    "deflate": {"compress": "deflate"},
    "deflate_2": {"compress": "deflate", "predictor": 2},
    "lzw": {"compress": "lzw"},
    "lzw_2": {"compress": "lzw", "predictor": 2},
    "zstd": {"compress": "zstd"},
    "zstd_2": {"compress": "zstd", "predictor": 2},
}


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_layouts_and_packings(tmp_path, layout, packing, interleave):
    path = tmp_path / "a.tif"
    make(path, "uint16", interleave=interleave, **LAYOUTS[layout], **PACKINGS[packing])
    assert_reads_as_rasterio(path)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint32", "int32", "float32", "float64"]
)
@pytest.mark.parametrize("packing", ["none", "deflate", "lzw_2", "zstd_2"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_dtypes_and_byte_orders(tmp_path, dtype, packing, endian):
    path = tmp_path / "a.tif"
    make(
        path,
        dtype,
        endianness=endian,
        tiled=True,
        blockxsize=64,
        blockysize=64,
        **PACKINGS[packing],
    )
    assert_reads_as_rasterio(path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compress", ["deflate", "lzw", "zstd"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_floating_point_predictor(tmp_path, dtype, compress, endian, interleave):
    path = tmp_path / "a.tif"
    options = {"compress": compress, "predictor": 3, "endianness": endian, "interleave": interleave}
    make(path, dtype, tiled=True, blockxsize=64, blockysize=64, **options)
    assert_reads_as_rasterio(path)


@pytest.mark.parametrize("packing", ["none", "deflate"])
def test_bigtiff_with_overviews(tmp_path, packing):
    path = tmp_path / "a.tif"
    make(
        path, "uint16", BIGTIFF="YES", tiled=True, blockxsize=64, blockysize=64, **PACKINGS[packing]
    )
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.average)
    images = parse_tiff(Source.of(path.read_bytes()))
    assert [(i.height, i.reduced) for i in images] == [(301, False), (151, True), (76, True)]
    assert_reads_as_rasterio(path)


@pytest.mark.parametrize("packing", ["none", "lzw"])
@pytest.mark.parametrize("nodata", [None, 9])
def test_blocks_that_were_never_written(tmp_path, packing, nodata):
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "height": 200, "width": 200, "count": 2, "dtype": "uint16"}
    options = {
        "tiled": True,
        "blockxsize": 64,
        "blockysize": 64,
        "SPARSE_OK": True,
        "nodata": nodata,
    }
    with rasterio.open(path, "w", **profile, **PLACE, **options, **PACKINGS[packing]) as file:
        file.write(
            np.full((2, 64, 64), 5, "uint16"), window=rasterio.windows.Window(64, 64, 64, 64)
        )
    assert (parse_tiff(Source.of(path.read_bytes()))[0].offsets == 0).any()
    assert_reads_as_rasterio(path)


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"compress": "jpeg"}, "uint8"),
        ({"compress": "packbits"}, "uint8"),
        ({"nbits": 4}, "uint8"),
        ({}, "complex64"),
        ({}, "uint64"),
    ],
)
def test_what_is_left_to_gdal(tmp_path, options, dtype):
    path = tmp_path / "a.tif"
    make(path, dtype, **options)
    header = read_header(path)
    assert not ENGINE.can_read(header, header.grid, (1,), "nearest")


def test_masks_and_alpha_are_left_to_gdal(tmp_path):
    path = tmp_path / "a.tif"
    make(path, "uint8", count=4, photometric="RGB", alpha="YES")
    with rasterio.open(path, "r+") as file:
        file.write(np.full((301, 275), 255, "uint8"), 4)
    header = read_header(path)
    assert header.validity[0] == "alpha"
    assert not ENGINE.can_read(header, header.grid, (1,), "nearest")


@pytest.mark.parametrize("packing", ["deflate", "lzw", "zstd"])
def test_damage_is_an_error_that_names_file_and_block(tmp_path, packing):
    path = tmp_path / "a.tif"
    make(path, "uint16", count=1, tiled=True, blockxsize=64, blockysize=64, **PACKINGS[packing])
    header = read_header(path)
    image = parse_tiff(Source.of(path.read_bytes()))[0]
    data = bytearray(path.read_bytes())
    start = int(image.offsets[0, 1, 2])
    data[start : start + int(image.counts[0, 1, 2])] = b"\xff" * int(image.counts[0, 1, 2])
    path.write_bytes(data)
    header = read_header(path)
    with pytest.raises(ReadError, match=r"a\.tif, block at row 1, column 2: .*damaged"):
        ENGINE.read(header, header.grid, (1,), "nearest", None)


@pytest.mark.parametrize("cut", [0, 3, 7, 20, 200, 1000])
def test_a_truncated_file_is_left_to_gdal(tmp_path, cut):
    path = tmp_path / "a.tif"
    make(path, "uint16", count=1)
    path.write_bytes(path.read_bytes()[:cut])
    assert local_tiff(str(path), stamp_of(str(path))) is None


def test_directories_that_point_anywhere_are_refused():
    loop = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 0) + struct.pack("<I", 8)
    beyond = struct.pack("<2sHI", b"II", 42, 10_000)
    many = struct.pack("<2sHIH", b"II", 42, 8, 0xFFFF)
    for data in (loop, beyond, many, b"", b"II", b"PK\x03\x04" * 9):
        with pytest.raises(UnsupportedTiffError):
            parse_tiff(Source.of(data))


@pytest.mark.shared
def test_real_files_are_read_as_rasterio_reads_them(shared_data):
    read, left = 0, 0
    for path in sorted(shared_data.rglob("*.[tT][iI][fF]")):
        try:
            header = read_header(path)
        except ReadError:
            continue
        bands = tuple(range(1, header.count + 1))
        if not ENGINE.can_read(header, header.grid, bands, "nearest"):
            left += 1
            continue
        read += 1
        for grid in (header.grid, header.grid.translate_pix(-9, 33)[:80, :70]):
            ours, valid = ENGINE.read(header, grid, bands, "nearest", None)
            theirs, theirs_valid = GdalEngine().read(header, grid, bands, "nearest", None)
            assert ours.tobytes() == theirs.tobytes(), path
            np.testing.assert_array_equal(valid, theirs_valid, err_msg=str(path))
    assert read > 100, (read, left)
