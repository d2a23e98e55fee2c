"""Plans cover a scene once, whatever its size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import GridError
from geoloom.inference.blend import Blender, tile_weights
from geoloom.inference.plan import batches, plan_tiles

sizes = st.tuples(st.integers(1, 130), st.integers(1, 130))
blends = st.sampled_from(["cosine", "crop"])


def part(window):
    return np.s_[window.row : window.row + window.height, window.col : window.col + window.width]


@given(sizes, st.integers(1, 90), st.integers(0, 50), blends)
def test_each_pixel_is_finished_once_and_lies_in_the_tile_that_finishes_it(
    shape, tile, halo, blend
):
    plan = plan_tiles(shape, tile, halo, blend)
    times = np.zeros(shape, int)
    for one in plan.tiles:
        times[part(one.emit)] += 1
        if one.emit.height and one.emit.width:
            assert one.read.row <= one.emit.row
            assert one.read.col <= one.emit.col
            assert one.emit.row + one.emit.height <= one.read.row + one.read.height
            assert one.emit.col + one.emit.width <= one.read.col + one.read.width
    assert (times == 1).all()
    assert max(plan.core) <= tile
    assert {(one.read.height, one.read.width) for one in plan.tiles} == {plan.read_shape}


@given(sizes, st.integers(1, 90), st.integers(0, 50), blends, st.data())
def test_blending_an_image_with_itself_gives_the_image(shape, tile, halo, blend, data):
    plan = plan_tiles(shape, tile, halo, blend)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    scene = rng.random((2, *shape), dtype=np.float32)
    far = max(plan.core)
    padded = np.pad(scene, ((0, 0), (halo, halo + far), (halo, halo + far)))
    result = np.full_like(scene, np.nan)
    blender = Blender(plan, 2)
    cut = halo - plan.overlap_px
    for one in plan.tiles:
        top, left = one.read.row + halo, one.read.col + halo
        seen = padded[:, top : top + one.read.height, left : left + one.read.width]
        kept = seen[:, cut : one.read.height - cut, cut : one.read.width - cut]
        weights = tile_weights(plan, one)
        final = blender.add(one, kept.copy() if weights is None else kept * weights)
        result[(slice(None), *part(one.emit))] = final
    if blend == "crop":
        np.testing.assert_array_equal(result, scene)
    np.testing.assert_allclose(result, scene, rtol=1e-6)


def test_weights_are_the_raised_cosine_in_the_middle_of_a_scene():
    plan = plan_tiles((96, 96), 32, 8, "cosine")
    centre = tile_weights(plan, plan.tiles[4])
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(16) + 0.5) / 16)
    np.testing.assert_allclose(centre[24, :16], rise, atol=1e-6)
    np.testing.assert_allclose(centre[24, -16:], rise[::-1], atol=1e-6)
    np.testing.assert_allclose(centre[16:32, 16:32], 1)


def test_tiles_are_evened_out_and_stay_within_the_order():
    assert plan_tiles((520, 520), 512).core == (288, 288)
    assert plan_tiles((12000, 12000), 512).core == (512, 512)
    assert plan_tiles((100, 100), 512).core == (128, 128)
    assert plan_tiles((132, 132), 33).core == (33, 33)


@given(sizes, st.integers(1, 60), st.integers(0, 40), blends, st.integers(1, 5), st.data())
def test_a_resumed_run_takes_the_same_batches_and_misses_none(shape, tile, halo, blend, size, data):
    plan = plan_tiles(shape, tile, halo, blend)
    everything = list(batches(plan, size))
    assert [t for b in everything for t in b.tiles] == list(plan.tiles)
    assert sum(b.ends_row for b in everything) == plan.counts[0]
    finished = data.draw(st.integers(0, plan.counts[0] - 1))
    rows_done = plan.rows_final_after(finished)
    first = plan.first_row_needed(rows_done)
    assert list(batches(plan, size, first)) == [b for b in everything if b.row >= first]
    # Whatever was left out reaches no row that is still to be made.
    for row in range(first):
        assert (row + 1) * plan.core[0] + plan.overlap_px <= rows_done


@pytest.mark.parametrize("arguments", [((0, 5), 4, 0), ((5, 5), 0, 0), ((5, 5), 4, -1)])
def test_impossible_plans_are_refused(arguments):
    with pytest.raises(GridError, match="at least"):
        plan_tiles(*arguments)
    with pytest.raises(GridError, match="'cosine' or 'crop'"):
        plan_tiles((5, 5), 4, 0, "hann")


def test_a_map_of_impossible_size_is_refused_before_its_tiles_are_made():
    with pytest.raises(
        GridError, match=r"1200000 x 1200000 px is 5,49\d,\d{3} tiles, .*--resolution"
    ):
        plan_tiles((1_200_000, 1_200_000))
