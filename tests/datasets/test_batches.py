"""Batches: equal to asking for one query after the other, and to reading file by file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.bands import Band
from geoloom.core.errors import QueryError
from geoloom.core.interval import Interval
from geoloom.core.outline import footprint
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset, VectorDataset
from geoloom.io.raster import read
from geoloom.testing.ramps import write_raster

ZONE_33 = GeoBox((60, 80), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
ZONE_34 = GeoBox((70, 50), Affine(30, 0, 100_000, 0, -30, 4_506_000), "EPSG:32634")
ALBERS = GeoBox((150, 200), Affine(30, 0, 4846000, 0, -30, 1972000), "EPSG:3035")
BANDS = (Band("B1", "red", scale=0.5, offset=-1.0), Band("B2", "nir", nodata=7), Band("QA", "qa"))


def codes(grid, count=1, dtype="uint16", seed=0):
    """Numbers below 60, so that nodata values are met."""
    return np.random.default_rng(seed).integers(0, 60, (count, *grid.shape)).astype(dtype)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scenes of one file per band: two that overlap, one a year later, one in the next zone; and labels."""
    root = tmp_path_factory.mktemp("batches")
    grids = {
        "a_2019": ZONE_33,
        "b_2019": ZONE_33.translate_pix(60, 20),
        "c_2020": ZONE_33,
        "d_2019": ZONE_34,
    }
    for name in ("scenes", "labels", "stacks", "odd"):
        (root / name).mkdir()
    for seed, (name, grid) in enumerate(grids.items()):
        for position, band in enumerate(BANDS):
            values = codes(grid, seed=10 * seed + position)
            path = root / "scenes" / f"{name}_{band.name}.tif"
            write_raster(path, values, grid, nodata=0 if position == 0 else None)
        stored = codes(grid, 2, "int16", seed)
        write_raster(root / "stacks" / f"{name}.tif", stored, grid, nodata=3)
    write_raster(root / "labels" / "l_2019.tif", codes(ALBERS, 1, "uint8"), ALBERS, nodata=0)
    # A mask band, which only GDAL reads; and a coarser lattice.
    seen = codes(ZONE_33)[0] > 10
    write_raster(root / "odd" / "x_B1.tif", codes(ZONE_33), ZONE_33, valid=seen)
    coarse = GeoBox((30, 40), ZONE_33.affine @ Affine.scale(2), ZONE_33.crs)
    write_raster(root / "odd" / "x_B2.tif", codes(coarse, 1, "float32"), coarse)
    write_raster(root / "odd" / "x_QA.tif", codes(ZONE_33, 1, "uint8"), ZONE_33)
    return root


NAMED = {
    "filename_regex": r"\w_(?P<date>\d{4})_(?P<band>\w+)\.tif",
    "date_format": "%Y",
    "separate_files": True,
    "all_bands": BANDS,
}
DATED = {"filename_regex": r"\w_(?P<date>\d{4})\.tif", "date_format": "%Y"}


def noisier(sample):
    """A transform that draws numbers: the order in which samples pass matters."""
    return {**sample, "image": sample["image"] + torch.rand(())}


def make(folder, kind):
    scenes = RasterDataset(folder / "scenes", **NAMED)
    counts = [replace(band, scale=1.0, offset=0.0) for band in BANDS]
    plain = RasterDataset(folder / "scenes", **{**NAMED, "all_bands": counts})
    labels = RasterDataset(folder / "labels", is_image=False, **DATED)
    stacks = RasterDataset(folder / "stacks", **DATED)
    odd = {**NAMED, "filename_regex": r"x_(?P<band>\w+)\.tif"}
    return {
        "scenes": lambda: scenes,
        "stacks": lambda: stacks,
        "labels": lambda: labels,
        "scaled": lambda: RasterDataset(folder / "scenes", scaled=True, **NAMED),
        "mean": lambda: RasterDataset(folder / "stacks", mosaic="mean", **DATED),
        "first": lambda: RasterDataset(folder / "stacks", mosaic="first", **DATED),
        "odd": lambda: RasterDataset(folder / "odd", **odd),
        "two sizes": lambda: RasterDataset(folder / "odd", bands=["B2", "QA"], **odd),
        "floats": lambda: RasterDataset(folder / "stacks", dtype="float32", **DATED),
        "both": lambda: scenes & labels,
        "three": lambda: scenes & labels & stacks,
        "union": lambda: plain.with_bands(["B1", "B2"]) | stacks,
        "noisy": lambda: (scenes.with_transforms(noisier) & labels).with_transforms(noisier),
        "subset": lambda: scenes.with_bands(["QA", "B1"]) & labels,
    }[kind]()


KINDS = ["scenes", "stacks", "labels", "scaled", "mean", "first", "odd", "two sizes", "floats",
         "both", "three", "union", "noisy", "subset"]  # fmt: skip


@st.composite
def grids(draw):
    """Small grids over the scenes and their edges: on their pixels, beside them, or in degrees."""
    size = draw(st.sampled_from([(16, 16), (16, 16), (9, 21)]))
    home = draw(st.sampled_from([ZONE_33, ZONE_33, ZONE_34]))
    row, col = draw(st.integers(-8, 50)), draw(st.integers(-8, 40))
    at = GeoBox(size, home.affine @ Affine.translation(col, row), home.crs)
    how = draw(st.sampled_from(["own", "own", "shifted", "degrees"]))
    if how == "shifted":
        return GeoBox(size, at.affine @ Affine.translation(0.3, 0.6) @ Affine.scale(1.4), at.crs)
    if how == "degrees":
        corner = footprint(at).centroid
        return GeoBox(size, Affine(3e-4, 0, corner.x, 0, -3e-4, corner.y), "EPSG:4326")
    return at


def whens():
    return st.sampled_from([Interval.always(), Interval.of("2019"), Interval.of(("2019", "2020"))])


def assert_equal(one, other):
    assert list(one) == list(other)
    for name, value in one.items():
        if isinstance(value, torch.Tensor):
            assert value.dtype == other[name].dtype
            assert torch.equal(value.nan_to_num(), other[name].nan_to_num()), name
        else:
            assert value == other[name]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_batch_is_its_queries_one_after_the_other(folder, kind, data):
    dataset = make(folder, kind)
    asked = data.draw(st.lists(st.builds(Query, grids(), whens()), min_size=1, max_size=5))
    answered = [query for query in asked if dataset.answer(query) is not None]
    torch.manual_seed(0)
    single = [dataset[query] for query in answered]
    torch.manual_seed(0)
    for one, other in zip(dataset.__getitems__(answered), single, strict=True):
        assert_equal(one, other)
    if len(answered) < len(asked):
        with pytest.raises(QueryError, match="nothing at"):
            dataset.__getitems__(asked)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(grids(), min_size=1, max_size=4))
def test_a_batch_is_what_reading_its_files_gives(folder, asked):
    scenes = RasterDataset(folder / "scenes" / "c_2020_*.tif", **NAMED)
    dataset = scenes & RasterDataset(folder / "labels", is_image=False)
    answered = [Query(grid) for grid in asked if dataset.answer(Query(grid)) is not None]
    for query, sample in zip(answered, dataset.__getitems__(answered), strict=True):
        bands = [
            read(
                folder / "scenes" / f"c_2020_{band.name}.tif",
                query.grid,
                resampling="nearest" if band.role == "qa" else "bilinear",
                nodata=band.nodata,
            )
            for band in BANDS
        ]
        labels = read(folder / "labels" / "l_2019.tif", query.grid, resampling="nearest")
        np.testing.assert_array_equal(sample["image"], np.concatenate([b.values for b in bands]))
        np.testing.assert_array_equal(sample["mask"], labels.values[0])
        observed = np.logical_and.reduce([b.valid for b in bands])
        np.testing.assert_array_equal(sample["observed"], observed)
        np.testing.assert_array_equal(sample["valid"], observed & labels.valid)


def test_gaps_of_one_scene_are_filled_from_the_next_value_for_value(folder):
    """Against the definition: each scene read on its own, the newest first."""
    dataset = RasterDataset(folder / "stacks", **DATED)
    grid = GeoBox((40, 40), ZONE_33.affine @ Affine.translation(45.5, 10), ZONE_33.crs)
    names = ("c_2020", "a_2019", "b_2019")
    parts = [read(folder / "stacks" / f"{name}.tif", grid) for name in names]
    values, valid = parts[0].values.copy(), parts[0].valid.copy()
    for part in parts[1:]:
        fresh = part.valid & ~valid
        values[:, fresh] = part.values[:, fresh]
        valid |= fresh
    sample = dataset.__getitems__([grid, grid])[1]
    np.testing.assert_array_equal(sample["image"], values)
    np.testing.assert_array_equal(sample["valid"], valid)
    assert 0 < parts[0].valid.sum() < valid.sum()


def test_polygons_join_a_batch(folder, tmp_path):
    import geopandas as gpd

    frame = gpd.GeoDataFrame({"k": ["x"]}, geometry=[ZONE_33[5:40, 5:60].extent.geom], crs=32633)
    frame.to_file(tmp_path / "x.gpkg")
    both = make(folder, "scenes") & VectorDataset(tmp_path / "x.gpkg", class_field="k")
    asked = [ZONE_33[i : i + 16, i : i + 16] for i in range(0, 40, 8)]
    for one, grid in zip(both.__getitems__(asked), asked, strict=True):
        assert_equal(one, both[grid])


def test_an_empty_place_is_named_before_anything_is_read(folder):
    dataset = make(folder, "both")
    far = ZONE_33.translate_pix(50_000, 0)[:8, :8]
    with pytest.raises(QueryError, match=r"nothing at \(2\.1e\+06"):
        dataset.__getitems__([ZONE_33[:8, :8], far])
    assert dataset.__getitems__([]) == []


def test_samples_of_a_batch_can_be_changed_apart(folder):
    dataset = make(folder, "both")
    grid = ZONE_33[:16, :16]
    first, second = dataset.__getitems__([grid, grid])
    kept = {
        name: second[name].clone() for name in ("image", "mask", "valid", "transform", "bounds")
    }
    for name in kept:
        first[name].zero_()
    for name, before in kept.items():
        assert torch.equal(second[name], before)
        assert torch.equal(dataset[grid][name], before)


def test_a_file_that_is_replaced_is_read_again(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "a.tif", np.full((1, 60, 80), 5, "int16"), ZONE_33)
    dataset = RasterDataset(path)
    assert (dataset[ZONE_33]["image"] == 5).all()
    path.unlink()
    write_raster(path, np.full((1, 60, 80), 6, "int16"), ZONE_33, nodata=9)
    monkeypatch.setattr("geoloom.io.blocks.stack._RECHECK_S", 0.0)
    assert (dataset[ZONE_33]["image"] == 6).all()
