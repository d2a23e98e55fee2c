"""Prepared chips: what the dataset gives, value for value, whatever the zones, types and splits."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

import geoloom as gl
from geoloom.chips.materialize import materialize
from geoloom.chips.reconstitute import reconstitute
from geoloom.chips.store import ChipStore
from geoloom.core.errors import ChipError, QueryError, WriteError
from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset, VectorDataset
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler
from geoloom.splits.rules import BlockSplit, RandomSplit
from geoloom.testing.ramps import truth, write_raster

SIZE = 24
# Scenes of neighbouring zones, 6 degrees east and west of which the labels' projection is turned.
ZONES = {
    "s14_2019": GeoBox((90, 80), Affine(30, 0, 739_980, 0, -30, 4_500_000), "EPSG:32614"),
    "s15_2020": GeoBox((100, 70), Affine(30, 0, 260_010, 0, -30, 4_500_000), "EPSG:32615"),
}
NAMING = {"filename_regex": r".*_(?P<date>\d{4})\.tif", "date_format": "%Y"}


def _albers(shape, zone):
    """A lattice of the labels' projection around a scene."""
    x, y = Transformer.from_crs(zone.crs, "EPSG:5070", always_xy=True).transform(
        *zone.boundingbox.bbox[:2]
    )
    return GeoBox(shape, Affine(30, 0, x - 900, 0, -30, y + 4_500), "EPSG:5070")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two dated uint16 scenes in two zones, nodata in a corner; labels of each year in Albers."""
    root = tmp_path_factory.mktemp("zones")
    rng = np.random.default_rng(0)
    for kind in ("images", "labels", "wide"):
        (root / kind).mkdir()
    for name, zone in ZONES.items():
        values = rng.integers(1, 65_536, (3, *zone.shape)).astype("uint16")
        values[:, :10, :15] = 0
        write_raster(root / "images" / f"{name}.tif", values, zone, nodata=0)
        albers = _albers((220, 200), zone)
        codes = rng.choice([0, 1, 2, 3, 9], (1, *albers.shape)).astype("uint8")
        write_raster(root / "labels" / f"{name}.tif", codes, albers)
        wide = rng.integers(0, 900, (1, *albers.shape)).astype("uint16")
        write_raster(root / "wide" / f"{name}.tif", wide, albers)
    return root


@pytest.fixture(scope="module")
def images(folder):
    return RasterDataset(folder / "images", **NAMING)


@pytest.fixture(scope="module")
def dataset(folder, images):
    names = {1: "forest", 2: "water", 3: "bare"}  # 0 and 9 are none

    class Labels(RasterDataset):
        is_image = False
        class_names = names

    return images & Labels(folder / "labels", **NAMING)


@pytest.fixture
def sampler(dataset):
    return RandomGeoSampler(dataset, SIZE, 20, generator=3)


def values_of(folder, kind, name):
    with rasterio.open(folder / kind / f"{name}.tif") as file:
        return file.read(), GeoBox(file.shape, file.transform, file.crs.to_wkt())


def test_chips_are_the_files_pixels_in_every_zone(tmp_path, folder, dataset, sampler):
    store = materialize(dataset, sampler, tmp_path / "a.zarr", batch_size=7)
    table = store.table
    assert set(table["source"]) == set(ZONES)
    for i, name in enumerate(table["source"]):
        row, col = table.loc[i, ["row", "col"]]
        stored = values_of(folder, "images", name)[0][:, row : row + SIZE, col : col + SIZE]
        codes, source = values_of(folder, "labels", name)
        place = truth(source, ZONES[name][row : row + SIZE, col : col + SIZE])
        nearest, sure = place.nearest(codes[0]), place.off_ties()
        assert store.image(i).dtype == np.uint16
        np.testing.assert_array_equal(store.image(i), stored)
        np.testing.assert_array_equal(store.observed(i), (stored != 0).all(axis=0))
        labelled = (stored != 0).all(axis=0) & (nearest != 0) & (nearest != 9)
        np.testing.assert_array_equal(store.valid(i)[sure], labelled[sure])
        np.testing.assert_array_equal(store.mask(i)[sure & labelled], nearest[sure & labelled])
        assert store.grid(i) == ZONES[name][row : row + SIZE, col : col + SIZE]
    assert store.classes.names == ("forest", "water", "bare")
    assert store.bands == dataset.bands


def test_prepared_samples_equal_those_of_the_dataset(tmp_path, dataset):
    """Also on lattices that are not a scene's own: one warp, then the same numbers for good."""
    common = list(RandomGeoSampler(dataset, SIZE, 9, generator=1, grid="common").table())
    turned = [
        Query(GeoBox(q.grid.shape, q.grid.affine * Affine.rotation(20), q.grid.crs), q.when)
        for q in common
    ]
    queries = [*common, *turned]
    store = materialize(dataset, queries, tmp_path / "a.zarr", batch_size=5, compress="lz4")
    given = store.dataset(labels="codes")
    assert len(given) == 18
    for i, query in enumerate(queries):
        fresh, kept = dataset[query], given[i]
        assert kept["image"].dtype == fresh["image"].dtype == torch.float32
        seen = fresh["observed"]
        known = (fresh["mask"] > 0) & (fresh["mask"] < 9)
        assert torch.equal(kept["observed"], seen)
        assert torch.equal(kept["valid"], fresh["valid"] & known)
        assert torch.equal(kept["image"], torch.where(seen, fresh["image"], 0))
        assert torch.equal(kept["mask"], torch.where(fresh["valid"], fresh["mask"], 0))
        for key in ("transform", "bounds"):
            assert torch.equal(kept[key], fresh[key])
        assert kept["crs"] == fresh["crs"]


def test_order_is_the_queries_and_batches_are_taken_apart(tmp_path, dataset):
    batched = RandomBatchGeoSampler(dataset, SIZE, 4, 12, generator=2)
    table = batched.table(0)
    as_sampler = materialize(dataset, batched, tmp_path / "a.zarr")
    as_lists = materialize(dataset, list(table.batches(4)), tmp_path / "b.zarr")
    as_grids = materialize(dataset, (query.grid for query in table), tmp_path / "c.zarr")
    assert [as_sampler.grid(i) for i in range(12)] == [query.grid for query in table]
    for other in (as_lists, as_grids):
        assert all((other.image(i) == as_sampler.image(i)).all() for i in range(12))
        assert [other.grid(i) for i in range(12)] == [query.grid for query in table]


def test_a_sampler_gives_one_epoch_and_does_not_move(tmp_path, dataset):
    sampler = RandomGeoSampler(dataset, SIZE, 6, generator=0, rank=1, world_size=2)
    sampler.set_epoch(4)
    store = materialize(dataset, sampler, tmp_path / "a.zarr")
    assert [store.grid(i) for i in range(6)] == [query.grid for query in sampler.table(4)]
    assert sampler.epoch == 4
    assert store.provenance["sampler"] == "RandomGeoSampler"
    assert (store.provenance["seed"], store.provenance["epoch"]) == (0, 4)


def test_times_are_kept_to_the_microsecond(tmp_path, images):
    grid = ZONES["s15_2020"][:SIZE, 20 : 20 + SIZE]
    odd = Interval.of(("2020-03-01", "2020-03-02T12:34:56.789012"))
    store = materialize(images, [Query(grid), Query(grid, odd)], tmp_path / "a.zarr")
    store = ChipStore.open(store.path)
    assert store.when(0) == Interval.always()
    assert store.when(1) == odd
    table = store.table
    assert table["start"].isna().tolist() == [True, False]
    assert table["stop"][1].to_pydatetime() == odd.stop
    timeless = materialize(images, [grid], tmp_path / "b.zarr")
    assert timeless.when(0) == Interval.always()
    assert "start" not in timeless.table


def test_regions_times_come_with_a_sampler(tmp_path, dataset, sampler):
    store = materialize(dataset, sampler, tmp_path / "a.zarr")
    years = {name: Interval.of(name[-4:]) for name in ZONES}
    assert [store.when(i) for i in range(20)] == [years[name] for name in store.table["source"]]


def test_codes_above_255_are_kept_without_classes(tmp_path, folder, images):
    dataset = images & RasterDataset(folder / "wide", is_image=False, **NAMING)
    assert dataset.classes is None
    query = next(iter(RandomGeoSampler(dataset, SIZE, 1, generator=0)))
    store = materialize(dataset, [query], tmp_path / "a.zarr")
    fresh = dataset[query]
    codes = torch.where(fresh["valid"], fresh["mask"], 0)
    assert codes.max() > 255
    assert store.mask(0).dtype == np.uint16
    assert store.classes is None
    for labels in ("positions", "codes"):
        given = store.dataset(labels=labels)[0]
        assert given["mask"].dtype == torch.int64
        assert torch.equal(given["mask"], codes)
    assert torch.equal(given["valid"], fresh["valid"])
    with pytest.raises(ChipError, match=r"are outside 0\.\.255"):
        materialize(dataset, [query], tmp_path / "b.zarr", mask_dtype="uint8")


def test_vector_labels_and_their_classes(tmp_path, images):
    geopandas = pytest.importorskip("geopandas")
    from shapely.geometry import box

    left, bottom, right, top = ZONES["s14_2019"].boundingbox
    halves = [box(left, bottom, left + 1200, top), box(left + 1200, bottom, right, top)]
    frame = geopandas.GeoDataFrame({"kind": ["a", "b"]}, geometry=halves, crs="EPSG:32614")
    frame.to_file(tmp_path / "halves.gpkg")
    dataset = images & VectorDataset(tmp_path / "halves.gpkg", class_field="kind")
    grid = ZONES["s14_2019"][30 : 30 + SIZE, 30 : 30 + SIZE]
    store = materialize(dataset, [grid], tmp_path / "a.zarr")
    assert store.classes.names == ("a", "b")
    assert store.dataset()[0]["mask"][0].tolist() == [0] * 10 + [1] * 14


def test_values_that_a_type_cannot_hold_are_refused(tmp_path, images):
    grid = ZONES["s14_2019"][40 : 40 + SIZE, 40 : 40 + SIZE]
    with pytest.raises(ChipError, match=r"do not fit uint8 exactly; say dtype='float32'"):
        materialize(images, [grid], tmp_path / "a.zarr", dtype="uint8")
    assert not list(tmp_path.iterdir())
    store = materialize(images, [grid], tmp_path / "a.zarr", dtype="int32")
    assert store.dtype == np.int32
    assert (store.image(0) == images[grid]["image"].numpy()).all()


def test_the_type_is_the_files_where_values_are_unaltered(folder, images):
    options = {"dtype": "float32"}, {"scaled": True}, {"mosaic": "mean"}
    altered = [RasterDataset(folder / "images", **NAMING, **option) for option in options]
    labels = RasterDataset(folder / "labels", is_image=False, **NAMING)
    wide = RasterDataset(folder / "wide", is_image=False, **NAMING)
    assert images.file_dtype("image") == np.uint16
    assert (labels & images).file_dtype("image") == np.uint16
    assert (labels & images).file_dtype("mask") == np.uint8
    assert (labels | wide).file_dtype("mask") == np.uint16
    for dataset in (*altered, images.with_transforms(_with_ndvi)):
        assert dataset.file_dtype("image") is None
        assert (dataset & labels).file_dtype("image") is None
        assert (dataset & labels).file_dtype("mask") == np.uint8
    assert images.file_dtype("mask") is None
    assert (images & labels).with_transforms(_with_ndvi).file_dtype("mask") is None


def _with_ndvi(sample):
    """A channel of fractions, NaN where there is nothing."""
    red, nir = sample["image"][0], sample["image"][2]
    ndvi = (nir - red) / (nir + red)
    return {**sample, "image": torch.cat([sample["image"], ndvi[None]])}


def test_transforms_are_part_of_what_is_kept(tmp_path, images):
    dataset = images.with_transforms(_with_ndvi)
    grid = ZONES["s14_2019"][:SIZE, :SIZE]
    names = [*(band.name for band in images.bands), "ndvi"]
    with pytest.raises(ChipError, match="have 4 channels, named are 3"):
        materialize(dataset, [grid], tmp_path / "a.zarr")
    store = materialize(dataset, [grid], tmp_path / "a.zarr", bands=names)
    assert store.dtype == np.float32
    assert store.band_names[-1] == "ndvi"
    fresh = dataset[grid]
    assert fresh["image"][3].isnan().any()
    seen = fresh["valid"].numpy()
    np.testing.assert_array_equal(store.observed(0), seen)
    np.testing.assert_array_equal(store.image(0)[:, seen], fresh["image"].numpy()[:, seen])
    assert np.isfinite(store.image(0)).all()


def test_splits_by_name_by_function_and_by_ground(tmp_path, dataset):
    sampler = RandomGeoSampler(dataset, 8, 300, generator=0)
    named = materialize(dataset, list(sampler.table())[:3], tmp_path / "n.zarr", split="test")
    assert named.splits == {"test": 3}

    def by_zone(query):
        return {32614: "train", 32615: "test"}[query.grid.crs.epsg]

    zones = materialize(dataset, sampler, tmp_path / "z.zarr", split=by_zone)
    for split, crs in {"train": "EPSG:32614", "test": "EPSG:32615"}.items():
        assert set(zones.table["crs"][zones.table["split"] == split]) == {crs}

    rule = BlockSplit(test=0.3, val=0.2, block_px=20, buffer_px=2, seed=1)
    blocks = materialize(dataset, sampler, tmp_path / "b.zarr", split=rule)
    table = blocks.table
    assert blocks.provenance["dropped_between_splits"] == 300 - len(blocks) > 0
    assert set(blocks.splits) == {"train", "test", "val"}
    for _, scene in table.groupby("source"):
        rows, cols, split = (scene[key].to_numpy() for key in ("row", "col", "split"))
        apart = split[:, None] != split[None]
        gap = np.maximum(abs(rows[:, None] - rows), abs(cols[:, None] - cols)) - 8
        assert (gap[apart] >= 2).all()
    # What is left is what was asked, in order.
    asked = [query.grid for query in sampler.table()]
    kept = [blocks.grid(i) for i in range(len(blocks))]
    assert [grid for grid in asked if grid in kept] == kept


def test_chips_dealt_at_random_warn_of_overlaps(tmp_path, dataset, caplog):
    sampler = RandomGeoSampler(dataset, SIZE, 40, generator=0)
    store = materialize(dataset, sampler, tmp_path / "r.zarr", split=RandomSplit())
    assert store.splits == {"train": 24, "test": 8, "val": 8}
    assert "overlap a chip of another split" in caplog.text


def test_a_grid_of_chips_gives_the_scene_back(tmp_path, folder, images):
    store = materialize(images, GridGeoSampler(images, SIZE, 20), tmp_path / "a.zarr")
    for name, zone in ZONES.items():
        out = reconstitute(store, tmp_path / f"{name}.tif", content="image", source=name)
        with rasterio.open(out) as file:
            np.testing.assert_array_equal(file.read(), values_of(folder, "images", name)[0])
            assert GeoBox(file.shape, file.transform, file.crs.to_wkt()) == zone


def test_progress_reports_how_far(tmp_path, dataset, sampler):
    calls = []
    materialize(
        dataset, sampler, tmp_path / "a.zarr", batch_size=8, progress=lambda *n: calls.append(n)
    )
    assert calls == [(8, 20), (16, 20), (20, 20)]
    calls.clear()
    materialize(
        dataset,
        iter(list(sampler.table())),
        tmp_path / "b.zarr",
        progress=lambda *n: calls.append(n),
    )
    assert calls == [(20, 0)]


def test_it_is_a_verb_of_the_package(tmp_path, dataset, sampler):
    assert gl.materialize is materialize
    store = gl.materialize(dataset, sampler, tmp_path / "a.zarr")
    batches = list(gl.loader(store.dataset(), batch_size=8, shuffle=True))
    assert [len(batch["image"]) for batch in batches] == [8, 8, 4]


def test_what_cannot_be_kept_is_said(tmp_path, folder, images, dataset):
    inside = ZONES["s14_2019"][:SIZE, :SIZE]
    out = tmp_path / "a.zarr"
    with pytest.raises(ChipError, match="there is no query"):
        materialize(images, [], out)
    with pytest.raises(ChipError, match="gives an image of shape"):
        materialize(images, [inside, ZONES["s14_2019"][:8, :8]], out)
    with pytest.raises(ChipError, match="found str among the queries"):
        materialize(images, ["here"], out)
    with pytest.raises(ChipError, match="got int"):
        materialize(images, 7, out)
    with pytest.raises(QueryError, match="nothing at"):
        materialize(images, [inside, inside.translate_pix(9_999, 0)], out)
    labels = RasterDataset(folder / "labels", is_image=False, **NAMING)
    with pytest.raises(ChipError, match="hold no image"):
        materialize(labels, [_albers((220, 200), ZONES["s14_2019"])[:8, :8]], out)
    two = images & labels & RasterDataset(folder / "wide", is_image=False, **NAMING)
    with pytest.raises(ChipError, match="are 2 label layers"):
        materialize(two, [inside], out)
    with pytest.raises(ChipError, match="a chip store keeps one date per chip"):
        materialize(images.series(), [inside], out)
    with pytest.raises(ChipError, match="unknown split 'trian'; did you mean 'train'"):
        materialize(images, [inside], out, split="trian")
    with pytest.raises(ChipError, match="loose queries do not say"):
        materialize(images, [inside], out, split=BlockSplit())
    with pytest.raises(ChipError, match="split is 3"):
        materialize(images, [inside], out, split=3)
    with pytest.raises(ChipError, match="no compression is called 'lz5'; did you mean 'lz4'"):
        materialize(images, [inside], out, compress="lz5")
    with pytest.raises(ChipError, match="batch_size is 0"):
        materialize(images, [inside], out, batch_size=0)
    assert not list(tmp_path.iterdir())
    materialize(images, [inside], out)
    with pytest.raises(WriteError, match="overwrite=True"):
        materialize(images, [inside], out)


def test_a_killed_run_leaves_no_store_and_the_next_one_makes_it_whole(tmp_path, folder, images):
    out = tmp_path / "a.zarr"
    code = f"""
        import os, signal
        import geoloom as gl
        from geoloom.chips.zarr import layout
        from geoloom.datasets import RasterDataset
        from geoloom.samplers import GridGeoSampler
        layout.MAX_CHIPS_PER_SHARD = 2
        images = RasterDataset({str(folder / "images")!r})
        def die(done, total):
            if done >= 6:
                os.kill(os.getpid(), signal.SIGKILL)
        gl.materialize(images, GridGeoSampler(images, {SIZE}), {str(out)!r}, batch_size=3, progress=die)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env={**os.environ})
    assert done.returncode == -9
    assert {path.name for path in tmp_path.iterdir()} == {".a.zarr.part", ".a.zarr.lock"}
    with pytest.raises(ChipError, match="cut short"):
        ChipStore.open(out)
    store = materialize(images, GridGeoSampler(images, SIZE), out)
    assert len(store) == len(GridGeoSampler(images, SIZE))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_memory_does_not_grow_with_the_chips(tmp_path, images):
    query = Query(ZONES["s14_2019"][:64, :64])

    def peak(count):
        tracemalloc.start()
        materialize(images, (query for _ in range(count)), tmp_path / f"{count}.zarr", batch_size=4)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(8)  # what stays in caches
    chip_bytes = 3 * 64 * 64 * 2
    assert peak(400) - peak(40) < 360 * chip_bytes / 10


def test_what_is_not_kept_of_a_sample_is_logged(tmp_path, folder, caplog):
    def with_slope(sample):
        return {**sample, "slope": torch.zeros(sample["image"].shape[-2:])}

    images = RasterDataset(folder / "images", transforms=with_slope)
    materialize(images, [Query(ZONES["s14_2019"][:16, :16])], tmp_path / "a.zarr")
    assert "samples hold slope, which a chip store does not keep" in caplog.text


def test_bands_keep_the_scale_that_their_files_declare_and_mix_no_two(tmp_path):
    grid = GeoBox((40, 40), Affine(30, 0, 500_000, 0, -30, 4_000_000), "EPSG:32614")
    (tmp_path / "scenes").mkdir()
    for name, scaling in (("a", ((1e-4,), (-0.1,))), ("b", ((1.0,), (0.0,)))):
        scene = write_raster(
            tmp_path / "scenes" / f"{name}.tif", np.full((1, 40, 40), 1000, np.uint16), grid
        )
        with rasterio.open(scene, "r+") as file:
            file.scales, file.offsets = scaling
    asked = [Query(grid[:16, :16])]
    with pytest.raises(ChipError, match=r"would mix .* scaled=True"):
        materialize(RasterDataset(tmp_path / "scenes"), asked, tmp_path / "mixed.zarr")
    (tmp_path / "scenes" / "b.tif").unlink()
    stored, physical = (RasterDataset(tmp_path / "scenes", scaled=s) for s in (False, True))
    assert materialize(stored, asked, tmp_path / "a.zarr").bands[0].offset == -0.1
    assert materialize(physical, asked, tmp_path / "b.zarr").bands[0].offset == 0.0
