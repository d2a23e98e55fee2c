"""`read`: its options, its answers' shapes, and the seam behind it."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, GridError, ReadError
from geoloom.io import engines
from geoloom.io.engines import windowed
from geoloom.io.headers.header import read_header
from geoloom.io.headers.validity import as_stored
from geoloom.io.raster import Raster, read
from geoloom.testing.fakes import FakeEngine, fake_header
from geoloom.testing.ramps import write_raster
from geoloom.testing.strategies import grid_around

SOURCE = grid_around((-60.0, -10.0), "EPSG:32720", (40, 50), 30)
OTHER = grid_around((-60.0, -10.0), "EPSG:4326", (24, 20), 30)
RNG = np.random.default_rng(0)
VALUES = RNG.integers(1, 200, (3, 40, 50)).astype("int16")


@pytest.fixture
def path(tmp_path):
    return write_raster(
        tmp_path / "a.tif", VALUES, SOURCE, nodata=-1, descriptions=("red", "nir", "swir")
    )


def test_its_own_grid_by_default(path):
    got = read(path)
    assert isinstance(got, Raster)
    assert got.grid == SOURCE
    assert got.bands == ("red", "nir", "swir")
    np.testing.assert_array_equal(got.values, VALUES)
    assert got.values.dtype == np.int16
    assert got.valid.dtype == bool
    assert got.valid.shape == (40, 50)


def test_bands_in_the_order_wanted(path):
    got = read(path, OTHER, bands=["swir", 1])
    whole = read(path, OTHER)
    assert got.bands == ("swir", "red")
    np.testing.assert_array_equal(got.values, whole.values[[2, 0]])
    with pytest.raises(BandError, match="no band 'blue'"):
        read(path, bands=["blue"])


def test_a_header_spares_nothing_but_time(path):
    np.testing.assert_array_equal(read(read_header(path), OTHER).values, read(path, OTHER).values)


def test_one_grid_in_many_calls_gives_the_same_bytes(path):
    first = read(path, OTHER)
    for _ in range(3):
        np.testing.assert_array_equal(read(path, OTHER).values, first.values)


def test_classes_keep_their_codes_by_default(tmp_path):
    path = write_raster(tmp_path / "a.tif", (VALUES[:1] % 2 * 200).astype("uint8"), SOURCE)
    assert set(np.unique(read(path, OTHER).values)) - {0, 200}
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {0: (0, 0, 0, 255), 200: (255, 0, 0, 255)})
    assert set(np.unique(read(path, OTHER).values)) == {0, 200}
    assert set(np.unique(read(path, OTHER, resampling="bilinear").values)) - {0, 200}


def test_scale_and_offset_on_request_only(path):
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.1, 1, 1), (5, 0, 0)
    np.testing.assert_array_equal(read(path).values, VALUES)
    got = read(path, scaled=True)
    assert got.values.dtype == np.float32
    np.testing.assert_allclose(got.values[0], VALUES[0] * 0.1 + 5, rtol=1e-6)
    np.testing.assert_allclose(got.values[1], VALUES[1])


class TestNodata:
    def test_what_lies_outside_is_fill(self, path):
        grid = GeoBox((4, 5), SOURCE.affine * Affine.translation(-2, -3), SOURCE.crs)
        got = read(path, grid)
        assert (got.values[:, :3] == -1).all()
        assert (got.values[:, :, :2] == -1).all()
        np.testing.assert_array_equal(got.values[:, 3:, 2:], VALUES[:, :1, :3])
        np.testing.assert_array_equal(got.valid, np.pad(np.ones((1, 3), bool), ((3, 0), (2, 0))))

    def test_nowhere_near(self, path):
        for grid in (
            grid_around((10.0, 50.0), "EPSG:32632", (5, 6), 30),
            grid_around((-59.0, -10.0), "EPSG:32720", (5, 6), 30),
        ):
            got = read(path, grid)
            assert got.values.shape == (3, 5, 6)
            assert not got.valid.any()
            assert (got.values == -1).all()

    @pytest.mark.parametrize("grid", [SOURCE, OTHER])
    def test_a_given_value_replaces_the_tag(self, tmp_path, grid):
        values = np.full((1, 40, 50), 5, "uint8")
        values[0, :20] = 0
        path = write_raster(tmp_path / "a.tif", values, SOURCE, nodata=5)
        tagged, given = (
            read(path, grid, resampling="nearest"),
            read(path, grid, nodata=0, resampling="nearest"),
        )
        assert tagged.valid.any()
        np.testing.assert_array_equal(given.valid, ~tagged.valid & given.valid)
        assert (given.values[0][given.valid] == 5).all()
        assert (tagged.values[0][tagged.valid] == 0).all()
        none = read(path, grid, nodata=float("nan"))
        assert none.valid.all()

    def test_a_given_value_leaves_masks_in_force(self, tmp_path):
        seen = RNG.random((40, 50)) > 0.5
        path = write_raster(tmp_path / "a.tif", VALUES, SOURCE, valid=seen)
        got = read(path, nodata=int(VALUES[0, 0, 0]))
        np.testing.assert_array_equal(got.valid, seen & (VALUES[0, 0, 0] != VALUES).all(axis=0))

    def test_nodata_of_each_band(self, tmp_path):
        """A VRT may tag each band with another value; GDAL's warper would take the first for all."""
        values = np.stack([np.full((40, 50), 7), np.full((40, 50), 9)]).astype("uint8")
        values[0, :, 10:] = 1
        values[1, 10:] = 1
        path = write_raster(tmp_path / "a.tif", values, SOURCE)
        bands = "".join(
            f'<VRTRasterBand dataType="Byte" band="{i}"><NoDataValue>{nodata}</NoDataValue><SimpleSource>'
            f'<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>{i}</SourceBand>'
            "</SimpleSource></VRTRasterBand>"
            for i, nodata in ((1, 7), (2, 9))
        )
        affine = ", ".join(repr(v) for v in SOURCE.affine.to_gdal())
        vrt = path.with_suffix(".vrt")
        vrt.write_text(
            f'<VRTDataset rasterXSize="50" rasterYSize="40"><SRS>EPSG:32720</SRS>'
            f"<GeoTransform>{affine}</GeoTransform>{bands}</VRTDataset>"
        )
        assert read_header(vrt).nodata == (7, 9)
        both = read(vrt)
        expected = (values[0] != 7) & (values[1] != 9)
        np.testing.assert_array_equal(both.valid, expected)
        warped = read(vrt, OTHER)
        for band in (1, 2):
            alone = read(vrt, OTHER, bands=[band])
            assert (alone.values[0][alone.valid] == 1).all()
            np.testing.assert_array_equal(warped.values[band - 1], alone.values[0])
        assert 0 < warped.valid.mean() < 1

    def test_a_tag_that_the_dtype_cannot_hold_matches_nothing(self):
        assert as_stored(-9999, np.dtype("uint8")) is None
        assert as_stored(0.5, np.dtype("uint8")) is None
        assert as_stored(float("nan"), np.dtype("int16")) is None
        assert as_stored(255, np.dtype("uint8")) == 255
        tagged_in_text = -3.3999999521443642e38
        assert as_stored(tagged_in_text, np.dtype("float32")) == np.float32(tagged_in_text)


class TestDtypes:
    @pytest.mark.parametrize(
        "dtype",
        ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "complex64"],
    )
    def test_every_dtype_is_kept_and_resampled(self, tmp_path, dtype):
        values = np.broadcast_to(np.arange(50), (1, 40, 50)).astype(dtype)
        path = write_raster(tmp_path / "a.tif", values, SOURCE)
        exact = write_raster(tmp_path / "b.tif", values.real.astype("float64"), SOURCE)
        np.testing.assert_array_equal(read(path).values, values)
        for resampling in ("nearest", "bilinear", "cubic", "average", "mode"):
            got = read(path, OTHER, resampling=resampling)
            assert got.values.dtype == np.dtype(dtype)
            near = 0.501 if np.dtype(dtype).kind in "iu" else 1e-4
            wanted = read(exact, OTHER, resampling=resampling).values
            np.testing.assert_allclose(got.values.real, wanted, atol=near)

    @pytest.mark.parametrize("dtype", ["int64", "uint64"])
    def test_large_codes_survive(self, tmp_path, dtype):
        codes = np.iinfo(dtype).max - VALUES[:1].astype(dtype)
        path = write_raster(tmp_path / "a.tif", codes, SOURCE)
        np.testing.assert_array_equal(read(path).values, codes)
        got = read(path, OTHER, resampling="nearest")
        assert np.isin(got.values, codes).all()


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "average", "mode"])
def test_what_needs_too_much_at_once_is_read_in_parts(path, monkeypatch, resampling):
    whole = read(path, OTHER, resampling=resampling, engine="gdal")
    monkeypatch.setattr(windowed, "_STAGE_BYTES", 500)
    monkeypatch.setattr(windowed, "_SMALLEST_CUT_PX", 4)
    monkeypatch.setattr(windowed, "_SAMPLED_PX", 7)
    parts = read(path, OTHER, resampling=resampling, engine="gdal")
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_array_equal(parts.valid, whole.valid)


class TestErrors:
    def test_a_grid_without_crs(self, path):
        with pytest.raises(GridError, match="has no CRS or no pixels"):
            read(path, GeoBox((4, 4), SOURCE.affine, None))

    def test_an_unknown_kernel(self, path):
        with pytest.raises(
            ReadError, match="no resampling is called 'billinear'; did you mean 'bilinear'"
        ):
            read(path, resampling="billinear")

    def test_another_body(self, path):
        moon = "+proj=longlat +R=1737400 +no_defs"
        far = GeoBox((4, 4), Affine(0.01, 0, 0, 0, -0.01, 0), moon)
        try:
            got = read(path, far)
        except ReadError as error:
            assert "no transformation" in str(error)  # noqa: PT017 - PROJ may also allow it
        else:
            assert got.values.shape == (3, 4, 4)


class TestSeam:
    def test_the_first_engine_that_can_answers(self, path, monkeypatch):
        header = read_header(path)
        fake = FakeEngine({header.uri: VALUES + 1})
        monkeypatch.setattr(engines, "ENGINES", (fake, *engines.ENGINES))
        np.testing.assert_array_equal(read(path).values, VALUES + 1)
        assert fake.asked == [(header.uri, SOURCE, (1, 2, 3), "bilinear")]
        np.testing.assert_array_equal(read(path, engine="gdal").values, VALUES)
        fake.arrays = {}
        np.testing.assert_array_equal(read(path).values, VALUES)
        with pytest.raises(ReadError, match=r"'fake' cannot read .*use engine='auto'"):
            read(path, engine="fake")

    def test_an_unknown_engine(self, path):
        with pytest.raises(ReadError, match="no engine is called 'gdaal'; did you mean 'gdal'"):
            read(path, engine="gdaal")

    def test_the_fake_agrees_with_gdal(self, path):
        fake = FakeEngine({"memory": VALUES})
        header = fake_header(VALUES, SOURCE, nodata=-1)
        for grid in (SOURCE, SOURCE[3:9, 40:].pad(4), OTHER):
            values, valid = fake.read(header, grid, (1, 2, 3), "nearest", None)
            expected = read(path, grid, resampling="nearest", engine="gdal")
            np.testing.assert_array_equal(valid, expected.valid)
            np.testing.assert_array_equal(values, expected.values)


def test_a_zipped_height_tile(shared_data):
    zipped = shared_data / "odd_files" / "rasterio" / "N10W110.hgt.zip"
    got = read(zipped, read_header(zipped).grid[5:9, 7:20])
    assert got.values.shape == (1, 4, 13)


def test_an_archive_that_gdal_cannot_open_by_itself(tmp_path):
    import zipfile

    inside = write_raster(tmp_path / "inside.tif", VALUES, SOURCE)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(inside, "inside.tif")
    with pytest.raises(ReadError, match=r"zip://.*a\.zip!inside\.tif"):
        read(tmp_path / "a.zip")
    np.testing.assert_array_equal(read(f"zip://{tmp_path / 'a.zip'}!inside.tif").values, VALUES)


@pytest.mark.parametrize("side", [float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("crs", ["EPSG:32720", "EPSG:4326"])
def test_a_grid_whose_pixels_have_no_size_is_refused(path, side, crs):
    with pytest.raises(GridError, match="no size or no place"):
        read(path, GeoBox((4, 4), Affine(side, 0, 0, 0, -1, 0), crs))


def test_bands_may_be_given_as_an_array(path):
    assert (read(path, bands=np.array([3, 1])).values == VALUES[[2, 0]]).all()
    with pytest.raises(BandError, match="no band asked"):
        read(path, bands=np.array([], dtype=int))


@pytest.mark.parametrize(
    ("changed", "message"), [({"count": 2}, "has 2 bands .* band 3"), ({"rows": 5}, "is smaller")]
)
def test_a_file_replaced_between_its_header_and_its_pixels_is_named(path, changed, message):
    header = read_header(path)
    less = VALUES[: changed.get("count", 3), : changed.get("rows", 40)]
    write_raster(path, less, SOURCE[: less.shape[1]], nodata=-1)
    with pytest.raises(ReadError, match=rf"a\.tif was replaced while it was read: it {message}"):
        read(header, engine="gdal")
