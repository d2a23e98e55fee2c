"""Datasets divided: no chip that a sampler draws from a part shows ground of another; shapely judges."""

from __future__ import annotations

import logging
import pickle
from itertools import combinations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Geod

from geoloom.chips.cut import cut_chips
from geoloom.core.errors import ChipError, ConfigError, DatasetError, QueryError, SamplerError
from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset, Region, VectorDataset
from geoloom.datasets.arrays import ArrayDataset
from geoloom.samplers import (
    BalancedGeoSampler,
    GridGeoSampler,
    PointGeoSampler,
    PreChippedGeoSampler,
    RandomBatchGeoSampler,
    RandomGeoSampler,
    TripletGeoSampler,
)
from geoloom.splits import (
    BlockSplit,
    RandomSplit,
    RoiSplit,
    ScenePart,
    SceneSplit,
    TimeSplit,
    divide,
)
from geoloom.tasks import GeoDataModule
from geoloom.testing.ramps import write_raster

PX = 30.0


def grid(shape, x=500_000.0, y=9_000_000.0, res=PX, crs="EPSG:32722"):
    return GeoBox(shape, Affine(res, 0, x, 0, -res, y), crs)


def scene(box, name="a"):
    shape = tuple(box.shape)
    mask = (np.indices(shape).sum(0) // 20 % 3 + 1).astype(np.uint8)
    image = np.full((1, *shape), 7, np.uint8)
    return ArrayDataset(image, image[0] > 0, box, mask=mask, name=name)


def outlines(table):
    """Of a table's chips, in UTM 22."""
    return np.array(
        [q.grid.extent.to_crs("EPSG:32722", resolution=q.grid.resolution.x * 4).geom for q in table]
    )


def least_gap_m(one, other):
    return float(shapely.distance(one[:, None], other).min())


SAMPLERS = {
    "random": lambda part, size: RandomGeoSampler(part, size, 40, generator=0),
    "batches": lambda part, size: RandomBatchGeoSampler(part, size, 4, 40, generator=0),
    "grid": lambda part, size: GridGeoSampler(part, size),
    "padded": lambda part, size: GridGeoSampler(part, size, stride=size // 2, edge="pad"),
    "balanced": lambda part, size: BalancedGeoSampler(part, size, 40, generator=0),
    "triplets": lambda part, size: TripletGeoSampler(
        part, size, 4, near_m=PX * size, far_m=0, length=20, generator=0
    ),
}


@pytest.mark.parametrize("kind", SAMPLERS)
@settings(max_examples=12)
@given(
    shape=st.tuples(st.integers(220, 400), st.integers(220, 400)),
    size=st.integers(12, 24),
    buffer=st.integers(0, 12),
    seed=st.integers(0, 99),
)
def test_chips_of_blocks_keep_their_distance(kind, shape, size, buffer, seed):
    dataset = scene(grid(shape))
    parts = divide(
        dataset, BlockSplit(buffer_px=buffer, seed=seed, block_px=2 * (size + buffer)), size=size
    )
    chips = {name: outlines(SAMPLERS[kind](part, size).table()) for name, part in parts.items()}
    assert set(chips) == {"train", "val", "test"}
    for name, boxes in chips.items():
        assert shapely.covers(grid(shape).extent.geom.buffer(1e-6), boxes).all(), name
    for one, other in combinations(chips.values(), 2):
        assert least_gap_m(one, other) >= PX * buffer - 1e-6
        assert shapely.union_all(one).intersection(shapely.union_all(other)).area < 1e-3
    for one, other in combinations(parts, 2):
        found = parts.separation(one, other)
        assert found.overlap_km2 < 1e-6 * sum(parts.ground_km2().values())
        assert found.gap_m >= (PX * buffer) * 0.998 - 0.01


@pytest.mark.parametrize(
    "other",
    [
        grid((300, 300), x=500_000 + 30 * 100, y=9_000_000 - 30 * 50),  # shifted by whole pixels
        grid((600, 600), x=501_007, y=8_999_003, res=15.0),  # finer, off the lattice
        GeoBox((300, 300), Affine(0.00027, 0, -50.98, 0, -0.00027, -9.06), "EPSG:4326"),
    ],
    ids=["shifted", "finer", "degrees"],
)
def test_scenes_that_overlap_share_their_blocks(other):
    dataset = scene(grid((300, 300))) | scene(other, "b")
    parts = divide(dataset, BlockSplit(buffer_px=4), size=20)
    chips = [
        outlines(RandomGeoSampler(part, 20, 150, generator=0).table()) for part in parts.values()
    ]
    assert {region.name for part in parts.values() for region in part.regions} == {"a", "b"}
    for one, two in combinations(chips, 2):
        assert least_gap_m(one, two) >= 0.99 * 4 * 15  # pixels of the finer scene, turned a little


def test_ground_is_shared_out_by_the_scenes_and_nearly_all_of_it_is_sampled():
    dataset = scene(grid((600, 600)))
    parts = divide(dataset, BlockSplit(test=0.3, val=0.1, buffer_px=0, block_px=50), size=24)
    ground = parts.ground_km2()
    whole = dataset.regions[0].weight
    assert sum(ground.values()) == pytest.approx(whole, rel=1e-7)
    assert ground["test"] / whole == pytest.approx(0.3, abs=0.01)
    assert ground["val"] / whole == pytest.approx(0.1, abs=0.01)
    covered = (
        shapely.union_all(outlines(GridGeoSampler(parts.train, 25, stride=5).table())).area / 1e6
    )
    assert covered == pytest.approx(ground["train"], rel=1e-3)
    seen = np.zeros((600, 600), int)
    for row in RandomGeoSampler(parts.train, 24, 60_000, generator=0).table().rows:
        seen[row["row"] : row["row"] + 24, row["col"] : row["col"] + 24] += 1
    assert PX**2 * (seen > 0).sum() / 1e6 > 0.99 * ground["train"]


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_regions_of_any_shape(turn):
    """A triangle, a notched polygon and the rest: chips lie in them as wholes, a buffer apart."""
    dataset = scene(grid((300, 300)))
    left, bottom, right, top = grid((300, 300)).boundingbox
    wedge = shapely.Polygon([(left, top), (right, top), (left, bottom)])
    notch = shapely.Polygon(
        [(right, bottom), (right, top - 400), (right - 2500, bottom + 4000), (right - 3000, bottom)]
    )
    regions = {"train": (wedge, "EPSG:32722"), "test": (notch, "EPSG:32722")}
    parts = divide(dataset, RoiSplit(regions, buffer_px=6, val=0.3 if turn else 0.0), size=12)
    kind = ("random", "grid", "balanced")[turn]
    chips = {name: outlines(SAMPLERS[kind](part, 12).table()) for name, part in parts.items()}
    assert set(chips) == ({"train", "test", "val"} if turn else {"train", "test"})
    assert shapely.covers(notch.buffer(0.1), chips["test"]).all()
    for name in chips.keys() - {"test"}:
        assert shapely.covers(wedge.buffer(0.1), chips[name]).all()
    for one, other in combinations(chips.values(), 2):
        assert least_gap_m(one, other) >= 6 * PX - 0.1


def test_random_positions_in_a_split_are_all_alike():
    """In a triangle: each whole-pixel position whose chip lies in it, as often as any other."""
    box = grid((40, 40))
    left, bottom, right, top = box.boundingbox
    wedge = shapely.Polygon([(left, top), (right, top), (left, bottom)])
    parts = divide(scene(box), RoiSplit({"train": (wedge, "EPSG:32722")}), size=10)
    rows = RandomGeoSampler(parts.train, 10, 60_000, generator=3).table().rows
    counts = np.bincount(rows["row"] * 40 + rows["col"], minlength=1600).reshape(40, 40)
    fitting = np.add.outer(np.arange(40), np.arange(40)) + 20 <= 40
    assert (counts[~fitting] == 0).all()
    expected = 60_000 / fitting.sum()
    assert (np.abs(counts[fitting] - expected) < 5 * np.sqrt(expected)).all()


def test_whatever_is_asked_nothing_comes_from_outside():
    dataset = scene(grid((200, 200)))
    halves = RoiSplit({"train": ScenePart(0, 0, 0.5, 1), "test": ScenePart(0.5, 0, 1, 1)})
    parts = divide(dataset, halves, size=16)
    whole = parts.train[grid((200, 200))]
    assert whole["valid"][:, :100].all()
    for key in ("valid", "observed", "image"):
        if key in whole:
            assert not whole[key][..., 100:].any(), key
    assert (whole["mask"][:, 100:] == -100).all()
    assert torch.equal(whole["mask"][:, :100], dataset[grid((200, 200))]["mask"][:, :100])
    with pytest.raises(QueryError, match="nothing at"):
        parts.train[grid((200, 200))[:, 120:160]]
    inner = grid((200, 200))[10:26, 20:36]
    assert torch.equal(parts.train[inner]["image"], dataset[inner]["image"])
    batch = parts.test.__getitems__(
        [Query(grid((200, 200))[:8, 95:103]), Query(grid((200, 200))[:8, 150:158])]
    )
    assert batch[0]["valid"].sum() == 8 * 3
    assert batch[1]["valid"].all()


def test_what_is_made_of_parts_keeps_to_their_ground(tmp_path):
    image = write_raster(tmp_path / "s.tif", np.ones((1, 120, 120), "uint8"), grid((120, 120)))
    table = gpd.GeoDataFrame(
        {"k": ["x"]}, geometry=[grid((120, 120)).extent.geom], crs="EPSG:32722"
    )
    images, labels = RasterDataset(image), VectorDataset(table)
    parts = divide(images, BlockSplit(test=0.3, val=0.0, buffer_px=0, block_px=30), size=12)
    for joined in (parts.test & labels, labels & parts.test, parts.test.with_transforms(dict)):
        boxes = outlines(RandomGeoSampler(joined, 12, 50, generator=0).table())
        ground = shapely.union_all([region.area for region in parts.test.regions])
        assert shapely.covers(ground.buffer(0.1), boxes).all()
    again = pickle.loads(pickle.dumps(parts.test))
    assert again == parts.test
    assert again != parts.train
    assert (
        divide(images, BlockSplit(test=0.3, val=0.0, buffer_px=0, block_px=30), size=12).test
        == parts.test
    )
    chips = cut_chips(parts.train, tmp_path / "c.zarr", size=12, count=30, split=None)
    cut = shapely.union_all([region.area for region in parts.train.regions])
    corners = np.array([list(chips.transforms(np.array([i]))[0]) for i in range(len(chips))])
    boxes = shapely.box(
        corners[:, 2], corners[:, 5] - 12 * PX, corners[:, 2] + 12 * PX, corners[:, 5]
    )
    assert shapely.covers(cut.buffer(0.1), boxes).all()


def test_points_and_scenes_as_chips_keep_to_their_ground():
    dataset = scene(grid((100, 100)))
    halves = RoiSplit({"train": ScenePart(0, 0, 0.5, 1), "test": ScenePart(0.5, 0, 1, 1)})
    parts = divide(dataset, halves, size=16)
    cols = np.array([20.5, 45.5, 80.5])
    xy = np.column_stack([500_000 + PX * cols, np.full(3, 9_000_000 - PX * 50.5)])
    found = PointGeoSampler(parts.train, 16, (xy, "EPSG:32722")).table().rows
    assert found["col"].tolist() == [12]  # the second would stick out, the third lies elsewhere
    with pytest.raises(SamplerError, match="SceneSplit"):
        PreChippedGeoSampler(parts.train)
    with pytest.raises(SamplerError, match="lies wholly in the ground"):
        RandomGeoSampler(parts.train, 60, 3)
    with pytest.raises(SamplerError, match="lies wholly in the ground"):
        GridGeoSampler(parts.train, 60)


def test_scenes_as_wholes_and_those_that_overlap_together():
    far = [scene(grid((50, 50), x=500_000 + 10_000 * k), f"s{k}") for k in range(12)]
    twins = [scene(grid((50, 50), x=500_300 + 10_000 * k), f"t{k}") for k in range(12)]
    dataset = far[0]
    for other in (*far[1:], *twins):
        dataset = dataset | other
    parts = divide(dataset, SceneSplit(test=0.25, val=0.25, seed=1))
    names = {name: {region.name for region in part.regions} for name, part in parts.items()}
    assert {name: len(some) for name, some in names.items()} == {"train": 12, "test": 6, "val": 6}
    for some in names.values():
        assert {name[1:] for name in some if name[0] == "s"} == {n[1:] for n in some if n[0] == "t"}
    assert len(PreChippedGeoSampler(parts.val).table()) == 6
    assert parts.separation("train", "test").overlap_km2 == 0
    assert parts.separation("train", "test").gap_m > 8_000
    other_deal = divide(dataset, SceneSplit(test=0.25, val=0.25, seed=2))
    assert {r.name for r in other_deal.val.regions} != names["val"]


@pytest.fixture
def years(tmp_path):
    for number, year in enumerate((2018, 2019, 2020, 2021)):
        values = np.full((1, 60, 60), number + 1, "uint8")
        write_raster(tmp_path / f"x_{year}0601.tif", values, grid((60, 60)), nodata=0)
    return RasterDataset(tmp_path, filename_regex=r"x_(?P<date>\d{8})")


def test_times_apart(years):
    parts = divide(years, TimeSplit({"train": ("2018", "2019"), "val": "2020", "test": "2021"}))
    seen = {
        name: {int(v) for q in GridGeoSampler(part, 30).table() for v in part[q]["image"].unique()}
        for name, part in parts.items()
    }
    assert seen == {"train": {1, 2}, "val": {3}, "test": {4}}
    everything = parts.train[grid((60, 60))]  # asked for all of time: the newest of its own
    assert everything["image"].unique().tolist() == [2]
    with pytest.raises(QueryError):
        parts.test[Query(grid((60, 60)), Interval.of("2018"))]
    found = parts.separation("train", "val")
    assert found.gap_days == 365  # from the end of 1 June 2019 to 1 June 2020: 366 days less one
    assert found.overlap_km2 == pytest.approx(years.regions[0].weight)
    assert {read.uri[-12:] for read in parts.test.explain(grid((60, 60)))} == {"20210601.tif"}
    framed = parts.train.framed(Query(grid((60, 60))))
    assert framed[grid((60, 60))[:20, :20]]["image"].unique().tolist() == [2]
    series = parts.train.series(min_dates=1)
    assert series[grid((60, 60))]["image"].shape[0] == 2


def test_times_that_cannot_divide_are_refused(years):
    with pytest.raises(ConfigError, match=r"times of train .* and val .* overlap"):
        TimeSplit({"train": ("2018", "2020"), "val": "2020"})
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        TimeSplit({"trian": "2018"})
    morning = (Interval.of("2018-06-01T00:00:00").start, Interval.of("2018-06-01T10:00:00").start)
    day = TimeSplit({"train": Interval(*morning), "test": ("2018-06-01T10:00:00", "2022")})
    with pytest.raises(DatasetError, match="lies in the times of train and test"):
        divide(years, day)
    with pytest.raises(DatasetError, match="falls to test"):
        divide(years, TimeSplit({"train": "2018", "test": "2031"}))
    with pytest.raises(DatasetError, match="has no date"):
        divide(scene(grid((60, 60))), TimeSplit({"train": "2018"}))


def test_separation_is_measured_on_the_ellipsoid():
    boxes = [(10.0, 59.9, 10.1, 60.0), (10.3, 59.9, 10.4, 60.0), (179.9, 59.9, 179.95, 60.0)]
    east = (-179.95, 59.9, -179.9, 60.0)
    of = {
        b: Region.of_frame(GeoBox.from_bbox(b, "EPSG:4326", shape=(10, 10)), Interval.always())
        for b in (*boxes, east)
    }
    from geoloom.splits import Separation

    wanted = Geod(ellps="WGS84").inv(10.1, 60.0, 10.3, 60.0)[2]
    assert Separation.of([of[boxes[0]]], [of[boxes[1]]]).gap_m == pytest.approx(wanted, rel=1e-3)
    wanted = Geod(ellps="WGS84").inv(179.95, 60.0, -179.95, 60.0)[2]
    assert Separation.of([of[boxes[2]]], [of[east]]).gap_m == pytest.approx(wanted, rel=1e-3)
    assert Separation.of([of[boxes[0]]], [of[boxes[1]]]).gap_days is None
    shared = Separation.of([of[boxes[0]]], [of[boxes[0]]])
    assert shared.overlap_km2 == pytest.approx(of[boxes[0]].weight, rel=1e-6)
    assert shared.gap_m == 0


def test_a_data_module_takes_the_parts(tmp_path):
    dataset = scene(grid((200, 200)))
    parts = divide(dataset, BlockSplit(buffer_px=4), size=16)
    data = GeoDataModule(
        parts.train,
        RandomGeoSampler(parts.train, 16, 12, generator=0),
        val=parts.val,
        val_sampler=GridGeoSampler(parts.val, 16),
        test=parts.test,
        test_sampler=GridGeoSampler(parts.test, 16),
        batch_size=4,
    )
    boxes = {}
    for name in ("train", "val", "test"):
        batches = list(getattr(data, f"{name}_dataloader")())
        assert all(batch["valid"].all() for batch in batches)
        bounds = torch.cat([batch["bounds"] for batch in batches]).numpy()
        boxes[name] = shapely.box(*bounds.T)
    for one, other in combinations(boxes.values(), 2):
        assert least_gap_m(one, other) >= 4 * PX - 1e-6


def test_what_cannot_be_divided_is_refused(caplog):
    dataset = scene(grid((100, 100)))
    with pytest.raises(ConfigError, match="RandomSplit divides chips"):
        divide(dataset, RandomSplit(), size=16)
    with pytest.raises(ConfigError, match=r"say it: divide\(..., size=256\)"):
        divide(dataset, BlockSplit())
    with pytest.raises(ChipError, match="fewer than the 3 splits"):
        divide(dataset, BlockSplit(), size=90)
    with caplog.at_level(logging.INFO, logger="geoloom"):
        parts = divide(dataset, BlockSplit(val=0), size=16)
    assert "divided by BlockSplit" in caplog.text
    with pytest.raises(DatasetError, match="no part 'val'"):
        parts.val  # noqa: B018
    table = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    with pytest.raises(DatasetError, match="no pixels of its own"):
        divide(VectorDataset(table), BlockSplit(), size=16)


def test_labels_smaller_than_chips_are_sampled_and_keep_their_surroundings():
    """Chips lie wholly in the ground of their part, their centres on a label, which may be a small field."""
    fields = [
        shapely.box(x, 9_000_000 - y - 90, x + 90, 9_000_000 - y)
        for x in range(500_300, 511_700, 600)
        for y in range(300, 11_700, 600)
    ]
    table = gpd.GeoDataFrame(geometry=fields, crs="EPSG:32722")
    image = ArrayDataset(
        np.full((1, 400, 400), 7, np.uint8), np.ones((400, 400), bool), grid((400, 400))
    )
    parts = divide(image & VectorDataset(table), BlockSplit(buffer_px=4, block_px=50), size=16)
    chips = {}
    for name, part in parts.items():
        table_of_chips = RandomGeoSampler(part, 16, 60, generator=0).table()
        chips[name] = outlines(table_of_chips)
        for query in list(table_of_chips)[:10]:
            sample = part[query]
            assert (sample["image"] == 7).all()
            assert 0 < sample["valid"].sum() < 16 * 16
        assert len(GridGeoSampler(part, 16).table()) > 20
    for one, other in combinations(chips.values(), 2):
        assert least_gap_m(one, other) >= 4 * PX - 1e-6
