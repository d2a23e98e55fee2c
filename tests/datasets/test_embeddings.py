"""Rasters of embeddings: values from codes that are written by hand, on any grid."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

import geoloom as gl
from geoloom.core.errors import DatasetError, ReadError
from geoloom.datasets import CodeTable, EmbeddingDataset, LinearCodes, RasterDataset, SignedPower
from geoloom.datasets.embeddings.quantization import quantization_of
from small_files import CRS, TRANSFORM, save

HALF_A_PIXEL = Affine(30, 0, 500_015, 0, -30, 9_000_000)
"""Moved by half a pixel to the right: bilinear values are the means of two neighbours."""
OTHER = GeoBox((24, 22), Affine(28, 5, 500_150, 4, -29, 8_999_700), CRS)
"""A turned grid inside the scene of `many`."""


def int8(*rows):
    return np.array(rows, "int8")


@pytest.fixture
def many(tmp_path):
    """Eight bands of random codes, unobserved here and there."""
    codes = np.random.default_rng(0).integers(-127, 128, (8, 60, 50)).astype("int8")
    codes[:, 10:14, 20:23] = -128
    return save(tmp_path / "many.tif", codes), codes


def image(dataset, grid):
    sample = dataset[grid]
    return sample["image"].numpy(), sample["valid"].numpy()


def own_grid(dataset):
    return dataset.scenes[0].grid


class TestCodes:
    def test_those_of_alphaearth(self, tmp_path):
        """sign(x) * (x / 127.5)^2: of 51 it is 0.4^2, of 102 0.8^2; -128 is unobserved."""
        path = save(tmp_path / "a.tif", int8([[51, -51, 102, 127, 0, -127, -128]]))
        dataset = EmbeddingDataset(path, quantization="alphaearth")
        values, valid = image(dataset, own_grid(dataset))
        most = 0.992172241445598  # (127 / 127.5)^2
        np.testing.assert_allclose(values[0, 0, :6], [0.16, -0.16, 0.64, most, 0, -most], rtol=1e-6)
        assert valid[0].tolist() == [True] * 6 + [False]
        assert values.dtype == np.float32

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (LinearCodes(0.5, 1.0), [[0.0, 2.0], [3.0, 6.0]]),
            (LinearCodes((0.5, 2.0), (1.0, 0.0)), [[0.0, 2.0], [8.0, 20.0]]),
            ("linear:0.5,1", [[0.0, 2.0], [3.0, 6.0]]),
            (SignedPower(2.0, 3.0), [[-1.0, 1.0], [8.0, 125.0]]),
            ("power:2,3", [[-1.0, 1.0], [8.0, 125.0]]),
            (CodeTable(tuple(range(100, 120)), first=-2), [[100.0, 104.0], [106.0, 112.0]]),
            (
                CodeTable((tuple(range(100, 120)), tuple(range(20, 0, -1))), first=-2),
                [[100.0, 104.0], [14.0, 8.0]],
            ),
        ],
        ids=["linear", "by_band", "in_words", "power", "power_in_words", "table", "tables"],
    )
    def test_each_rule(self, tmp_path, rule, expected):
        path = save(tmp_path / "a.tif", int8([[-2, 2]], [[4, 10]]), names=["x", "y"])
        dataset = EmbeddingDataset(path, quantization=rule)
        values, _ = image(dataset, own_grid(dataset))
        np.testing.assert_allclose(values[:, 0], expected, rtol=1e-6)
        turned = dataset.with_bands(["y", "x"])
        np.testing.assert_allclose(image(turned, own_grid(dataset))[0][:, 0], expected[::-1])

    def test_of_sixteen_bits(self, tmp_path):
        path = save(tmp_path / "a.tif", np.array([[[-300, 300, 600]]], "int16"))
        dataset = EmbeddingDataset(path, quantization=SignedPower(300, 2))
        assert image(dataset, own_grid(dataset))[0].tolist() == [[[-1, 1, 4]]]

    def test_what_files_declare_counts_tile_by_tile(self, tmp_path):
        for name, scale, east in (("a", 0.5, 0), ("b", 0.25, 60)):
            path = save(
                tmp_path / f"{name}.tif",
                int8([[3, 4]]),
                transform=TRANSFORM @ Affine.translation(east / 30, 0),
            )
            declare(path, scale, -1.0)
        dataset = EmbeddingDataset(tmp_path)
        values, valid = image(dataset, GeoBox((1, 4), TRANSFORM, CRS))
        assert values[0, 0].tolist() == [0.5, 1.0, -0.25, 0.0]
        assert valid.all()

    def test_declared_codes_are_interpolated_without_rounding(self, tmp_path):
        path = save(tmp_path / "a.tif", int8([[2, 3]]))
        declare(path, 0.1, 0.0)
        values, _ = image(EmbeddingDataset(path), GeoBox((1, 1), HALF_A_PIXEL, CRS))
        assert values[0, 0, 0] == pytest.approx(0.25)

    def test_halves_and_plain_floats(self, tmp_path):
        vectors = np.array([[[0.5, -0.25, np.nan]], [[2.0, 1.0, 1.0]]], "float32")
        for bits in ({}, {"nbits": 16}):
            path = save(tmp_path / "a.tif", vectors, **bits)
            dataset = EmbeddingDataset(path)
            values, valid = image(dataset, own_grid(dataset))
            assert values[:, 0, :2].tolist() == [[0.5, -0.25], [2.0, 1.0]]
            assert valid[0].tolist() == [True, True, False]

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ("alphearth", "did you mean 'alphaearth'"),
            ("linear:a", "linear:SCALE,OFFSET"),
            ("linear:0", "scale is 0.0; 0 makes all values alike"),
            ("power:1", "power:SCALE,POWER"),
            (7, "quantization is 7"),
        ],
    )
    def test_what_is_no_rule(self, rule, message):
        with pytest.raises(DatasetError, match=message):
            quantization_of(rule)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: LinearCodes((1.0, 2.0), (0.0, 0.0, 0.0)),
            lambda: LinearCodes(float("nan")),
            lambda: SignedPower(-1, 2),
            lambda: CodeTable(()),
            lambda: CodeTable(((1.0, 2.0), (1.0,))),
            lambda: CodeTable((1.0, float("inf"))),
        ],
        ids=["lengths", "nan", "negative", "empty", "uneven", "infinite"],
    )
    def test_rules_that_cannot_be(self, make):
        with pytest.raises(DatasetError):
            make()

    def test_rules_that_do_not_fit_the_files(self, tmp_path):
        path = save(tmp_path / "a.tif", int8([[1, 9]]))
        with pytest.raises(DatasetError, match=r"of 2 bands, and .* has 1"):
            EmbeddingDataset(path, quantization=LinearCodes((1.0, 2.0)))
        dataset = EmbeddingDataset(path, quantization=CodeTable((0.0, 1.0, 2.0)))
        with pytest.raises(ReadError, match="codes from 1 to 9, and the table has values for 0 to"):
            dataset[own_grid(dataset)]
        dataset = EmbeddingDataset(path, quantization=CodeTable((0.0, 1.0, 2.0)), nodata=9)
        assert image(dataset, own_grid(dataset))[1].tolist() == [[True, False]]
        declare(path, 0.5, 0.0)
        with pytest.raises(
            DatasetError, match=r"declares stored values of scale 0\.5.* leave it out"
        ):
            EmbeddingDataset(path, quantization="alphaearth")


def declare(path, scale, offset):
    import rasterio

    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,) * file.count, (offset,) * file.count


class TestOtherGrids:
    def test_values_are_resampled_and_not_codes(self, tmp_path):
        """Between 0 and 0.8^2 lies 0.32; the code between is 51, which means 0.16."""
        path = save(tmp_path / "a.tif", int8([[0, 102, -128]]))
        grid = GeoBox((1, 2), HALF_A_PIXEL, CRS)
        values, valid = image(EmbeddingDataset(path, quantization="alphaearth"), grid)
        assert values[0, 0, 0] == pytest.approx(0.32)
        assert valid.tolist() == [
            [True, False]
        ]  # the second centre lies on the unobserved pixel's edge
        nearest = EmbeddingDataset(path, quantization="alphaearth", resampling="nearest")
        nearer = GeoBox((1, 1), Affine(30, 0, 500_020, 0, -30, 9_000_000), CRS)
        assert image(nearest, nearer)[0].item() == pytest.approx(0.64)

    def test_unobserved_neighbours_take_no_part(self, tmp_path):
        path = save(tmp_path / "a.tif", int8([[102, -128], [102, -128]]))
        grid = GeoBox((1, 1), Affine(30, 0, 500_010, 0, -30, 8_999_990), CRS)
        values, valid = image(EmbeddingDataset(path, quantization="alphaearth"), grid)
        assert valid.all()
        assert values.item() == pytest.approx(0.64)

    def test_length_one_between_two_vectors(self, tmp_path):
        path = save(tmp_path / "a.tif", np.array([[[1, 0, 0]], [[0, 1, 0]]], "float32"))
        dataset = EmbeddingDataset(path, unit_length=True)
        values, valid = image(dataset, GeoBox((1, 2), HALF_A_PIXEL, CRS))
        np.testing.assert_allclose(values[:, 0, 0], [0.5**0.5] * 2, rtol=1e-6)
        np.testing.assert_allclose(values[:, 0, 1], [0, 1], atol=1e-6)
        assert valid.all()
        assert image(dataset, own_grid(dataset))[1].tolist() == [[True, True, False]]

    @pytest.mark.parametrize("unit_length", [False, True])
    def test_a_window_is_the_window_of_the_whole(self, many, unit_length):
        dataset = EmbeddingDataset(many[0], quantization="alphaearth", unit_length=unit_length)
        whole, valid = image(dataset, OTHER)
        part, part_valid = image(dataset, OTHER[5:17, 3:21])
        np.testing.assert_allclose(part, whole[:, 5:17, 3:21], atol=1e-6)
        np.testing.assert_array_equal(part_valid, valid[5:17, 3:21])
        assert not valid.all()

    @pytest.mark.parametrize("resampling", ["bilinear", "cubic", "average"])
    def test_as_a_raster_of_the_values_themselves(self, tmp_path, many, resampling):
        """What a file of float values gives is what the codes give: also much coarser, and turned."""
        path, codes = many
        numbers = codes.astype("float64")
        values = (np.sign(numbers) * (numbers / 127.5) ** 2).astype("float32")
        values[codes == -128] = np.nan
        plain = save(tmp_path / "values.tif", values)
        coarse = GeoBox((9, 8), Affine(170, 0, 500_010, 0, -190, 8_999_950), CRS)
        for grid in (OTHER, coarse):
            expected = gl.read(plain, grid, resampling=resampling, engine="gdal")
            dataset = EmbeddingDataset(path, quantization="alphaearth", resampling=resampling)
            found, valid = image(dataset, grid)
            np.testing.assert_array_equal(valid, expected.valid)
            np.testing.assert_allclose(
                found[:, valid], expected.values[:, expected.valid], atol=1e-5
            )

    def test_two_zones_on_a_grid_of_degrees(self, tmp_path):
        """The value of each pixel's centre is that of the tile's pixel under it, as pyproj has it."""
        rng = np.random.default_rng(1)
        tiles = []
        for zone, east in ((32722, 832_000), (32723, 166_000)):
            codes = rng.integers(-127, 128, (3, 40, 60)).astype("int8")
            transform = Affine(100, 0, east - 3_000, 0, -100, 9_002_000)
            save(tmp_path / f"{zone}.tif", codes, transform=transform, crs=f"EPSG:{zone}")
            tiles.append((zone, codes, transform))
        dataset = EmbeddingDataset(tmp_path, quantization="alphaearth", resampling="nearest")
        grid = GeoBox((30, 70), Affine(0.001, 0, -48.03, 0, -0.001, -9.01), "EPSG:4326")
        values, valid = image(dataset, grid)
        rows, cols = np.mgrid[:30, :70]
        lon, lat = -48.03 + 0.001 * (cols + 0.5), -9.01 - 0.001 * (rows + 0.5)
        expected = np.full(values.shape, np.nan)
        seen = []
        for zone, codes, transform in tiles:
            x, y = Transformer.from_crs(4326, zone, always_xy=True).transform(lon, lat)
            col, row = ~transform * (x, y)
            inside = (col >= 0) & (col < 60) & (row >= 0) & (row < 40)
            own = codes[:, row.clip(0, 39).astype(int), col.clip(0, 59).astype(int)].astype(float)
            own = np.sign(own) * (own / 127.5) ** 2
            expected = np.where(np.isnan(expected) & inside, own, expected)
            seen.append(inside)
        assert all((inside & ~other).any() for inside, other in (seen, seen[::-1]))
        np.testing.assert_array_equal(valid, seen[0] | seen[1])
        np.testing.assert_allclose(values[:, valid], expected[:, valid], rtol=1e-6)

    def test_south_up(self, tmp_path):
        codes = int8([[1, 2], [3, 4]])
        upward = Affine(30, 0, 500_000, 0, 30, 8_999_940)
        path = save(tmp_path / "a.tif", codes, transform=upward)
        dataset = EmbeddingDataset(path, quantization=LinearCodes(1.0))
        values, _ = image(dataset, GeoBox((2, 2), TRANSFORM, CRS))
        assert values.tolist() == [[[3, 4], [1, 2]]]


class TestAsADataset:
    def test_years(self, tmp_path):
        for year, code in ((2019, 51), (2020, 102)):
            save(tmp_path / f"tile_{year}.tif", int8([[code]]))
        dataset = EmbeddingDataset(
            tmp_path,
            quantization="alphaearth",
            filename_regex=r"tile_(?P<date>\d{4})",
            date_format="%Y",
        )
        grid = own_grid(dataset)
        for year, value in (("2019", 0.16), ("2020", 0.64), (None, 0.64)):
            sample = dataset[gl.Query(grid, gl.Interval.of(year))]
            assert sample["image"].item() == pytest.approx(value)
        series = dataset.series()[grid]
        np.testing.assert_allclose(series["image"].flatten(), [0.16, 0.64], rtol=1e-6)

    def test_with_labels_and_with_other_tiles(self, tmp_path, many):
        path, codes = many
        labels = save(tmp_path / "labels.tif", np.arange(3000, dtype="uint8").reshape(60, 50) % 7)
        whole = EmbeddingDataset(path, quantization="alphaearth")
        sample = (whole & RasterDataset(labels, is_image=False))[OTHER]
        np.testing.assert_array_equal(sample["image"], whole[OTHER]["image"])
        assert sample["mask"].shape == (24, 22)
        other = save(tmp_path / "east.tif", codes, transform=TRANSFORM @ Affine.translation(50, 0))
        both = whole | EmbeddingDataset(other, quantization="alphaearth")
        wide = GeoBox((60, 100), TRANSFORM, CRS)
        left, right = np.split(both[wide]["image"].numpy(), 2, axis=2)
        valid = both[wide]["valid"].numpy()[:, :50]
        np.testing.assert_array_equal(left[:, valid], right[:, valid])

    @pytest.mark.parametrize("rule", ["alphaearth", LinearCodes(0.1), None])
    def test_a_batch_is_its_samples(self, many, rule):
        dataset = EmbeddingDataset(many[0], quantization=rule, unit_length=rule is not None)
        grids = [OTHER, OTHER[:10], own_grid(dataset)[3:30, 4:20]]
        for single, one in zip(grids, dataset.__getitems__(grids), strict=True):
            assert torch.equal(dataset[single]["image"], one["image"])
            assert torch.equal(dataset[single]["valid"], one["valid"])

    def test_some_channels_of_vectors_of_length_one(self, many):
        dataset = EmbeddingDataset(many[0], quantization="alphaearth", unit_length=True)
        some = dataset.answer(gl.Query(OTHER), (5, 2))
        assert torch.equal(some["image"], dataset[OTHER]["image"][[5, 2]])

    def test_equal_by_what_decides_the_values(self, many):
        path, _ = many
        one = EmbeddingDataset(path, quantization="alphaearth")
        assert one == EmbeddingDataset(path, quantization=SignedPower(127.5, 2.0, nodata=-128))
        assert one != EmbeddingDataset(path, quantization=LinearCodes(1.0))
        assert one != EmbeddingDataset(path, quantization="alphaearth", unit_length=True)
        again = pickle.loads(pickle.dumps(one))
        assert again == one
        assert torch.equal(again[OTHER]["image"], one[OTHER]["image"])
        assert one.sample_dtype("image") == np.float32
