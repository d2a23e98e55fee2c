"""The laws of reading: ramps, windows, lattices, validity. Truth by pyproj and plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.grid import lattice_window
from geoloom.core.resampling import RESAMPLINGS
from geoloom.io.geometry.shrinkage import cells
from geoloom.io.raster import read
from geoloom.testing import strategies as some
from geoloom.testing.ramps import ramp, truth, write_ramp, write_raster

few = settings(max_examples=settings.default.max_examples * 2 // 5)


@pytest.fixture(params=["gdal", "auto"])
def engine(request):
    """Every engine keeps the laws: GDAL's, and whichever is chosen by itself."""
    return request.param


# Sources that go around the Earth, hold a pole, or count longitudes past 180.
AROUND = {
    "arctic": GeoBox((40, 720), Affine(0.5, 0, -180, 0, -0.25, 90), "EPSG:4326"),
    "antarctic, south up": GeoBox((40, 720), Affine(0.5, 0, -180, 0, 0.25, -90), "EPSG:4326"),
    "0 to 360": GeoBox((180, 360), Affine(1, 0, 0, 0, -1, 90), "EPSG:4326"),
    "fiji": GeoBox((80, 160), Affine(0.125, 0, 170, 0, -0.125, -10), "EPSG:4326"),
}
POLAR = "EPSG:3995"
SEAMS = [
    ("arctic", GeoBox((60, 60), Affine(20_000, 0, -600_000, 0, -20_000, 600_000), POLAR)),
    ("antarctic, south up", GeoBox((50, 60), Affine(2e4, 0, -6e5, 0, -2e4, 5e5), "EPSG:3031")),
    ("0 to 360", GeoBox((60, 60), Affine(40_000, 0, -1.2e6, 0, -40_000, 1.2e6), POLAR)),
    ("0 to 360", GeoBox((30, 30), Affine(50_000, 0, -2e5, 0, -50_000, 4e6), "EPSG:32630")),
    ("fiji", GeoBox((64, 64), Affine(9_000, 0, 5e5, 0, -9_000, 8_300_000), "EPSG:32760")),
    ("fiji", GeoBox((64, 64), Affine(9_000, 0, 0, 0, -9_000, 8_300_000), "EPSG:32701")),
]


def assert_ramp(path, source, grid, engine):
    expected = truth(source, grid)
    for resampling, reach in (("nearest", 0), ("bilinear", 1), ("cubic", 2)):
        got = read(path, grid, resampling=resampling, engine=engine)
        assert got.valid[expected.inside(1e-5)].all()
        assert not got.valid[~expected.inside(-1e-5)].any()
        if resampling == "nearest":
            sure = expected.inside() & expected.off_ties()
            for values, exact in zip(got.values, (expected.cols, expected.rows), strict=True):
                np.testing.assert_array_equal(values[sure], np.floor(exact[sure]))
            continue
        widest = max(max(shrinkage.span) for _, _, shrinkage in cells(source, grid))
        inner = expected.inside(reach * widest + 1)
        for values, exact in zip(got.values, (expected.cols, expected.rows), strict=True):
            np.testing.assert_allclose(values[inner], exact[inner] - 0.5, rtol=0, atol=1e-4)


class TestRamp:
    @pytest.mark.parametrize("kind", some.KINDS)
    @few
    @given(data=st.data())
    def test_equals_pyproj_at_pixel_centres(self, tmp_path, engine, kind, data):
        source, grid = data.draw(some.overlapping_grids(kind))
        assert_ramp(write_ramp(tmp_path / "ramp.tif", source), source, grid, engine)

    @pytest.mark.parametrize(("name", "grid"), SEAMS)
    def test_across_poles_and_seams(self, tmp_path, engine, name, grid):
        source = AROUND[name]
        path = write_ramp(tmp_path / "ramp.tif", source)
        assert truth(source, grid).inside().mean() > 0.4
        assert_ramp(path, source, grid, engine)

    @pytest.mark.parametrize("shrink", [2, 3, 5.3, 9])
    def test_shrinking_stays_on_the_line(self, tmp_path, engine, shrink):
        source = some.grid_around((12.0, -33.0), "EPSG:32733", (120, 130), 10)
        grid = some.grid_around((12.0, -33.0), "EPSG:4326", (8, 9), 10 * shrink, turn_deg=20)
        assert_ramp(write_ramp(tmp_path / "ramp.tif", source), source, grid, engine)


class TestWindows:
    @pytest.mark.parametrize("resampling", RESAMPLINGS)
    # The same examples at each run. Among random ones there are rare ties: where a cubic's support of a pixel
    # lies on the bound of validity to the last bit, a cut may round to the other side.
    @settings(derandomize=True)
    @given(pair=some.overlapping_grids(shrink=(0.3, 6.0)), data=st.data())
    def test_a_cut_of_a_read_is_a_read_of_a_cut(self, tmp_path, engine, resampling, pair, data):
        source, grid = pair
        rng = np.random.default_rng(0)
        signal = rng.normal(size=(2, *source.shape)).astype("float32")
        signal[0][rng.random(source.shape) < 0.2] = np.nan
        classes = rng.integers(0, 5, size=(1, *source.shape)).astype("uint8")
        cut = data.draw(some.cuts(grid))
        for name, values, nodata in (("signal", signal, None), ("classes", classes, 0)):
            path = write_raster(tmp_path / f"{name}.tif", values, source, nodata=nodata)
            whole, part = (
                read(path, grid, resampling=resampling, engine=engine),
                read(path, grid[cut], resampling=resampling, engine=engine),
            )
            np.testing.assert_array_equal(part.valid, whole.valid[cut])
            exact = resampling in ("nearest", "mode") or name == "classes"
            np.testing.assert_allclose(
                part.values, whole.values[:, *cut], rtol=0, atol=0 if exact else 1e-5
            )

    @pytest.mark.parametrize("resampling", RESAMPLINGS)
    @pytest.mark.parametrize(("name", "grid"), SEAMS)
    def test_where_the_shrinkage_varies(self, tmp_path, engine, resampling, name, grid):
        source = AROUND[name]
        values = np.random.default_rng(0).normal(size=(1, *source.shape)).astype("float32")
        path = write_raster(tmp_path / "signal.tif", values, source)
        whole = read(path, grid, resampling=resampling, engine=engine)
        for cut in (np.s_[3:20, 11:30], np.s_[:, 29:30]):
            part = read(path, grid[cut], resampling=resampling, engine=engine)
            np.testing.assert_array_equal(part.valid, whole.valid[cut])
            np.testing.assert_allclose(part.values, whole.values[:, *cut], rtol=0, atol=1e-5)

    def test_a_large_grid_is_read_in_cells_that_do_not_show(self, tmp_path, engine):
        """Cells are anchored to the CRS, so a cut at any place falls into the same ones."""
        source = AROUND["arctic"]
        values = np.random.default_rng(0).normal(size=(1, *source.shape)).astype("float32")
        path = write_raster(tmp_path / "signal.tif", values, source)
        grid = GeoBox((600, 600), Affine(4_000, 0, -1.2e6, 0, -4_000, 1.2e6), POLAR)
        assert len(list(cells(source, grid))) > 4
        whole = read(path, grid, resampling="bilinear", engine=engine)
        cut = np.s_[100:400, 250:530]
        part = read(path, grid[cut], resampling="bilinear", engine=engine)
        np.testing.assert_allclose(part.values, whole.values[:, *cut], rtol=0, atol=1e-5)


class TestLattices:
    @given(source=some.grids(), data=st.data())
    def test_an_equal_lattice_is_copied_bit_for_bit(self, tmp_path, engine, source, data):
        values = np.random.default_rng(0).integers(0, 256, (2, *source.shape)).astype("uint8")
        path = write_raster(tmp_path / "a.tif", values, source, nodata=7)
        height, width = source.shape
        top, left = data.draw(st.integers(-9, height + 3)), data.draw(st.integers(-9, width + 3))
        shape = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
        grid = GeoBox(shape, source.affine * Affine.translation(left, top), source.crs)
        expected = np.full((2, *shape), 7, "uint8")
        padded = np.pad(values, ((0, 0), (80, 80), (80, 80)), constant_values=7)
        expected = padded[:, top + 80 : top + 80 + shape[0], left + 80 : left + 80 + shape[1]]
        for resampling in RESAMPLINGS:
            got = read(path, grid, resampling=resampling, engine=engine)
            np.testing.assert_array_equal(got.values, expected)
            np.testing.assert_array_equal(got.valid, (expected != 7).all(axis=0))

    @few
    @given(source=some.grids(), shift=st.floats(0.05, 0.95))
    def test_another_lattice_is_resampled_once(self, tmp_path, engine, source, shift):
        """One bilinear step over a saw-tooth, by hand; two steps would flatten it."""
        rows, cols = np.indices(source.shape)
        values = ((cols + rows) % 2).astype("float64")[None]
        path = write_raster(tmp_path / "a.tif", values, source)
        grid = GeoBox(source.shape, source.affine * Affine.translation(shift, 0), source.crs)
        assert lattice_window(source, grid) is None
        got = read(path, grid, resampling="bilinear", engine=engine)
        expected = values[0][:, :-1] * (1 - shift) + values[0][:, 1:] * shift
        np.testing.assert_allclose(got.values[0][:, :-1], expected, atol=1e-4)


def nearest_seen(seen, expected):
    return expected.nearest(seen.astype("uint8")).astype(bool)


def bilinear_by_hand(values, seen, expected):
    """Weights of the four neighbours that are inside and observed, made to sum to one."""
    height, width = values.shape
    col, row = expected.cols - 0.5, expected.rows - 0.5
    col0, row0 = np.floor(col).astype(int), np.floor(row).astype(int)
    total, weight = np.zeros(col.shape), np.zeros(col.shape)
    for down in (0, 1):
        for across in (0, 1):
            at_row, at_col = row0 + down, col0 + across
            inside = (at_row >= 0) & (at_row < height) & (at_col >= 0) & (at_col < width)
            at = np.where(inside, at_row, 0), np.where(inside, at_col, 0)
            share = abs(1 - down - (row - row0)) * abs(1 - across - (col - col0))
            share = share * (inside & seen[at])
            total += share * np.where(seen, values, 0)[at]
            weight += share
    return total / np.where(weight > 0, weight, 1)


def tag_nodata(path, values, seen, grid):
    return write_raster(path, np.where(seen, values, -999).astype("float32"), grid, nodata=-999)


def tag_nan(path, values, seen, grid):
    return write_raster(path, np.where(seen, values, np.nan).astype("float32"), grid)


def tag_mask(path, values, seen, grid):
    return write_raster(path, np.where(seen, values, 1e6).astype("float32"), grid, valid=seen)


def tag_alpha(path, values, seen, grid):
    import rasterio

    layers = np.stack([np.where(seen, values[0], 60_000), np.where(seen, 65_535, 0)])
    write_raster(path, layers.astype("uint16"), grid)
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [
            rasterio.enums.ColorInterp.gray,
            rasterio.enums.ColorInterp.alpha,
        ]
    return path


class TestValidity:
    @pytest.mark.parametrize("tag", [tag_nodata, tag_nan, tag_mask, tag_alpha])
    @few
    @given(pair=some.overlapping_grids(shrink=(0.3, 1.2)))
    def test_unobserved_pixels_never_take_part(self, tmp_path, engine, tag, pair):
        source, grid = pair
        rng = np.random.default_rng(0)
        seen = rng.random(source.shape) > 0.3
        values = rng.integers(0, 50_000, size=(1, *source.shape)).astype("float64")
        path = tag(tmp_path / "a.tif", values, seen, source)
        expected = truth(source, grid)
        sure = (expected.inside(1e-5) | ~expected.inside(-1e-5)) & expected.off_ties()
        for resampling in ("nearest", "bilinear"):
            got = read(path, grid, resampling=resampling, engine=engine)
            np.testing.assert_array_equal(got.valid[sure], nearest_seen(seen, expected)[sure])
            if resampling == "nearest":
                by_hand, near = expected.nearest(values[0]), 0.0
            else:
                by_hand = bilinear_by_hand(values[0], seen, expected)
                near = 0.6 if tag is tag_alpha else 0.1  # 1e-6 px of noise, and rounding
            ours = sure & got.valid
            spans = {shrinkage.span for _, _, shrinkage in cells(source, grid)}
            if resampling == "bilinear" and spans != {(1, 1)}:
                continue
            np.testing.assert_allclose(got.values[0][ours], by_hand[ours], rtol=1e-6, atol=near)

    def test_a_strip_beyond_the_antimeridian_is_seen(self, tmp_path, engine):
        """One column of the grid lies on the far side, where the source's first half pixel is."""
        source = GeoBox((8, 31), Affine(0.0005, 0, -180.0002, 0, -0.0005, 0.002), "EPSG:4326")
        grid = GeoBox((8, 19), Affine(90, 0, 165_972, 0, -60, 238), "EPSG:32601")
        path = write_raster(tmp_path / "a.tif", np.ones((1, 8, 31), "uint8"), source)
        inside = truth(source, grid).inside(0)
        assert inside[:, 0].any()
        for resampling in ("nearest", "bilinear"):
            assert read(path, grid, resampling=resampling, engine=engine).valid[inside].all()

    def test_a_band_does_not_depend_on_the_others(self, tmp_path, engine):
        source = some.grid_around((30.0, 10.0), "EPSG:32636", (30, 30), 10)
        grid = some.grid_around((30.0, 10.0), "EPSG:4326", (20, 20), 12)
        values = np.random.default_rng(0).normal(size=(2, 30, 30)).astype("float32")
        values[0, 5:15, 5:15] = np.nan
        path = write_raster(tmp_path / "a.tif", values, source)
        both, second = read(path, grid, engine=engine), read(path, grid, bands=[2], engine=engine)
        np.testing.assert_array_equal(both.values[1], second.values[0])
        assert second.valid.all()
        assert not both.valid.all()

    def test_zero_is_a_class(self, tmp_path, engine):
        source = some.grid_around((30.0, 10.0), "EPSG:32636", (30, 30), 10)
        path = write_raster(tmp_path / "a.tif", np.zeros((1, 30, 30), "uint8"), source)
        grid = some.grid_around((30.0, 10.0), "EPSG:4326", (20, 20), 10)
        for resampling in RESAMPLINGS:
            assert read(path, grid, resampling=resampling, engine=engine).valid.all()


class TestShrinking:
    SOURCE = some.grid_around((-60.0, -10.0), "EPSG:32720", (64, 64), 10)

    def test_average_and_mode_of_whole_blocks(self, tmp_path, engine):
        values = np.random.default_rng(0).integers(0, 4, (1, 64, 64)).astype("uint8")
        path = write_raster(tmp_path / "a.tif", values, self.SOURCE)
        grid = GeoBox((16, 16), self.SOURCE.affine * Affine.scale(4), self.SOURCE.crs)
        blocks = values[0].reshape(16, 4, 16, 4).swapaxes(1, 2).reshape(16, 16, 16)
        counts = np.stack([(blocks == value).sum(axis=-1) for value in range(4)])
        np.testing.assert_array_equal(
            read(path, grid, resampling="mode", engine=engine).values[0], counts.argmax(axis=0)
        )
        np.testing.assert_array_equal(
            read(path, grid, resampling="average", engine=engine).values[0],
            np.floor(blocks.mean(axis=-1) + 0.5),
        )

    def test_average_weighs_by_area(self, tmp_path, engine):
        values = np.random.default_rng(0).normal(size=(1, 64, 64))
        path = write_raster(tmp_path / "a.tif", values, self.SOURCE)
        grid = GeoBox(
            (10, 10),
            self.SOURCE.affine * Affine.translation(2.3, 1.1) * Affine.scale(2.5),
            self.SOURCE.crs,
        )
        integral = np.pad(values[0], ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        at = np.arange(65.0)
        rows, cols = 1.1 + 2.5 * np.arange(11), 2.3 + 2.5 * np.arange(11)
        partial = np.stack([np.interp(cols, at, line) for line in integral])
        corners = np.stack([np.interp(rows, at, line) for line in partial.T]).T
        expected = np.diff(np.diff(corners, axis=0), axis=1) / 2.5**2
        np.testing.assert_allclose(
            read(path, grid, resampling="average", engine=engine).values[0], expected, atol=1e-9
        )

    def test_mode_of_a_turned_pixel_follows_its_shape(self, tmp_path, engine):
        values = np.zeros((1, 64, 64), "uint8")
        rows, cols = np.indices((64, 64))
        values[0][abs(rows - 31.5) + abs(cols - 31.5) < 14] = 1
        path = write_raster(tmp_path / "a.tif", values, self.SOURCE)
        turned = self.SOURCE.affine * Affine.translation(32, 32) * Affine.rotation(45)
        grid = GeoBox(
            (2, 2), turned * Affine.scale(9.5) * Affine.translation(-1, -1), self.SOURCE.crs
        )
        assert (read(path, grid, resampling="mode", engine=engine).values == 1).all()
        beyond = GeoBox(
            (1, 1), turned * Affine.scale(9.5) * Affine.translation(1, -0.5), self.SOURCE.crs
        )
        assert (read(path, beyond, resampling="mode", engine=engine).values == 0).all()

    def test_mode_leaves_out_what_was_not_observed(self, tmp_path, engine):
        values = np.full((1, 64, 64), 9, "uint8")
        values[0, ::4, ::4] = 3
        path = write_raster(tmp_path / "a.tif", values, self.SOURCE, nodata=9)
        grid = GeoBox((16, 16), self.SOURCE.affine * Affine.scale(4), self.SOURCE.crs)
        got = read(path, grid, resampling="mode", engine=engine)
        assert got.valid.all()
        assert (got.values == 3).all()

    @pytest.mark.parametrize("resampling", ["bilinear", "cubic", "average"])
    def test_no_aliasing(self, tmp_path, engine, resampling):
        """White noise shrunk four times loses what GDAL's kernel of four times the width takes away."""
        noise = np.random.default_rng(0).normal(size=(1, 512, 512)).astype("float32")
        source = some.grid_around((-60.0, -10.0), "EPSG:32720", (512, 512), 10)
        path = write_raster(tmp_path / "a.tif", noise, source)
        grid = some.grid_around((-60.0, -10.0), "EPSG:4326", (120, 120), 40)
        assert read(path, grid, resampling=resampling, engine=engine).values.std() < 0.3

    @pytest.mark.parametrize("resampling", ["bilinear", "cubic"])
    def test_equals_gdal_for_whole_factors(self, tmp_path, engine, resampling):
        """GDAL chooses the same kernel by itself where one grid is cut evenly by the other."""
        import rasterio
        from rasterio.enums import Resampling
        from rasterio.warp import reproject

        values = np.random.default_rng(0).normal(size=(1, 64, 64)).astype("float32")
        path = write_raster(tmp_path / "a.tif", values, self.SOURCE)
        grid = GeoBox((16, 16), self.SOURCE.affine * Affine.scale(4), self.SOURCE.crs)
        expected = np.zeros((1, 16, 16), "float32")
        with rasterio.open(path) as file:
            reproject(
                rasterio.band(file, 1),
                expected,
                dst_transform=grid.affine,
                dst_crs=file.crs,
                resampling=Resampling[resampling],
            )
        got = read(path, grid, resampling=resampling, engine=engine)
        np.testing.assert_allclose(got.values, expected, atol=1e-5)


class TestRounding:
    @pytest.mark.parametrize("resampling", ["bilinear", "average", "cubic"])
    def test_halves_fall_alike_however_a_grid_is_cut(self, tmp_path, engine, resampling):
        """Twice and half the pixel make means of quarters, which coordinates' last digits would tip."""
        for pixel, crs in ((0.1, "EPSG:32733"), (1 / 3, "EPSG:32733"), (30.0, "EPSG:4326")):
            source = some.grid_around((12.3, -33.1), crs, (60, 60), pixel)
            values = np.random.default_rng(0).integers(0, 50, (1, 60, 60)).astype("uint8")
            path = write_raster(tmp_path / "a.tif", values, source)
            for factor, size in ((0.5, 110), (2, 28)):
                affine = source.affine * Affine.translation(1, 1) * Affine.scale(factor)
                grid = GeoBox((size, size), affine, source.crs)
                whole = read(path, grid, resampling=resampling, engine=engine)
                for cut in (np.s_[3:20, 5:27], np.s_[7:, 13:], np.s_[1:2, :]):
                    part = read(path, grid[cut], resampling=resampling, engine=engine)
                    np.testing.assert_array_equal(part.values, whole.values[:, *cut])

    def test_integers_are_rounded_and_kept_in_range(self, tmp_path, engine):
        source = some.grid_around((30.0, 10.0), "EPSG:32636", (30, 30), 10)
        values = ramp(source, "uint8")[:1] * 200
        path = write_raster(tmp_path / "a.tif", values, source)
        reals = write_raster(tmp_path / "b.tif", values.astype("float64"), source)
        grid = some.grid_around((30.0, 10.0), "EPSG:4326", (60, 60), 4)
        for resampling in ("bilinear", "cubic"):
            exact = read(reals, grid, resampling=resampling, engine=engine)
            got = read(path, grid, resampling=resampling, engine=engine)
            assert got.values.dtype == np.uint8
            ok = got.valid
            expected = exact.values[0][ok].clip(0, 255)
            assert abs(got.values[0][ok] - expected).max() <= 0.5 + 1e-4
