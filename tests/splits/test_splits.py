"""No two chips of different splits share ground, nor come nearer than the buffer; shapely is the judge."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry

from geoloom.core.errors import ChipError, ConfigError, RoiError
from geoloom.core.outline import footprint
from geoloom.datasets.arrays import ArrayDataset
from geoloom.samplers.drawing.draw import draw_candidates
from geoloom.samplers.drawing.options import ChipOptions
from geoloom.splits.names import SPLITS
from geoloom.splits.overlap import Ground
from geoloom.splits.rules import (
    BlockSplit,
    RandomSplit,
    RoiSplit,
    ScenePart,
    overlaps,
    warn_of_overlaps,
)

HALVES = {"train": ScenePart(0, 0, 0.5, 1), "test": ScenePart(0.5, 0, 1, 1)}


def _grid(shape, x=500_000.0, y=9_000_000.0, res=30.0, crs="EPSG:32722"):
    return GeoBox(shape, Affine(res, 0, x, 0, -res, y), crs)


def _scene(grid, name="a", labels=True):
    shape = tuple(grid.shape)
    mask = (np.indices(shape).sum(0) // 20 % 3 + 1).astype(np.uint8) if labels else None
    image = np.ones((1, *shape), np.uint8)
    return ArrayDataset(image, image[0] > 0, grid, mask=mask, name=name)


def _least_gap(plan):
    """Least distance in metres between chips of different splits, over all scenes, in UTM 22."""
    boxes = []
    height, width = plan.options.size
    for scene, row, col in plan.windows:
        grid = plan.sources[scene].frame[row : row + height, col : col + width]
        boxes.append(grid.extent.to_crs("EPSG:32722", resolution=grid.resolution.x * 4).geom)
    boxes = np.array(boxes)
    gaps = [
        shapely.distance(boxes[plan.splits == a][:, None], boxes[plan.splits == b]).min()
        for a, b in ((0, 1), (0, 2), (1, 2))
        if (plan.splits == a).any() and (plan.splits == b).any()
    ]
    assert gaps
    return min(gaps)


@given(
    shape=st.tuples(st.integers(200, 400), st.integers(200, 400)),
    size=st.integers(10, 40),
    buffer=st.integers(0, 20),
    strategy=st.sampled_from(["random", "sequential"]),
    seed=st.integers(0, 99),
)
def test_block_splits_keep_their_distance(shape, size, buffer, strategy, seed):
    order = ChipOptions(
        (size, size), strategy, count=40 if strategy == "random" else None, seed=seed
    )
    rule = BlockSplit(buffer_px=buffer, seed=seed)
    plan = draw_candidates([_scene(_grid(shape))], order, split=rule)
    assert set(plan.splits) == {0, 1, 2}
    assert _least_gap(plan) >= 30 * buffer - 1e-6
    ground = Ground.of([_grid(shape)], (size, size))
    assert len(overlaps(ground, plan.windows, plan.splits)) == 0


def test_shares_are_kept_and_every_class_is_in_every_split():
    scene = _scene(_grid((600, 600)))
    plan = draw_candidates(
        [scene], ChipOptions((24, 24), count=500), split=BlockSplit(test=0.3, val=0.1)
    )
    kept = {SPLITS[k.split]: k.quota for k in plan.kinds}
    assert kept == {"train": 300, "test": 150, "val": 50}
    for split in range(3):
        codes = set()
        for _, row, col in plan.windows[plan.splits == split]:
            codes |= set(np.unique(scene.mask[row : row + 24, col : col + 24]))
        assert codes == {1, 2, 3}


@pytest.mark.parametrize(
    "other",
    [
        _grid((300, 300), x=500_000 + 30 * 100, y=9_000_000 - 30 * 50),  # shifted by whole pixels
        _grid((600, 600), x=501_007, y=8_999_003, res=15.0),  # finer, off the lattice
        GeoBox((300, 300), Affine(0.00027, 0, -50.98, 0, -0.00027, -9.06), "EPSG:4326"),
    ],
    ids=["shifted", "finer", "degrees"],
)
def test_scenes_that_overlap_share_their_blocks(other):
    scenes = [_scene(_grid((300, 300))), _scene(other, "b")]
    order = ChipOptions((20, 20), count=150)
    plan = draw_candidates(scenes, order, split=BlockSplit(buffer_px=4))
    assert set(plan.windows[:, 0]) == {0, 1}
    assert _least_gap(plan) > 0
    ground = Ground.of([s.grid for s in scenes], (20, 20))
    assert len(ground.groups) == 1
    assert len(overlaps(ground, plan.windows, plan.splits)) == 0


def test_scenes_far_apart_are_separate_ground():
    ground = Ground.of([_grid((100, 100)), _grid((100, 100), x=600_000.0)], (10, 10))
    assert ground.groups == ((0,), (1,))
    windows = np.array([[0, 0, 0], [1, 0, 0]])
    assert len(overlaps(ground, windows, np.array([0, 1]))) == 0


def test_halves_by_hand():
    rule = RoiSplit(HALVES, val=0.25, buffer_px=6)
    plan = draw_candidates(
        [_scene(_grid((300, 401)))], ChipOptions((20, 20), count=200), split=rule
    )
    left = plan.windows[:, 2] + 20 <= 200.5
    assert (plan.splits[~left] == 1).all()
    assert set(plan.splits[left]) == {0, 2}
    assert _least_gap(plan) >= 30 * 6 - 1e-6


def test_regions_in_world_coordinates():
    grid = _grid((300, 300))
    left, bottom, right, top = grid.boundingbox
    middle = (top + bottom) / 2
    rule = RoiSplit(
        {
            "train": ((left, middle, right, top), "EPSG:32722"),
            "val": Geometry(shapely.box(left, bottom, right, middle), "EPSG:32722"),
        }
    )
    plan = draw_candidates([_scene(grid)], ChipOptions((20, 20), "sequential"), split=rule)
    upper = plan.windows[:, 1] + 20 <= 150
    np.testing.assert_array_equal(plan.splits, np.where(upper, 0, 2))
    assert (plan.windows[~upper, 1] >= 150).all()


def test_random_split_warns_with_the_overlapping_chips(caplog):
    ground = Ground.of([_grid((100, 100))], (10, 10))
    windows = np.array([[0, 0, 0], [0, 5, 5], [0, 10, 0], [0, 50, 50], [0, 0, 10]])
    splits = np.array([0, 1, 0, 2, 1])
    # By hand: chip 1 covers rows and columns 5..14, so it meets chips 0 and 2, and chip 4 of its own split;
    # chips 0 and 4 only touch.
    assert overlaps(ground, windows, splits).tolist() in ([[0, 1], [1, 2]], [[1, 2], [0, 1]])
    with caplog.at_level(logging.WARNING):
        assert warn_of_overlaps(ground, windows, splits) == 3
    assert "3 of 5 chips" in caplog.text
    assert "train/test 2" in caplog.text
    assert "Chips: 0, 1, 2" in caplog.text


def test_random_deal_is_exact():
    codes = RandomSplit(test=0.25, val=0.1, seed=3).deal(200)
    assert np.bincount(codes).tolist() == [130, 50, 20]
    assert not (codes == RandomSplit(test=0.25, val=0.1, seed=4).deal(200)).all()


def test_impossible_divisions_say_what_to_do():
    scene = _scene(_grid((100, 100)))
    with pytest.raises(ChipError, match="fewer than the 3 splits"):
        draw_candidates([scene], ChipOptions((60, 60), count=5), split=BlockSplit())
    with pytest.raises(ChipError, match="choose block_px of at least 25"):
        draw_candidates([scene], ChipOptions((20, 20), count=5), split=BlockSplit(block_px=15))
    rule = RoiSplit({"train": ScenePart(0, 0, 0.6, 1), "test": ScenePart(0.5, 0, 1, 1)})
    with pytest.raises(ChipError, match="overlap"):
        draw_candidates([scene], ChipOptions((20, 20), count=5), split=rule)
    with pytest.raises(ConfigError, match="below 1"):
        BlockSplit(test=0.6, val=0.5)
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        RoiSplit({"trian": ScenePart(0, 0, 1, 1)})


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ({"train": (600_000, 0, 700_000, 9_000_000)}, "give .geometry, crs."),
        ({"train": (0, 0, 0.5, 1)}, "for fractions of each scene give ScenePart"),
        ({"train": (13, 45, 14, 46), "test": ScenePart(0, 0, 1, 1)}, "give all of one kind"),
    ],
)
def test_numbers_that_mean_something_else_elsewhere_are_refused(regions, message):
    with pytest.raises((ConfigError, RoiError), match=message):
        RoiSplit(regions)


def test_fractions_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="expected fractions from 0 to 1, left below right"):
        ScenePart(0.5, 0, 0.2, 1)


def test_regions_in_degrees_that_share_an_edge_leave_no_chip_in_both():
    """The edge of one is straight in degrees, and given with other corners in the other region."""
    grid = _grid((300, 300))
    west, south, east, north = footprint(grid).bounds
    middle = (south + north) / 2
    edge = np.linspace(east, west, 7)
    upper = shapely.Polygon([(west, north), (east, north), *((x, middle) for x in edge)])
    rule = RoiSplit({"train": upper, "test": (west, south, east, middle)})
    plan = draw_candidates([_scene(grid)], ChipOptions((20, 20), "sequential"), split=rule)
    assert set(plan.splits) == {0, 1}
    assert plan.windows[plan.splits == 0, 1].max() < plan.windows[plan.splits == 1, 1].min()


def test_scenes_are_not_compared_one_by_one(monkeypatch):
    """Overlap is looked up in a tree: of three hundred scenes in pairs, not of 45,000 pairs of scenes."""
    from shapely.geometry.base import BaseGeometry

    compared = []
    intersects = BaseGeometry.intersects

    def counted(self, other):
        compared.append(1)
        return intersects(self, other)

    monkeypatch.setattr(BaseGeometry, "intersects", counted)
    grids = [
        GeoBox(
            (50, 50),
            Affine(30, 0, 200_000 + 3000 * (k // 2) + 300 * (k % 2), 0, -30, 9e6),
            "EPSG:32722",
        )
        for k in range(200)
    ]
    ground = Ground.of([*grids, GeoBox((50, 50), Affine.identity(), None)], (8, 8))
    assert ground.groups == (*((k, k + 1) for k in range(0, 200, 2)), (200,))
    assert [ground.anchor(scene) for scene in (0, 1, 7, 200)] == [0, 0, 6, 200]
    assert len(compared) < 1000
