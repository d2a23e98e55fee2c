"""Shares over ranks, workers and interrupted runs: every query once, in an order that seeds decide."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from geoloom.core.bands import Band
from geoloom.core.errors import SamplerError
from geoloom.core.interval import ALWAYS
from geoloom.datasets.base import GeoDataset
from geoloom.datasets.reading.sample import to_sample
from geoloom.datasets.region import Region
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler

UTM = GeoBox((60, 70), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
SIZE, BATCH, RANKS = 16, 3, 3

KINDS = {
    "random": lambda data, **share: RandomGeoSampler(data, SIZE, 29, generator=4, **share),
    "batches": lambda data, **share: RandomBatchGeoSampler(
        data, SIZE, BATCH, 33, generator=4, **share
    ),
    "grid": lambda data, **share: GridGeoSampler(data, SIZE, 12, **share),
}


class Blank(GeoDataset):
    """A scene whose samples say where they lie."""

    bands = (Band("b"),)
    layers = frozenset({"image"})

    def _find_regions(self):
        return (Region.of_frame(UTM, ALWAYS),)

    def _identity(self):
        return UTM

    def _read(self, query, channels):
        valid = np.ones(query.grid.shape, bool)
        return to_sample(query.grid, valid, image=np.zeros((1, *valid.shape), "uint8"))


@pytest.fixture
def scene():
    return Blank()


def batches_of(scene, sampler, workers=2):
    """Through a loader; a batch as the corners of its chips."""
    if hasattr(sampler, "batch_size"):
        loader = DataLoader(scene, batch_sampler=sampler, num_workers=workers)
    else:
        loader = DataLoader(scene, sampler=sampler, batch_size=BATCH, num_workers=workers)
    for batch in loader:
        yield [tuple(bounds) for bounds in batch["bounds"].tolist()]


def corners(queries):
    return [tuple(map(float, q.grid.boundingbox)) for q in queries]


def joined(lists):
    return [item for part in lists for item in part]


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_and_workers_give_each_query_once_though_stopped_and_resumed(scene, kind):
    """3 ranks x 2 workers x 2 epochs, stopped after 2 steps of the first."""
    make, steps = KINDS[kind], 2
    epochs: dict[int, list] = {0: [], 1: []}
    for rank in range(RANKS):
        sampler = make(scene, rank=rank, world_size=RANKS)
        running = batches_of(scene, sampler)
        before = [next(running) for _ in range(steps)]
        running.close()
        used = steps if kind == "batches" else steps * BATCH
        state = sampler.state_dict(given=used)
        assert sampler._passed.given > used  # the workers had read ahead
        resumed = make(scene, rank=rank, world_size=RANKS)
        resumed.load_state_dict(state)
        first = joined([*before, *batches_of(scene, resumed)])
        second = joined(batches_of(scene, resumed))
        whole = make(scene).shard(rank, RANKS)
        assert first == corners(whole.share(0))
        assert second == corners(whole.share(1))
        epochs[0] += first
        epochs[1] += second
    for epoch, given_queries in epochs.items():
        assert Counter(given_queries) == Counter(corners(make(scene).table(epoch)))


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_take_turns_along_the_table(scene, kind):
    make = KINDS[kind]
    unit = BATCH if kind == "batches" else 1
    table = corners(make(scene).table(0))
    for rank in range(RANKS):
        share = make(scene, rank=rank, world_size=RANKS)
        wanted = [q for i, q in enumerate(table) if (i // unit) % RANKS == rank]
        assert corners(share.share(0)) == wanted
        assert len(share) * unit == len(wanted)


@given(
    length=st.integers(1, 40),
    worlds=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    steps=st.integers(0, 9),
)
def test_a_run_may_go_on_with_another_number_of_ranks(regions, length, worlds, steps):
    def samplers(count):
        dataset = regions(UTM)
        return [
            RandomGeoSampler(dataset, 4, length, generator=1, rank=r, world_size=count)
            for r in range(count)
        ]

    seen = []
    before, after = worlds
    for sampler in (running := samplers(before)):
        queries = iter(sampler)
        seen += [q for _, q in zip(range(steps), queries, strict=False)]
    state = running[0].state_dict()
    for sampler in samplers(after):
        sampler.load_state_dict(state)
        if state["epoch"] == 0:
            sampler.set_epoch(0)
            seen += list(sampler)
    assert Counter(corners(seen)) == Counter(corners(running[0].table(0)))


def test_dropping_the_end_gives_ranks_equally_many(regions):
    shares = [
        RandomGeoSampler(
            regions(UTM), 4, 11, generator=0, rank=r, world_size=3, drop_last=True
        ).share()
        for r in range(3)
    ]
    assert [len(share) for share in shares] == [3, 3, 3]
    table = RandomGeoSampler(regions(UTM), 4, 11, generator=0).table()
    assert Counter(corners(joined(shares))) == Counter(corners(table)[:9])


def test_a_pass_that_is_over_is_followed_by_the_next_epoch(regions):
    sampler = RandomGeoSampler(regions(UTM), 4, 5, generator=0)
    list(sampler)
    assert sampler.state_dict() == {"epoch": 1, "position": 0, "units": 5, "seed": 0}
    fresh = RandomGeoSampler(regions(UTM), 4, 5)  # the state brings the seed
    fresh.load_state_dict(sampler.state_dict())
    assert list(fresh) == list(sampler)


def test_set_epoch_keeps_the_place_in_the_epoch_that_was_stopped_and_in_no_other(regions):
    sampler = RandomGeoSampler(regions(UTM), 4, 5, generator=0)
    state = {"epoch": 2, "position": 3, "units": 5, "seed": 0}
    sampler.load_state_dict(state)
    sampler.set_epoch(2)
    assert list(sampler) == list(sampler.table(2))[3:]
    sampler.load_state_dict(state)
    sampler.set_epoch(1)
    assert list(sampler) == list(sampler.table(1))
    assert list(sampler) == list(sampler.table(2))


def test_shards_follow_torch_once_it_is_distributed(regions, monkeypatch):
    sampler = GridGeoSampler(regions(UTM), 10)
    assert len(sampler) == 42
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 4)
    assert len(sampler) == 11
    assert list(sampler) == list(sampler.table())[1::4]
    assert len(GridGeoSampler(regions(UTM), 10, rank=0, world_size=1)) == 42


@pytest.mark.parametrize("kind", KINDS)
def test_without_workers_the_sampler_knows_what_was_given(scene, kind):
    sampler = KINDS[kind](scene)
    running = batches_of(scene, sampler, workers=0)
    before = [next(running) for _ in range(3)]
    resumed = KINDS[kind](scene)
    resumed.load_state_dict(sampler.state_dict())
    assert joined([*before, *batches_of(scene, resumed, workers=0)]) == corners(sampler.table(0))


def test_ranks_that_would_draw_differently_are_refused(regions):
    sampler = RandomGeoSampler(regions(UTM), 4, 5).shard(0, 2)
    with pytest.raises(SamplerError, match="generator=0"):
        next(iter(sampler))


def test_trainers_see_that_the_shares_are_made(regions):
    """Lightning replaces any sampler of a distributed run that is not a DistributedSampler."""
    assert isinstance(GridGeoSampler(regions(UTM), 10), DistributedSampler)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ({"rank": 3, "world_size": 3}, "rank from 0 to world_size - 1"),
        ({"rank": 0}, "give both"),
        ({"world_size": 2}, "give both"),
    ],
)
def test_an_impossible_share_says_why(regions, share, message):
    with pytest.raises(SamplerError, match=message):
        GridGeoSampler(regions(UTM), 10, **share)


def test_a_share_of_too_little_or_of_another_epoch_says_why(regions):
    few = RandomGeoSampler(regions(UTM), 4, 2, generator=0, rank=0, world_size=3, drop_last=True)
    with pytest.raises(SamplerError, match="nothing for any"):
        len(few)
    with pytest.raises(SamplerError, match="length 7, this sampler's has 2"):
        few.load_state_dict({"epoch": 0, "position": 1, "units": 7, "seed": 0})
    with pytest.raises(SamplerError, match="lacks position, units, seed"):
        few.load_state_dict({"epoch": 0})
