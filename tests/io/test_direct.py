"""The direct engine against GDAL's, against pyproj, and through the batch door."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
import pytest
import rasterio.shutil
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, GridError, ReadError
from geoloom.core.resampling import RESAMPLINGS
from geoloom.io.batch import ReadOrder, read_batch, warm_up
from geoloom.io.blocks.stack import Channel, Stack
from geoloom.io.engines import choose_engine
from geoloom.io.engines.direct import DirectEngine
from geoloom.io.engines.gdal import GdalEngine
from geoloom.io.geometry.shrinkage import cells
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing import strategies as some
from geoloom.testing.ramps import truth, write_raster

ENGINE = DirectEngine()
DTYPES = ["uint8", "int16", "uint16", "float32", "float64"]


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@settings(max_examples=10)
@given(
    pair=some.overlapping_grids(shrink=(0.3, 6.0)),
    dtype=st.sampled_from(DTYPES),
    nodata=st.sampled_from([None, 7]),
    seed=st.integers(0, 99),
)
def test_equals_the_gdal_engine(tmp_path, resampling, pair, dtype, nodata, seed):
    source, grid = pair
    rng = np.random.default_rng(seed)
    values = (rng.random((2, *source.shape)) * 100).astype(dtype)
    values[rng.random(values.shape) < 0.15] = 7
    path = write_raster(tmp_path / "a.tif", values, source, nodata=nodata)
    header = read_header(path)
    ours, valid = ENGINE.read(header, grid, (1, 2), resampling, None)
    theirs, theirs_valid = GdalEngine().read(header, grid, (1, 2), resampling, None)
    expected = truth(source, grid)
    # On a tie either side is right; sampled points of a pixel may lie on one too.
    sure = (expected.inside(1e-5) | ~expected.inside(-1e-5)) & expected.off_ties()
    if resampling in ("mode", "average"):
        sure = np.ones(grid.shape, bool)
        agree = (valid == theirs_valid) & np.isclose(ours, theirs, atol=1.01).all(axis=0)
        assert agree.mean() > 0.97
        sure &= agree
    np.testing.assert_array_equal(valid[sure], theirs_valid[sure])
    both = sure & valid
    near = 1.01 if np.dtype(dtype).kind in "iu" and resampling != "nearest" else 2e-3
    np.testing.assert_allclose(
        ours[:, both].astype(float), theirs[:, both].astype(float), rtol=0, atol=near
    )
    if near > 1 and both.any():  # only roundings may differ, so nearly all are equal
        assert (ours[:, both] == theirs[:, both]).mean() > 0.97


class TestNearestIsPyprojs:
    """Every pixel of 224-px chips, with no margin at all, against pyproj at full precision."""

    LABELS = GeoBox((1500, 1500), Affine(30, 0, -60_000, 0, -30, 1_800_000), "EPSG:5070")

    @pytest.mark.parametrize("crs", ["EPSG:32614", "EPSG:32615", "EPSG:4326", "EPSG:3857"])
    @pytest.mark.parametrize("engine", ["direct", "gdal"])
    def test_chips(self, tmp_path, crs, engine):
        values = np.random.default_rng(0).integers(0, 255, (1, 1500, 1500)).astype("uint8")
        path = write_raster(tmp_path / "labels.tif", values, self.LABELS)
        rng = np.random.default_rng(1)
        for _ in range(6):
            place = -96.2 + rng.random() * 0.1, 39.0 + rng.random() * 0.05
            grid = some.grid_around(place, crs, (224, 224), 30)
            expected = truth(self.LABELS, grid).nearest(values[0])
            np.testing.assert_array_equal(
                read(path, grid, resampling="nearest", engine=engine).values[0], expected
            )

    def test_grids_whose_every_centre_lies_on_an_edge(self, tmp_path):
        """Half a pixel beside a lattice, in the same CRS and through one that differs by 0.1 mm."""
        source = GeoBox((60, 60), Affine(30, 0, 300_000, 0, -30, 4_000_000), "EPSG:32614")
        values = np.arange(3600, dtype="uint16").reshape(1, 60, 60)
        path = write_raster(tmp_path / "a.tif", values, source)
        for crs in ("EPSG:32614", "EPSG:26914"):
            beside = GeoBox((50, 50), source.affine * Affine.translation(4.5, 3.5), crs)
            whole = read(path, beside, resampling="nearest", engine="direct")
            expected = truth(source, beside).nearest(values[0])
            np.testing.assert_array_equal(whole.values[0], expected)
            part = read(path, beside[7:20, 9:33], resampling="nearest", engine="direct")
            np.testing.assert_array_equal(part.values, whole.values[:, 7:20, 9:33])


def test_large_reads_are_cut_and_the_cuts_do_not_show(tmp_path, monkeypatch):
    source = some.grid_around((30.0, 10.0), "EPSG:32636", (300, 300), 10)
    grid = some.grid_around((30.0, 10.0), "EPSG:4326", (150, 140), 18)
    values = np.random.default_rng(0).normal(size=(2, 300, 300)).astype("float32")
    path = write_raster(tmp_path / "a.tif", values, source)
    for resampling in RESAMPLINGS:
        whole = read(path, grid, resampling=resampling, engine="direct")
        with monkeypatch.context() as patch:
            patch.setattr("geoloom.io.engines.direct_warp._SCRATCH_BYTES", 20_000)
            cut = read(path, grid, resampling=resampling, engine="direct")
        np.testing.assert_allclose(cut.values, whole.values, atol=1e-5)
        np.testing.assert_array_equal(cut.valid, whole.valid)


def test_auto_prefers_it_where_it_can(tmp_path):
    grid = some.grid_around((30.0, 10.0), "EPSG:32636", (20, 20), 10)
    plain = read_header(write_raster(tmp_path / "a.tif", np.zeros((1, 20, 20), "uint8"), grid))
    masked = read_header(
        write_raster(tmp_path / "b.tif", np.zeros((1, 20, 20), "uint8"), grid, valid=np.eye(20) > 0)
    )
    assert choose_engine("auto", plain, grid, (1,), "nearest").name == "direct"
    assert choose_engine("auto", masked, grid, (1,), "nearest").name == "gdal"
    with pytest.raises(ReadError, match="cannot read"):
        choose_engine("direct", masked, grid, (1,), "nearest")


def test_a_map_without_polynomials_is_averaged_alike(tmp_path):
    """Near a pole every place is exact; the mean then comes from the other engine's definition."""
    source = GeoBox((60, 60), Affine(1000, 0, -3e4, 0, -1000, 3e4), "EPSG:3413")
    grid = GeoBox((30, 200), Affine(0.5, 0, -50, 0, -0.005, 89.95), "EPSG:4326")
    values = np.random.default_rng(0).normal(size=(1, 60, 60)).astype("float32")
    path = write_raster(tmp_path / "a.tif", values, source)
    ours, theirs = (read(path, grid, resampling="average", engine=e) for e in ("direct", "gdal"))
    np.testing.assert_array_equal(ours.valid, theirs.valid)
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-5)


class TestBatch:
    SCENE = some.grid_around((-60.0, -10.0), "EPSG:32720", (256, 256), 30)

    @pytest.fixture
    def files(self, tmp_path):
        """Three one-band files of one lattice, one compressed, with nodata 0; and labels in degrees."""
        rng = np.random.default_rng(0)
        paths = []
        for band in range(3):
            values = rng.integers(0, 2000, (1, 256, 256)).astype("uint16")
            paths.append(write_raster(tmp_path / f"B{band}.tif", values, self.SCENE, nodata=0))
        packed = tmp_path / "packed.tif"
        options = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
        rasterio.shutil.copy(paths[2], packed, driver="GTiff", **options)
        labels = some.grid_around((-60.0, -10.0), "EPSG:4326", (300, 300), 30)
        values = rng.integers(0, 9, (1, 300, 300)).astype("uint8")
        return [*paths[:2], packed], write_raster(tmp_path / "labels.tif", values, labels)

    def grids(self):
        yield self.SCENE[10:74, 20:84]
        yield some.grid_around((-60.0, -10.01), "EPSG:32720", (64, 64), 30)
        yield some.grid_around((-60.03, -10.0), "EPSG:32719", (64, 64), 30)
        yield self.SCENE.translate_pix(220, -30)[:64, :64]

    @pytest.mark.parametrize("threads", [1, 3])
    def test_equals_read_file_by_file(self, files, threads):
        bands, labels = files
        stack = Stack(tuple(Channel(read_header(path), 1) for path in bands))
        legend = Stack((Channel(read_header(labels), 1),))
        grids = list(self.grids()) * 3
        images = np.full((len(grids), 3, 64, 64), np.nan, "float32")
        masks = np.full((len(grids), 1, 64, 64), -1, "int64")
        seen, labelled = np.zeros((2, len(grids), 64, 64), bool)
        orders = [
            order
            for i, grid in enumerate(grids)
            for order in (
                ReadOrder(grid, (stack,), "bilinear", images[i], seen[i]),
                ReadOrder(grid, (legend,), "nearest", masks[i], labelled[i]),
            )
        ]
        read_batch(orders, threads=threads)
        for i, grid in enumerate(grids):
            single = [read(path, grid, resampling="bilinear") for path in bands]
            np.testing.assert_array_equal(images[i], np.concatenate([s.values for s in single]))
            np.testing.assert_array_equal(seen[i], np.logical_and.reduce([s.valid for s in single]))
            mask = read(labels, grid, resampling="nearest")
            np.testing.assert_array_equal(masks[i], mask.values)
            np.testing.assert_array_equal(labelled[i], mask.valid)

    def test_gaps_are_filled_from_the_next_stack(self, tmp_path):
        first = np.full((1, 256, 256), 5, "uint16")
        first[0, 100:] = 0
        paths = [
            write_raster(tmp_path / "first.tif", first, self.SCENE, nodata=0),
            write_raster(tmp_path / "next.tif", np.full((1, 256, 256), 8, "uint16"), self.SCENE),
        ]
        stacks = tuple(Stack((Channel(read_header(path), 1),)) for path in paths)
        out, valid = np.empty((1, 64, 64), "float32"), np.empty((64, 64), bool)
        read_batch([ReadOrder(self.SCENE[68:132, :64], stacks, "nearest", out, valid)])
        assert valid.all()
        assert (out[0, :32] == 5).all()
        assert (out[0, 32:] == 8).all()

    def test_what_is_left_to_gdal_comes_too(self, tmp_path):
        seen = np.random.default_rng(0).random((256, 256)) < 0.5
        values = np.random.default_rng(1).integers(0, 99, (2, 256, 256)).astype("uint8")
        path = write_raster(tmp_path / "a.tif", values, self.SCENE, valid=seen)
        stack = Stack((Channel(read_header(path), 2), Channel(read_header(path), 1)))
        assert stack.ready() is None
        out, valid = np.empty((2, 64, 64), "int64"), np.empty((64, 64), bool)
        read_batch([ReadOrder(self.SCENE[:64, :64], (stack,), "nearest", out, valid)])
        np.testing.assert_array_equal(out, values[::-1, :64, :64])
        np.testing.assert_array_equal(valid, seen[:64, :64])

    def test_nodata_survives_a_cast_that_is_not_exact(self, tmp_path):
        values = np.full((1, 256, 256), 16_777_217, "int32")
        values[0, ::2] = 16_777_216
        path = write_raster(tmp_path / "a.tif", values, self.SCENE, nodata=16_777_216)
        out, valid = np.empty((1, 64, 64), "float32"), np.empty((64, 64), bool)
        stack = Stack((Channel(read_header(path), 1),))
        read_batch([ReadOrder(self.SCENE[:64, :64], (stack,), "nearest", out, valid)])
        assert valid[1::2].all()
        assert not valid[::2].any()

    def test_damage_reaches_the_caller(self, files):
        bands, _ = files
        data = bytearray(bands[2].read_bytes())
        data[2000:90_000] = bytes(88_000)
        bands[2].write_bytes(data)
        stack = Stack(tuple(Channel(read_header(path), 1) for path in bands))
        legend = Stack((Channel(read_header(bands[0]), 1),))
        out, valid = np.empty((2, 3, 256, 256), "uint16"), np.empty((2, 256, 256), bool)
        orders = [
            ReadOrder(self.SCENE, (stack,), "nearest", out[0], valid[0]),
            ReadOrder(self.SCENE, (legend,), "nearest", out[1, :1], valid[1]),
        ]
        with pytest.raises(ReadError, match=r"packed\.tif"):
            read_batch(orders, threads=2)

    def test_warming_up_reads_a_little_of_anything(self, files, tmp_path):
        bands, labels = files
        for path, resampling in ((bands[0], "bilinear"), (labels, "nearest")):
            warm_up(Stack((Channel(read_header(path), 1),)), resampling, "float32")
        small = some.grid_around((0.0, 0.0), "EPSG:32631", (1, 1), 10)
        path = write_raster(tmp_path / "small.tif", np.ones((1, 1, 1), "uint8"), small)
        warm_up(Stack((Channel(read_header(path), 1),)), "cubic", "uint8")
        masked = write_raster(
            tmp_path / "masked.tif", np.ones((1, 1, 1), "uint8"), small, valid=np.ones((1, 1), bool)
        )
        warm_up(Stack((Channel(read_header(masked), 1),)), "nearest", "uint8")

    def test_a_stack_is_plain_data(self, files):
        bands, labels = files
        stack = Stack(tuple(Channel(read_header(path), 1) for path in bands))
        stack.ready()
        other = pickle.loads(pickle.dumps(stack))
        assert other.grid == stack.grid
        out, valid = np.empty((2, 3, 64, 64), "uint16"), np.empty((2, 64, 64), bool)
        for i, one in enumerate((stack, other)):
            read_batch([ReadOrder(self.SCENE[:64, :64], (one,), "nearest", out[i], valid[i])])
        np.testing.assert_array_equal(out[0], out[1])
        with pytest.raises(GridError, match="different grids"):
            Stack((stack.channels[0], Channel(read_header(labels), 1)))
        with pytest.raises(BandError, match="no channel"):
            Stack(())


def _chips_in_child(path, grids, expected, queue):
    wrong = sum(
        not np.array_equal(read(path, grid, resampling="nearest").values, chip)
        for grid, chip in zip(grids, expected, strict=True)
    )
    queue.put(wrong)


def test_forking_after_a_read_gives_no_wrong_chip(tmp_path):
    source = some.grid_around((-60.0, -10.0), "EPSG:32720", (512, 512), 30)
    values = np.random.default_rng(0).integers(0, 60_000, (2, 512, 512)).astype("uint16")
    path = tmp_path / "a.tif"
    write_raster(tmp_path / "plain.tif", values, source)
    options = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"}
    rasterio.shutil.copy(tmp_path / "plain.tif", path, driver="GTiff", **options)
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 448, (500, 2))
    grids = [source[int(y) : int(y) + 64, int(x) : int(x) + 64] for y, x in corners]
    expected = [values[:, y : y + 64, x : x + 64] for y, x in corners]
    for grid in grids[:5]:
        read(path, grid)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [
        context.Process(target=_chips_in_child, args=(path, grids, expected, queue))
        for _ in range(4)
    ]
    for child in children:
        child.start()
    assert [queue.get(timeout=50) for _ in children] == [0] * 4
    for child in children:
        child.join()


@pytest.mark.shared
@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_real_scenes_are_warped_alike(shared_data, resampling):
    scenes = [
        shared_data / "prodes_landsat8" / "raster_R6G5B4contrast.tif",
        shared_data / "odd_files" / "spdatalarge" / "nlcd2011.tif",
        shared_data / "odd_files" / "spdatalarge" / "srtm.tif",
        next((shared_data / "cbers_timeseries").glob("*.tif")),
    ]
    for path in scenes:
        header = read_header(path)
        native = header.grid[100:300, 100:300]
        grid = native.to_crs("EPSG:3857").zoom_out(1.7)[:90, :90]
        spans = {shrinkage.span for _, _, shrinkage in cells(header.grid, grid)}
        ours, theirs = (
            read(header, grid, resampling=resampling, engine=e) for e in ("direct", "gdal")
        )
        assert (ours.valid == theirs.valid).mean() > 0.999, (path, spans)
        both = ours.valid & theirs.valid
        difference = np.abs(ours.values[:, both].astype(float) - theirs.values[:, both])
        assert (difference <= 1.01).mean() > 0.998, (path, spans, difference.max())


@pytest.mark.parametrize("engine", ["direct", "gdal"])
@pytest.mark.parametrize("resampling", ["bilinear", "cubic"])
@pytest.mark.parametrize("shape", [(1, 60), (60, 1)])
def test_a_raster_one_pixel_wide_or_high_is_interpolated_along_its_length(
    tmp_path, shape, resampling, engine
):
    """A linear ramp, which both kernels give back exactly."""
    affine = Affine(10, 0, 500_000, 0, -10, 5_000_000)
    ramp = np.arange(60, dtype="float64").reshape(1, *shape) * 100
    source = GeoBox(shape, affine, "EPSG:32633")
    path = write_raster(tmp_path / "a.tif", ramp, source)
    grid = GeoBox(shape, affine * Affine.translation(0.25, 0.25), "EPSG:32633")
    got = read(path, grid, resampling=resampling, engine=engine)
    inner = np.s_[5:-5]
    np.testing.assert_allclose(got.values.ravel()[inner], ramp.ravel()[inner] + 25, atol=1e-6)
    assert got.valid.ravel()[inner].all()
