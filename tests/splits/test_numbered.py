"""Numbered samples divided by place, time, group and class: nothing is in two splits, and gaps are kept."""

from __future__ import annotations

import json
import logging
from itertools import combinations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Geod

from geoloom.core.errors import ChipError, ConfigError, DatasetError
from geoloom.datasets import ImageFolder
from geoloom.splits import (
    BlockSplit,
    CellSplit,
    ClassSplit,
    ColumnSplit,
    GroupSplit,
    RandomSplit,
    RoiSplit,
    ScenePart,
    SceneSplit,
    SplitReport,
    TimeSplit,
    divide,
)
from geoloom.splits.sample_ground import cell_numbers
from geoloom.splits.stratify.deal import deal
from geoloom.testing.ramps import write_raster

NAMES = ("train", "test", "val")


def tile(x, y, *, side=64, res=10.0, crs="EPSG:32632"):
    return GeoBox((side, side), Affine(res, 0, x, 0, -res, y), crs)


def lattice(rows, columns, step=640.0, west=400_000.0, north=5_400_000.0):
    return [tile(west + step * c, north - step * r) for r in range(rows) for c in range(columns)]


def boxes(grids):
    return np.array([grid.extent.geom for grid in grids], object)


def codes(splits):
    return {name: np.flatnonzero(splits == name) for name in NAMES}


RULES = {
    "blocks": BlockSplit(block_m=2500),
    "buffer": BlockSplit(block_m=4000, buffer_m=700, seed=3),
    "pixels": BlockSplit(block_px=300, buffer_px=20),
    "cells": CellSplit(3000),
    "cells apart": CellSplit(5000, test=0.3, val=0.0, buffer_m=100),
    "scenes": SceneSplit(),
}
GAPS = {"blocks": 160, "buffer": 700, "pixels": 200, "cells": 0, "cells apart": 100, "scenes": 0}


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_gaps_are_kept_and_shares_are_near(name, seed):
    """Shapely judges in the plane of the samples' own zone, where a metre is one to 4e-4."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, 30_000, (400, 2))
    grids = [tile(400_000 + x, 5_400_000 + y) for x, y in at]
    splits = RULES[name].split_of({}, grids)
    assert splits.shape == (400,)
    assert set(splits.tolist()) <= {*NAMES, None}
    outlines, rows = boxes(grids), codes(splits)
    for one, other in combinations(NAMES, 2):
        first, second = outlines[rows[one]], outlines[rows[other]]
        if len(first) and len(second):
            assert shapely.distance(first[:, None], second).min() >= GAPS[name] * 0.999
            shared = shapely.intersection(shapely.union_all(first), shapely.union_all(second))
            assert shared.area < 1e-3
    np.testing.assert_array_equal(splits, RULES[name].split_of({}, grids))


def test_shares_of_blocks_are_kept():
    splits = BlockSplit(0.3, 0.1, block_m=3200, buffer_m=0, seed=1).split_of({}, lattice(60, 60))
    assert [round(len(own) / 3600, 2) for own in codes(splits).values()] == [0.6, 0.3, 0.1]
    assert (
        splits
        != BlockSplit(0.3, 0.1, block_m=3200, buffer_m=0, seed=2).split_of({}, lattice(60, 60))
    ).any()


def test_only_what_is_too_near_is_left_out():
    """Of a block's samples those at its edge go, and of training only."""
    grids = lattice(40, 40)
    rule = BlockSplit(0.2, 0.0, block_m=6400, buffer_m=0)
    apart = BlockSplit(0.2, 0.0, block_m=6400, buffer_m=600)
    touching, gapped = rule.split_of({}, grids), apart.split_of({}, grids)
    assert (touching != None).all()  # noqa: E711 - one by one
    np.testing.assert_array_equal(touching == "test", gapped == "test")
    lost = np.flatnonzero(touching != gapped)
    outlines = boxes(grids)
    distance = shapely.distance(outlines[lost][:, None], outlines[gapped == "test"]).min(axis=1)
    assert len(lost)
    assert (distance < 600).all()
    kept = shapely.distance(outlines[gapped == "train"][:, None], outlines[gapped == "test"])
    assert kept.min() >= 600


def test_cells_do_not_depend_on_the_samples():
    grids = lattice(30, 30)
    at = np.array([[9.0, 47.0], [9.0, 47.05], [9.0, -47.0], [-9.0, 47.0]])
    numbers = cell_numbers(at, 20_000)
    np.testing.assert_array_equal(numbers[1:], cell_numbers(at[1:], 20_000))
    # A cell is as high as it is wide, on the ground, wherever it lies.
    for latitude in (0.0, 50.0, -70.0):
        west_east = np.column_stack([np.linspace(0, 20, 20_001), np.full(20_001, latitude)])
        edges = np.flatnonzero(np.diff(cell_numbers(west_east, 20_000)))
        wide = Geod(ellps="sphere").inv(*west_east[edges[3]], *west_east[edges[13]])[2] / 10
        assert wide == pytest.approx(20_000, rel=0.02)
    assert CellSplit(3000).split_of({}, grids).shape == (900,)


def test_rare_classes_are_in_every_split_where_that_is_possible(caplog):
    """Twelve classes that three of 225 blocks hold each: chance alone would bring few of them everywhere."""
    grids = lattice(60, 60)
    kinds = np.full(3600, "common", object)
    rng = np.random.default_rng(5)
    places = rng.permutation(225)[:38]
    block = (np.arange(60)[:, None] // 4 * 15 + np.arange(60) // 4).ravel()
    for k in range(12):
        for own in places[3 * k : 3 * k + 3]:
            kinds[rng.choice(np.flatnonzero(block == own), 2, replace=False)] = f"rare {k}"
    kinds[np.flatnonzero(block == places[36])[:5]] = "in one block"
    rule = GroupSplit("block", seed=0)
    with caplog.at_level(logging.WARNING, "geoloom"):
        splits = rule.split_of({"class": kinds, "block": block})
    for k in range(12):
        assert set(splits[kinds == f"rare {k}"]) == set(NAMES), k
    for own in np.unique(block):
        assert len(set(splits[block == own])) == 1
    named = [record.getMessage() for record in caplog.records]
    assert len(named) == 1
    assert "is of class in one block, which 1 group holds" in named[0]
    # By place, cells are not those blocks; what is lacking is named, and the shares hold.
    by_place = BlockSplit(block_m=2560, buffer_m=0, seed=0).split_of({"class": kinds}, grids)
    report = SplitReport.of_columns({"class": kinds, "split": by_place}, grids)
    assert report.samples["train"] == pytest.approx(2160, abs=120)


@settings(max_examples=40)
@given(
    units=st.integers(6, 60),
    kinds=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    shares=st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.2, 0.0), (0.34, 0.33, 0.33)]),
)
def test_dealing_gives_every_split_something_and_equal_seeds_give_equal_deals(
    units, kinds, seed, shares
):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 5, (units, kinds)) * (rng.random((units, kinds)) < 0.2).astype(float)
    weights[:, 0] += 1
    wanted = [code for code, share in enumerate(shares) if share]
    dealt = [deal(weights, np.array(shares), wanted, np.random.default_rng(seed)) for _ in range(2)]
    np.testing.assert_array_equal(*dealt)
    assert set(dealt[0].tolist()) == set(wanted)


def test_a_class_in_as_many_units_as_splits_is_everywhere():
    """Each of ten classes lies in units of its own, three each: a deal without any gap exists."""
    weights = np.concatenate([np.ones((40, 1)), np.zeros((40, 10))], axis=1)
    for k in range(10):
        weights[3 * k : 3 * k + 3, k + 1] = [1, 50, 7]
    codes = deal(weights, np.array([0.6, 0.2, 0.2]), [0, 1, 2], np.random.default_rng(0))
    for k in range(10):
        assert sorted(codes[3 * k : 3 * k + 3].tolist()) == [0, 1, 2]


def test_areas_of_interest_divide_samples():
    grids = lattice(20, 20)
    left, right = (400_000, 5_387_200, 406_400, 5_400_000), (407_680, 5_387_200, 412_800, 5_400_000)
    areas = {"train": (left, "EPSG:32632"), "test": (right, "EPSG:32632")}
    splits = RoiSplit(areas).split_of({}, grids)
    columns = np.arange(400) % 20
    np.testing.assert_array_equal(splits == "train", columns < 10)
    np.testing.assert_array_equal(splits == "test", columns >= 12)
    gapped = RoiSplit(areas, buffer_px=200).split_of({}, grids)  # 2000 m, where 1280 m lie between
    np.testing.assert_array_equal(gapped == "train", columns < 8)  # the ninth ends 1920 m before
    np.testing.assert_array_equal(gapped == "test", columns >= 12)
    divided = RoiSplit(areas, val=0.25).split_of({}, grids)
    assert 0.15 < (divided == "val").sum() / 200 < 0.35
    assert set(divided[columns < 10]) <= {"train", "val", None}


def test_times_divide_samples():
    columns = {"date": np.array(["2018-05-01", "2019", "2020-01-01", "2021-12-31"], object)}
    rule = TimeSplit({"train": ("2018", "2019"), "val": "2020", "test": ("2022", "2023")})
    assert rule.split_of(columns).tolist() == ["train", "train", "val", None]
    named = TimeSplit({"test": "2019"}, column="seen")
    assert named.split_of({"seen": np.array([2018, 2019])}).tolist() == [None, "test"]
    with pytest.raises(ConfigError, match="sample 1 lies in the times of train and val"):
        TimeSplit({"train": ("2018", "2019-06"), "val": "2019-07"}).split_of(columns)
    with pytest.raises(ConfigError, match="1 samples have no date, such as number 1"):
        rule.split_of({"date": np.array(["2018", None], object)})
    with pytest.raises(ConfigError, match="nothing tells when"):
        rule.split_of({"file": np.array(["a"])})
    with pytest.raises(ConfigError, match="column 'date' of the samples is no time"):
        rule.split_of({"date": np.array(["spring"], object)})


def test_samples_that_share_ground_stay_together():
    """Chains of overlapping tiles, as chips that were drawn at random make them."""
    grids = [tile(400_000 + 5000 * k + 300 * j, 5_400_000) for k in range(20) for j in range(5)]
    splits = SceneSplit(test=0.2, val=0.1, seed=4).split_of({}, grids)
    chains = splits.reshape(20, 5)
    assert (chains == chains[:, :1]).all()
    assert [len(own) for own in codes(splits).values()] == [70, 20, 10]
    with pytest.raises(
        ConfigError, match="1 groups of samples that share ground, fewer than the 3"
    ):
        SceneSplit().split_of({}, grids[:5])


def test_what_leaks_is_counted(caplog):
    grids = [tile(400_000 + 320 * k, 5_400_000) for k in range(10)]
    with caplog.at_level(logging.WARNING, "geoloom"):
        RandomSplit(test=0.5, val=0.0, seed=0).split_of({}, grids)
    assert "of 10 samples share ground with a sample of another split" in caplog.text
    caplog.clear()
    far = [tile(400_000 + 640 * k, 5_400_000) for k in range(10)]
    with caplog.at_level(logging.WARNING, "geoloom"):
        ClassSplit(0.5, 0.0).split_of({"class": np.array(["a"] * 10)}, far)
    assert not caplog.records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of 30 pictures of 16 pixels each, on a lattice of 6 by 10 tiles that touch."""
    root = tmp_path_factory.mktemp("chips")
    for number in range(60):
        row, col = divmod(number, 10)
        grid = tile(400_000 + 160 * col, 5_400_000 - 160 * row, side=16)
        kind = "forest" if (row + col) % 2 else "river"
        (root / kind).mkdir(exist_ok=True)
        name = f"{2018 + col // 4}0601_{number}.tif"
        write_raster(root / kind / name, np.full((1, 16, 16), number, "uint8"), grid)
    return root


def test_folders_of_classes_are_divided_by_place(folder):
    rule = BlockSplit(0.25, 0.25, block_m=400, buffer_m=20)
    parts = divide(ImageFolder(folder), rule, min_gap_m=20)
    assert list(parts) == ["test", "train", "val"]
    assert sum(parts.whole.splits.values()) < 60
    seen = {
        name: [int(part[i]["image"][0, 0, 0]) for i in range(len(part))]
        for name, part in parts.items()
    }
    numbers = [number for own in seen.values() for number in own]
    assert len(set(numbers)) == len(numbers)
    at = {name: np.array([divmod(n, 10) for n in own]) for name, own in seen.items()}
    for one, other in combinations(at.values(), 2):
        # Tiles touch: those of different splits are two steps apart in a direction at least.
        assert np.abs(one[:, None] - other).max(axis=-1).min() >= 2
    same = ImageFolder(folder, split="train", splits=rule)
    assert same.table["file"].tolist() == parts.train.table["file"].tolist()
    report = parts.report
    assert report.samples == {name: len(parts[name]) for name in ("train", "val", "test")}
    assert report.undivided == 60 - len(numbers)
    assert report.classes["forest"] == {
        name: parts[name].class_counts()["forest"] for name in ("train", "val", "test")
    }
    with pytest.raises(DatasetError, match="no part 'tset'; did you mean 'test'"):
        parts["tset"]
    with pytest.raises(ConfigError, match=r"m apart, expected at least 5000: .*\.tif and .*\.tif"):
        divide(ImageFolder(folder), rule, min_gap_m=5000)


def test_folders_of_classes_are_divided_by_time(folder):
    dated = ImageFolder(folder, filename_regex=r"(?P<date>\d{8})_.*")
    rule = TimeSplit({"train": "2018", "val": "2019", "test": "2020"})
    parts = divide(dated, rule, min_gap_days=300)
    assert {name: len(part) for name, part in parts.items()} == {"train": 24, "val": 24, "test": 12}
    pair = next(p for p in parts.report.pairs if (p.one, p.other) == ("val", "test"))
    assert pair.gap_days == 365  # from the end of 1 June 2019 to 1 June 2020: 366 days less one
    assert pair.gap_m == 0
    assert pair.overlap_km2 == 0
    with pytest.raises(ConfigError, match=r"364 days apart, expected at least 365: .*2018.*2019"):
        divide(dated, rule, min_gap_days=365)


def test_reports_count_and_measure_as_by_hand():
    grids = [
        tile(500_000, 5_000_000),
        tile(500_320, 5_000_000),  # shares its western half with the first
        tile(502_000, 5_000_000),  # 1040 m from the second, 2000 - 640 m from the first
        tile(500_000, 5_000_000 - 640),  # touches the first
    ]
    columns = {
        "file": np.array(["a.tif", "b.tif", "c.tif", "d.tif"], object),
        "class": np.array(["wood", "lake", "wood", "wood"], object),
        "split": np.array(["train", "test", "val", None], object),
    }
    report = SplitReport.of_columns(columns, grids)
    assert report.samples == {"train": 1, "val": 1, "test": 1}
    assert report.undivided == 1
    assert report.classes == {
        "lake": {"train": 0, "val": 0, "test": 1},
        "wood": {"train": 1, "val": 1, "test": 0},
    }
    assert report.lacking == {"lake": ("train", "val"), "wood": ("test",)}
    between = {(p.one, p.other): p for p in report.pairs}
    shared = between["train", "test"]
    assert shared.overlap_km2 == pytest.approx(0.32 * 0.64 / 0.9996**2, rel=1e-4)
    assert (shared.gap_m, shared.sharing, shared.nearest) == (0.0, (1, 1), ("a.tif", "b.tif"))
    apart = between["val", "test"]
    assert apart.gap_m == pytest.approx(1040 / 0.9996, rel=1e-4)
    assert apart.nearest == ("c.tif", "b.tif")
    assert between["train", "val"].gap_m == pytest.approx(1360 / 0.9996, rel=1e-4)
    assert shared.gap_days is None
    assert json.loads(json.dumps(report.to_json()))["pairs"][0]["splits"] == ["train", "val"]
    assert "train and test: 0.205 km2 in common (1 of train, 1 of test)" in str(report)
    with pytest.raises(ConfigError, match=r"km2 in common.*such as a\.tif and b\.tif"):
        report.require(no_overlap=True)
    with pytest.raises(
        ConfigError, match="no sample for train and val is of class lake, and 1 further"
    ):
        report.require(classes=True)
    with pytest.raises(ConfigError, match="not known of all samples when each was seen"):
        report.require(gap_days=1)
    placeless = SplitReport.of_columns(columns)
    with pytest.raises(ConfigError, match="not known of all samples where they lie"):
        placeless.require(gap_m=1)
    assert placeless.pairs[0].gap_m is None
    with pytest.raises(ConfigError, match="not divided"):
        SplitReport.of_columns({"file": columns["file"]})


def test_datasets_that_are_asked_by_place_are_divided_by_cells_and_gaps_in_metres():
    from geoloom.datasets.arrays import ArrayDataset
    from geoloom.samplers import GridGeoSampler

    grid = GeoBox((300, 300), Affine(20, 0, 401_234, 0, -20, 5_400_321), "EPSG:32632")
    dataset = ArrayDataset(np.ones((1, 300, 300), np.uint8), np.ones((300, 300), bool), grid)
    parts = divide(dataset, CellSplit(1000, buffer_m=100), size=16, min_gap_m=99)
    outlines = {}
    for name, part in parts.items():
        chips = [query.grid for query in GridGeoSampler(part, 16).table()]
        outlines[name] = boxes(chips)
        for region in part.regions:
            for at, ends in zip(
                np.array(region.area.bounds), (401_234, 5_394_321, 407_234, 5_400_321), strict=True
            ):
                # Lines at multiples of 1000 m, or the scene's ends, less half a gap (60 m: whole pixels).
                assert abs((at + 500) % 1000 - 500) <= 60 or abs(at - ends) <= 60
    for one, other in combinations(outlines.values(), 2):
        assert shapely.distance(one[:, None], other).min() >= 100 * 0.999
    report = parts.report
    assert min(pair.gap_m for pair in report.pairs) >= 99
    with pytest.raises(ConfigError, match="expected at least 4000"):
        divide(dataset, CellSplit(1000), size=16, min_gap_m=4000)
    with pytest.raises(ChipError, match="cells of 200 m are 10 px, and hold no chip of 16 px"):
        divide(dataset, CellSplit(200), size=16)
    metres = divide(dataset, BlockSplit(block_m=1200, buffer_m=150), size=16)
    assert min(pair.gap_m for pair in metres.report.pairs) >= 149


def test_what_does_not_fit_is_refused():
    grids = lattice(4, 4)
    with pytest.raises(ConfigError, match="block_px=10 and block_m=100 are both given"):
        BlockSplit(block_px=10, block_m=100)
    with pytest.raises(ConfigError, match="expected a side above 0"):
        CellSplit(0)
    with pytest.raises(ConfigError, match="2 of them do not tell it"):
        BlockSplit().split_of({}, [*grids, None, None])
    with pytest.raises(ConfigError, match="none of them tell it"):
        BlockSplit().split_of({"file": np.array(["a"])})
    with pytest.raises(ConfigError, match="samples have no scenes"):
        RoiSplit({"train": ScenePart(0, 0, 1, 1)}).split_of({}, grids)
    with pytest.raises(ConfigError, match=r"no sample lies in .* the area of test"):
        RoiSplit({"test": (0, 0, 0.5, 1.5)}).split_of({}, grids)
    with pytest.raises(ConfigError, match="fewer than the 3 splits"):
        CellSplit(1_000_000).split_of({}, grids)
    with pytest.raises(ConfigError, match="2 groups of one city, fewer than the 3 splits"):
        GroupSplit("city").split_of({"city": np.array(["a", "b", "b"])})
    with pytest.raises(ConfigError, match="nothing called 'city'"):
        GroupSplit("city").split_of({"town": np.array(["a"])})
    assert ColumnSplit("split").split_of({"split": np.array(["val"])}, grids[:1]).tolist() == [
        "val"
    ]
