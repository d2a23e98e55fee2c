"""Headers read from a TIFF's own directory are those that GDAL gives, field by field."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import example, given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from geoloom.core.errors import ReadError
from geoloom.io.access.handles import stamp_of
from geoloom.io.headers import header as headers
from geoloom.io.headers.tiff_directory import read_directory
from geoloom.testing.ramps import write_raster

GRID = GeoBox((6, 8), Affine(30, 0, 500_000, 0, -30, 8_000_000), "EPSG:32720")
OTHER = GeoBox((5, 9), Affine(10.1, 0, 312_345.6, 0, -9.9, 7_654_321.1), "EPSG:32720")


@pytest.fixture(autouse=True)
def _unknown_kinds(monkeypatch):
    monkeypatch.setattr(headers, "_KINDS", {})
    headers._read_header.cache_clear()


def fields_of(header):
    """All fields as text, so that NaN equals NaN."""
    fields = (f.name for f in dataclasses.fields(header))
    return {name: repr(getattr(header, name)) for name in fields}


def from_gdal(path):
    return headers._ask_gdal(str(path), None, 0, True, stamp_of(str(path)))[0]


def without_gdal(path, monkeypatch):
    """The header where the file's directory suffices; None where GDAL must be asked."""

    def refuse(*asked):
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(headers, "_ask_gdal", refuse)
        headers._read_header.cache_clear()
        try:
            return headers.read_header(path)
        except LookupError:
            return None


def make(path, grid=GRID, *, count=2, dtype="uint16", descriptions=None, **options):
    height, width = grid.shape
    profile = {"height": height, "width": width, "count": count, "dtype": dtype}
    profile |= {"crs": grid.crs.to_wkt(), "transform": grid.affine}
    with rasterio.open(path, "w", driver="GTiff", **profile, **options) as file:
        file.write(np.zeros((count, height, width), dtype))
        file.descriptions = descriptions or [None] * count
    return path


def plain(path, grid):
    make(path, grid)


def with_nodata(path, grid):
    make(path, grid, dtype="float32", nodata=float("nan"))


def packed(path, grid):
    make(path, grid, compress="deflate", interleave="pixel", BIGTIFF="YES", endianness="BIG")


def tiled_with_overviews(path, grid):
    make(path, grid, tiled=True, blockxsize=16, blockysize=16)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2], Resampling.average)


def palette(path, grid):
    make(path, grid, count=1, dtype="uint8")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (255, 0, 0, 255)})


def point(path, grid):
    make(path, grid)
    with rasterio.open(path, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")


def rotated(path, grid):
    turned = GeoBox(grid.shape, grid.affine @ Affine.rotation(20), grid.crs)
    make(path, turned)


def named_and_scaled(path, grid):
    make(path, grid, descriptions=("red & nir", "qa"))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets, file.units = (0.1, 2.0), (-3.0, 0.0), ("m", "m")


def alpha(path, grid):
    make(path, grid, count=4, dtype="uint8", photometric="RGB", alpha="YES")


def albers(path, grid):
    make(path, GeoBox(grid.shape, grid.affine, "+proj=aea +lat_1=-5 +lat_2=-42 +lon_0=-60"))


def with_texts(path, grid):
    """Texts that differ from file to file."""
    make(path, grid)
    with rasterio.open(path, "r+") as file:
        file.update_tags(
            TIFFTAG_DATETIME=f"2019:01:0{grid.shape[0]} 00:00:00", tile=f"T{grid.shape}"
        )
        file.update_tags(1, STATISTICS_MEAN=str(grid.shape[1]))


KINDS = [plain, with_nodata, packed, tiled_with_overviews, palette, point, rotated, named_and_scaled, alpha,
         albers, with_texts]  # fmt: skip
BY_THEMSELVES = [kind for kind in KINDS if kind is not alpha]
"""Of these the directory says all; whether a band tagged as alpha is a mask, only its values show."""


@pytest.mark.parametrize("write", BY_THEMSELVES)
def test_the_second_file_of_a_kind_needs_no_gdal(tmp_path, monkeypatch, write):
    write(tmp_path / "a.tif", GRID)
    write(tmp_path / "b.tif", OTHER)
    assert without_gdal(tmp_path / "a.tif", monkeypatch) is None
    headers.read_header(tmp_path / "a.tif")
    found = without_gdal(tmp_path / "b.tif", monkeypatch)
    assert fields_of(found) == fields_of(from_gdal(tmp_path / "b.tif"))
    assert found.stamp == stamp_of(str(tmp_path / "b.tif"))


def test_kinds_are_not_mixed_up(tmp_path, monkeypatch):
    """Whatever was learned from others; only place and texts may differ within a kind."""
    alike = set()
    for write in KINDS:
        headers._KINDS.clear()
        write(tmp_path / "a.tif", GRID)
        headers.read_header(tmp_path / "a.tif")
        for other in KINDS:
            other(tmp_path / "b.tif", OTHER)
            found = without_gdal(tmp_path / "b.tif", monkeypatch)
            if found is not None:
                assert fields_of(found) == fields_of(from_gdal(tmp_path / "b.tif")), (write, other)
                alike.add((write, other))
    assert alike == {(w, w) for w in BY_THEMSELVES} | {(plain, rotated), (rotated, plain)}


def masked_inside(path):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_raster(
            path, np.zeros((2, *GRID.shape), "uint16"), GRID, valid=np.eye(*GRID.shape) > 0
        )


def masked_beside(path):
    make(path)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(np.eye(*GRID.shape) > 0)


def masked_beside_in_capitals(path):
    masked_beside(path)
    path.with_name(path.name + ".msk").rename(path.with_name(path.name + ".MSK"))


def named_beside(path):
    make(path)
    path.with_name(path.name + ".aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><Description>b</Description></PAMRasterBand></PAMDataset>"
    )


def nodata_by_metadata(path):
    make(path)
    with rasterio.open(path, "r+") as file:
        file.update_tags(NODATA_VALUES="0 0")


@pytest.mark.parametrize(
    "write",
    [masked_inside, masked_beside, masked_beside_in_capitals, named_beside, nodata_by_metadata],
)
def test_what_lies_beside_or_inside_is_not_overlooked(tmp_path, monkeypatch, write):
    make(tmp_path / "plain.tif")
    headers.read_header(tmp_path / "plain.tif")
    write(tmp_path / "a.tif")
    assert without_gdal(tmp_path / "a.tif", monkeypatch) is None
    asked = headers.read_header(tmp_path / "a.tif")
    assert fields_of(asked) == fields_of(from_gdal(tmp_path / "a.tif"))
    plainly = headers.read_header(tmp_path / "plain.tif")
    assert (asked.validity, asked.descriptions) != (plainly.validity, plainly.descriptions)


@pytest.fixture(scope="module")
def bytes_of_one(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "a.tif"
    make(path)
    return path, path.read_bytes()


numbers = st.floats(-1e7, 1e7).filter(lambda v: v == 0 or abs(v) > 1e-3)


@given(place=st.tuples(*[numbers] * 6), scale=st.tuples(st.floats(1e-5, 1e4), st.floats(1e-5, 1e4)))
def test_the_transform_is_gdals_bit_for_bit(bytes_of_one, place, scale):
    path, data = bytes_of_one
    data = data.replace(
        struct.pack("<6d", 0, 0, 0, 500_000, 8_000_000, 0), struct.pack("<6d", *place)
    ).replace(struct.pack("<3d", 30, 30, 0), struct.pack("<3d", *scale, 0))
    path.write_bytes(data)
    with rasterio.open(path) as file:
        assert read_directory(str(path)).affine == tuple(file.transform[:6])


def test_a_file_that_cannot_be_placed_is_refused_as_gdal_refuses_it(tmp_path, monkeypatch):
    make(tmp_path / "a.tif", rotated_grid := GeoBox(GRID.shape, Affine(2, 1, 0, 1, 2, 0), GRID.crs))
    headers.read_header(tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    assert rotated_grid.affine.determinant != 0
    flat = data.replace(struct.pack("<2d", 2, 1), struct.pack("<2d", 2, 4))
    (tmp_path / "b.tif").write_bytes(flat)
    assert flat != data
    with pytest.raises(ReadError, match="maps no area"):
        headers.read_header(tmp_path / "b.tif")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@given(cut=st.integers(0, 400), at=st.integers(0, 399), byte=st.integers(0, 255))
@example(cut=0, at=72, byte=0)  # GDAL's complaint about the first look is raised at the second
def test_a_damaged_file_is_described_as_gdal_describes_it(bytes_of_one, cut, at, byte):
    path, data = bytes_of_one
    path.write_bytes(data)
    headers.read_header(path)
    damaged = bytearray(data[: len(data) - cut])
    damaged[min(at, len(damaged) - 1)] = byte
    path.write_bytes(damaged)
    try:
        expected = fields_of(from_gdal(path))
    except ReadError:
        expected = None
    try:
        found = fields_of(headers.read_header(path))
    except ReadError:
        found = None
    assert found == expected


def test_another_crs_given_is_another_kind(tmp_path):
    for name in "ab":
        make(tmp_path / f"{name}.tif")
    headers.read_header(tmp_path / "a.tif", crs="EPSG:32721")
    assert headers.read_header(tmp_path / "b.tif").grid.crs == "EPSG:32720"
    assert headers.read_header(tmp_path / "b.tif", crs="EPSG:32721").grid.crs == "EPSG:32721"


def test_kinds_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(headers, "_KINDS_KEPT", 2)
    for number in range(5):
        headers.read_header(make(tmp_path / f"{number}.tif", count=number + 1))
    assert len(headers._KINDS) <= 2


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_real_files_are_described_as_gdal_describes_them(shared_data, monkeypatch):
    paths = sorted(shared_data.rglob("*.[tT][iI][fF]"))
    placed = []
    for path in paths:
        try:
            headers.read_header(path)
        except ReadError:
            continue
        placed.append(path)
    alone = 0
    for path in placed:
        found = without_gdal(path, monkeypatch)
        if found is not None:
            alone += 1
            assert fields_of(found) == fields_of(from_gdal(path)), path
    assert alone > 0.8 * len(placed), (alone, len(placed))
