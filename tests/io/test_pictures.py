"""Pictures: every kind of sample as the standards have it, and no false pixels of damaged files."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from picture_files import KINDS, chunk, jpeg, photograph, png, rows, save
from PIL import Image, ImageOps

from geoloom.core.errors import ReadError
from geoloom.io.pictures.picture import PictureInfo
from geoloom.io.pictures.read import picture_info, picture_infos, read_picture

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SAMPLES = {"gray": 1, "palette": 1, "color": 3, "gray_alpha": 2, "color_alpha": 4}
KINDS_OF_PNG = [
    (kind, depth)
    for kind in KINDS
    for depth in (1, 2, 4, 8, 16)
    if (depth >= 8 or kind in ("gray", "palette")) and (kind, depth) != ("palette", 16)
]


def exif(turn: int) -> bytes:
    """Exif metadata that says nothing but how a picture is stored."""
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 274, 3, 1, turn, 0) + bytes(4)


def tiff(path: Path, values: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    profile = {"count": count, "height": height, "width": width, "dtype": values.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", **profile, **options) as file:
        file.write(values)
    return path


class TestPng:
    @pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
    @pytest.mark.parametrize(("kind", "depth"), KINDS_OF_PNG)
    def test_samples_of_every_kind(self, tmp_path, kind, depth, interlaced):
        rng = np.random.default_rng(depth)
        samples = rng.integers(0, 1 << depth, (13, 17, SAMPLES[kind]))
        palette = rng.integers(0, 256, (1 << depth, 3)).astype("uint8")
        before = [(b"PLTE", palette.tobytes())] if kind == "palette" else []
        data = png(samples, kind, depth, interlaced=interlaced, before=before)
        path = save(tmp_path / "a.png", data)
        picture = read_picture(path)
        if kind == "palette":
            expected = palette[samples[..., 0]].transpose(2, 0, 1)
        else:
            expected = samples.transpose(2, 0, 1)[: 1 if "gray" in kind else 3]
            expected = expected * (255 // ((1 << depth) - 1)) if depth < 8 else expected
        np.testing.assert_array_equal(picture.values, expected)
        assert picture.info == picture_info(path)
        assert picture.values.dtype == picture.info.dtype == ("uint16" if depth == 16 else "uint8")
        assert picture.values.shape[1:] == picture.valid.shape == picture.info.shape == (13, 17)
        assert picture.info.band_names == (("1",) if "gray" in kind else ("red", "green", "blue"))
        opaque = samples[..., -1] != 0 if "alpha" in kind else np.ones((13, 17), bool)
        np.testing.assert_array_equal(picture.valid, opaque)

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_every_filter_as_pillow_undoes_it(self, tmp_path, channels):
        pixels = photograph(61, 47, channels, seed=channels)
        for kind in range(5):
            path = save(tmp_path / "a.png", with_filter(pixels, kind))
            np.testing.assert_array_equal(
                np.asarray(Image.open(path)).reshape(pixels.shape), pixels
            )
            picture = read_picture(path, measured=4)
            np.testing.assert_array_equal(picture.values, pixels.transpose(2, 0, 1))

    def test_a_transparent_colour_and_a_transparent_entry_are_not_observed(self, tmp_path):
        samples = np.random.default_rng(3).integers(0, 3, (9, 11, 3))
        clear = struct.pack(">3H", 1, 2, 0)
        path = save(tmp_path / "a.png", png(samples, "color", 8, before=[(b"tRNS", clear)]))
        np.testing.assert_array_equal(read_picture(path).valid, (samples != (1, 2, 0)).any(axis=-1))
        before = [(b"PLTE", bytes(range(12))), (b"tRNS", b"\xff\x00\x80")]
        path = save(tmp_path / "b.png", png(samples[..., :1], "palette", 2, before=before))
        np.testing.assert_array_equal(read_picture(path).valid, samples[..., 0] != 1)

    def test_a_declared_fourth_band_is_data(self, tmp_path):
        samples = np.random.default_rng(3).integers(0, 200, (9, 11, 4))
        path = save(tmp_path / "a.png", png(samples, "color_alpha", 8))
        assert picture_info(path).band_names == ("red", "green", "blue")
        picture = read_picture(path, measured=4)
        assert picture.info.band_names == ("red", "green", "blue", "4")
        np.testing.assert_array_equal(picture.values, samples.transpose(2, 0, 1))
        assert picture.valid.all()

    def test_metadata_of_any_length_may_precede_the_pixels(self, tmp_path):
        samples = np.random.default_rng(3).integers(0, 200, (9, 11, 1))
        path = save(tmp_path / "a.png", png(samples, "gray", 8, before=[(b"tEXt", bytes(99_999))]))
        assert picture_info(path).shape == (9, 11)
        np.testing.assert_array_equal(read_picture(path).values[0], samples[..., 0])

    @pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
    def test_a_file_cut_anywhere_is_refused(self, tmp_path, interlaced):
        data = png(photograph(40, 30), "color", 8, interlaced=interlaced)
        for length in range(0, len(data) - 16, 97):  # the last 16 bytes only say that it ends
            path = save(tmp_path / "a.png", data[:length])
            with pytest.raises(ReadError, match=r"a\.png"):
                read_picture(path)

    def test_a_flipped_bit_is_noticed(self, tmp_path):
        data = png(photograph(40, 30), "color", 8)
        for at in range(8, len(data) - 16, 53):
            wrong = bytearray(data)
            wrong[at] ^= 4
            path = save(tmp_path / "a.png", bytes(wrong))
            with pytest.raises(ReadError, match=r"a\.png"):
                read_picture(path)

    def test_too_few_pixels_are_refused_where_all_checksums_are_right(self, tmp_path):
        """GDAL 3.10 gives 0 for the rows that are missing, and no error."""
        whole = rows(photograph(40, 30), 8)
        for made in (zlib.compress(whole[: len(whole) // 2]), zlib.compress(whole)[:900], b""):
            header = struct.pack(">IIBBBBB", 30, 40, 8, 2, 0, 0, 0)
            parts = chunk(b"IHDR", header), chunk(b"IDAT", made), chunk(b"IEND", b"")
            path = save(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n" + b"".join(parts))
            with pytest.raises(ReadError, match=r"damaged PNG.*bytes where 3,640 were expected"):
                read_picture(path)

    def test_impossible_headers_and_colours_are_refused(self, tmp_path):
        samples = np.full((4, 4, 1), 3)
        palette = [(b"PLTE", bytes(9))]
        for data, why in (
            (png(samples, "palette", 2, before=palette), "its palette has 3 colours"),
            (png(samples, "palette", 2), "its palette has 0 bytes"),
            (png(samples, "gray", 8, claimed=(0, 4)), "claims 4 x 0 pixels"),
            (png(samples, "gray", 8, before=[(b"tRNS", b"\0")]), "transparent colour"),
        ):
            with pytest.raises(ReadError, match=f"damaged PNG: .*{why}"):
                read_picture(save(tmp_path / "a.png", data))


def with_filter(pixels: np.ndarray, kind: int) -> bytes:
    """A PNG whose rows all have one filter (PNG, section 9.2)."""
    height, width, channels = pixels.shape
    padded = np.pad(pixels.astype(int), ((1, 0), (1, 0), (0, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    guess = left + above - corner
    distances = np.stack([abs(guess - known) for known in (left, above, corner)])
    nearest = np.choose(distances.argmin(axis=0), [left, above, corner])
    taken = [0, left, above, (left + above) // 2, nearest][kind]
    lines = ((pixels.astype(int) - taken) % 256).astype("uint8").reshape(height, -1)
    data = b"".join(bytes([kind]) + line.tobytes() for line in lines)
    color = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class TestJpeg:
    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_values_are_those_that_were_compressed(self, tmp_path, channels, options):
        pixels = photograph(50, 70, channels)
        path = save(tmp_path / "a.jpg", jpeg(pixels.squeeze(), **options))
        picture = read_picture(path)
        assert picture.values.shape == (channels, 50, 70)
        assert picture.values.dtype == "uint8"
        difference = picture.values.astype(int) - pixels.transpose(2, 0, 1)
        assert np.abs(difference).mean() < 3
        assert picture.valid.all()
        assert picture.info == picture_info(path)
        assert picture.info.band_names == (("1",) if channels == 1 else ("red", "green", "blue"))

    @pytest.mark.parametrize("turn", range(1, 9))
    def test_a_camera_held_otherwise_gives_upright_pictures(self, tmp_path, turn):
        """Pillow's own function is the judge."""
        stored = Image.fromarray(photograph(24, 40))
        tags = Image.Exif()
        tags[274] = turn
        stored.save(tmp_path / "a.jpg", exif=tags, quality=95)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")))
        picture = read_picture(tmp_path / "a.jpg")
        np.testing.assert_array_equal(picture.values, expected.transpose(2, 0, 1))
        assert picture.info == picture_info(tmp_path / "a.jpg")
        assert picture.info.shape == expected.shape[:2] == picture.valid.shape

    def test_a_file_cut_anywhere_is_refused(self, tmp_path):
        for options in ({}, {"progressive": True}):
            data = jpeg(photograph(40, 30), **options)
            for length in range(0, len(data) - 2, 61):
                with pytest.raises(ReadError, match=r"a\.jpg"):
                    read_picture(save(tmp_path / "a.jpg", data[:length]))

    def test_inks_are_refused_with_the_way_out(self, tmp_path):
        file = BytesIO()
        Image.fromarray(photograph(16, 16)).convert("CMYK").save(file, "JPEG")
        path = save(tmp_path / "a.jpg", file.getvalue())
        for read in (picture_info, read_picture):
            with pytest.raises(ReadError, match=r"a\.jpg is stored as CMYK.*expected gray or RGB"):
                read(path)

    def test_scans_without_end_are_refused(self, tmp_path):
        data = jpeg(photograph(16, 16), progressive=True)
        start = data.rindex(b"\xff\xda")
        path = save(tmp_path / "a.jpg", data[:start] + data[start:-2] * 1001 + data[-2:])
        with pytest.raises(ReadError, match=r"made of 10\d\d scans"):
            read_picture(path)


class TestTiff:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
    @pytest.mark.parametrize("compress", ["none", "deflate", "lzw", "packbits"])
    def test_values_without_a_place(self, tmp_path, dtype, compress):
        values = np.random.default_rng(1).integers(0, 100, (5, 20, 30)).astype(dtype)
        path = tiff(tmp_path / "a.tif", values, compress=compress)
        picture = read_picture(path)
        np.testing.assert_array_equal(picture.values, values)
        assert picture.values.dtype == picture.info.dtype == dtype
        assert picture.info.band_names == ("1", "2", "3", "4", "5")
        assert picture.info.grid is None
        assert picture.info == picture_info(path)

    def test_a_place_is_kept(self, tmp_path):
        values = np.random.default_rng(1).integers(0, 100, (2, 20, 30)).astype("uint16")
        affine = Affine(10, 0, 500_000, 0, -10, 5_000_000)
        path = tiff(tmp_path / "a.tif", values, crs="EPSG:32633", transform=affine, nodata=7)
        picture = read_picture(path)
        assert picture.info.grid.crs == "EPSG:32633"
        assert picture.info.grid.affine == affine
        np.testing.assert_array_equal(picture.valid, (values != 7).all(axis=0))

    def test_what_the_numbers_mean_is_kept(self, tmp_path):
        path = tiff(tmp_path / "a.tif", np.ones((2, 4, 4), "int16"), nodata=-9)
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets = (1e-4, 1.0), (-0.1, 0.0)
            file.set_band_description(1, "red")
        red, other = picture_info(path).bands
        assert (red.name, red.role, red.scale, red.offset, red.nodata) == (
            "red",
            "red",
            1e-4,
            -0.1,
            -9,
        )
        assert (other.name, other.scale, other.offset, other.nodata) == ("2", 1, 0, -9)

    def test_a_transform_without_a_crs_is_no_place(self, tmp_path):
        affine = Affine(10, 0, 500_000, 0, -10, 5_000_000)
        path = tiff(tmp_path / "a.tif", np.ones((1, 4, 4), "uint8"), transform=affine)
        assert picture_info(path).grid is None

    def test_colours_and_transparency(self, tmp_path):
        values = photograph(20, 30, 4).transpose(2, 0, 1).copy()
        values[3] = np.where(values[3] > 128, 255, 0)
        path = tiff(tmp_path / "a.tif", values, photometric="RGB", alpha="YES")
        picture = read_picture(path)
        assert picture.info.band_names == ("red", "green", "blue")
        np.testing.assert_array_equal(picture.values, values[:3])
        np.testing.assert_array_equal(picture.valid, values[3] == 255)
        assert read_picture(path, measured=4).values.shape == (4, 20, 30)

    def test_a_palette_is_its_colours(self, tmp_path):
        values = np.random.default_rng(1).integers(0, 3, (1, 20, 30)).astype("uint8")
        path = tiff(tmp_path / "a.tif", values)
        palette = np.array([(0, 0, 0), (10, 200, 30), (250, 5, 77)], "uint8")
        with rasterio.open(path, "r+") as file:
            file.write_colormap(1, {i: (*map(int, color), 255) for i, color in enumerate(palette)})
        picture = read_picture(path)
        np.testing.assert_array_equal(picture.values, palette[values[0]].transpose(2, 0, 1))
        assert picture.info.band_names == ("red", "green", "blue")
        assert picture.info == picture_info(path)

    def test_stored_turned(self, tmp_path):
        values = photograph(20, 30).transpose(2, 0, 1)
        stored = Image.fromarray(values.transpose(1, 2, 0))
        stored.save(tmp_path / "a.tif", tiffinfo={274: 6})
        picture = read_picture(tmp_path / "a.tif")
        np.testing.assert_array_equal(picture.values, np.rot90(values, -1, axes=(1, 2)))
        assert picture.info.shape == (30, 20)

    def test_jpeg_inside(self, tmp_path):
        values = photograph(32, 48).transpose(2, 0, 1)
        path = tiff(tmp_path / "a.tif", values, compress="jpeg", photometric="YCBCR")
        difference = read_picture(path).values.astype(int) - values
        assert np.abs(difference).mean() < 6

    def test_inks_and_complex_values_are_refused(self, tmp_path):
        path = tiff(tmp_path / "a.tif", np.ones((4, 4, 4), "uint8"), photometric="CMYK")
        for read in (picture_info, read_picture):
            with pytest.raises(ReadError, match=r"a\.tif is stored as CMYK, for printing"):
                read(path)
        path = tiff(tmp_path / "b.tif", np.ones((1, 4, 4), "complex64"))
        with pytest.raises(ReadError, match="values of type complex64, which are not a picture's"):
            picture_info(path)

    def test_a_file_cut_anywhere_is_refused(self, tmp_path):
        for compress in ("none", "deflate", "lzw", "jpeg"):
            values = photograph(40, 30).transpose(2, 0, 1)
            data = tiff(tmp_path / "a.tif", values, compress=compress).read_bytes()
            for length in range(0, len(data) - 1, len(data) // 9):
                path = save(tmp_path / f"{compress}{length}.tif", data[:length])
                with pytest.raises(ReadError, match=path.name):
                    read_picture(path)


class TestAnyFile:
    def test_what_it_is_its_first_bytes_say(self, tmp_path):
        path = save(tmp_path / "a.png", jpeg(photograph(16, 16)))
        assert picture_info(path).format == "JPEG"
        assert read_picture(path).values.shape == (3, 16, 16)

    @pytest.mark.parametrize(
        ("start", "what"),
        [
            (b"", "is empty"),
            (b"GIF89a", "is a GIF"),
            (b"<!DOCTYPE html>", "is a page of a web server"),
            (b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS"),
            (b"\x12\x34\x56", "begins with"),
        ],
    )
    def test_others_are_named(self, tmp_path, start, what):
        path = save(tmp_path / "a.png", start)
        for read in (picture_info, read_picture):
            with pytest.raises(ReadError, match=rf"a\.png {what}.*expected a PNG, JPEG or TIFF"):
                read(path)

    def test_folders_pipes_and_nothing_are_no_files(self, tmp_path):
        with pytest.raises(ReadError, match="not a file"):
            read_picture(tmp_path)
        with pytest.raises(ReadError, match="check the path"):
            read_picture(tmp_path / "none.png")
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / "pipe.png")
            with pytest.raises(ReadError, match="not a file"):
                read_picture(tmp_path / "pipe.png")

    def test_many_at_once_in_their_order(self, tmp_path):
        for i in range(600):
            save(tmp_path / f"{i}.png", png(np.zeros((i % 7 + 1, 3, 1), int), "gray", 8))
        (tmp_path / "300.png").write_bytes(b"")
        calls = []
        found = picture_infos(
            [str(tmp_path / f"{i}.png") for i in range(600)], progress=lambda *x: calls.append(x)
        )
        assert isinstance(found[300], ReadError)
        shapes = [info.shape[0] for info in found if isinstance(info, PictureInfo)]
        assert shapes == [i % 7 + 1 for i in range(600) if i != 300]
        assert calls[-1] == (600, 600)
        assert len(calls) > 1
