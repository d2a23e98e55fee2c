"""Batches of a training: orders, shares of devices, seeds, whatever samples hold, going on after a stop."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import ConfigError, DatasetError
from geoloom.tasks.data import shares
from geoloom.tasks.data.chip_data import ChipDataModule
from geoloom.tasks.data.chips import MemoryChips, PixelChips
from geoloom.tasks.data.order import ShuffledOrder
from geoloom.tasks.data.shares import EvenBatches, TrainingBatches
from geoloom.transforms.draws import sample_seeds


@pytest.fixture
def as_rank(monkeypatch):
    """Stand for one of several devices, as `torch.distributed` would say."""

    def become(number, count):
        monkeypatch.setattr(shares, "rank", lambda: number)
        monkeypatch.setattr(shares, "device_count", lambda: count)

    return become


def shared(make, as_rank, devices):
    """What each device is given: a list of batches each."""
    given_to = []
    for number in range(devices):
        as_rank(number, devices)
        given_to.append(list(make()))
    return given_to


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_several_devices_see_together_the_batches_of_one(as_rank, devices):
    def make():
        batches = TrainingBatches(ShuffledOrder(40, seed=5), 12, seed=9)
        batches.set_epoch(3)
        return batches

    (alone,) = shared(make, as_rank, 1)
    assert len(alone) == 3  # 40 chips fill three batches of 12
    together = shared(make, as_rank, devices)
    seeds = dict(zip(ShuffledOrder(40, 5).epoch(3), sample_seeds(9, 3, 40).tolist(), strict=True))
    for number, whole in enumerate(alone):
        parts = [batches[number] for batches in together]
        assert {len(part.items) for part in parts} == {12 // devices}
        assert sorted(i for part in parts for i in part.items) == sorted(whole.items)
        for part in parts:
            assert part.seeds.tolist() == [seeds[item] for item in part.items]


def test_every_epoch_is_another_order_of_every_chip_and_equal_seeds_repeat_it():
    orders = [tuple(ShuffledOrder(20, seed=5).epoch(epoch)) for epoch in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({*orders, tuple(ShuffledOrder(20, seed=6).epoch(0))}) == 4
    assert tuple(ShuffledOrder(20, seed=5).epoch(1)) == orders[1]


@given(count=st.integers(0, 70), batch_size=st.integers(1, 20), devices=st.integers(1, 5))
def test_samples_to_be_counted_are_given_once_in_equally_many_batches(count, batch_size, devices):
    with pytest.MonkeyPatch.context() as patch:
        given_to = []
        for number in range(devices):
            patch.setattr(shares, "rank", lambda number=number: number)
            patch.setattr(shares, "device_count", lambda: devices)
            if 0 < count < devices:
                with pytest.raises(ConfigError, match=f"{count} samples.*{devices} devices"):
                    EvenBatches(range(count), batch_size)
                return
            batches = EvenBatches(range(count), batch_size)
            given_to.append([request.items for request in batches])
            assert len(batches) == len(given_to[-1])
    assert sorted(i for batches in given_to for items in batches for i in items) == list(
        range(count)
    )
    assert len({len(batches) for batches in given_to}) == 1
    sizes = [len(items) for batches in given_to for items in batches]
    # A batch of one a device may hold two, where one more batch would leave a device without.
    assert not sizes or 1 <= min(sizes) <= max(sizes) <= max(batch_size // devices, 2)


@pytest.mark.parametrize(
    ("batch_size", "samples", "devices", "advice"),
    [
        (7, 100, 2, "give 6 or 8"),
        (2, 100, 4, "give 4"),
        (16, 5, 2, "a batch of 5 of 5 samples.*give 4"),
        (4, 3, 4, "more samples, or fewer devices"),
    ],
)
def test_batches_that_cannot_be_shared_are_refused(as_rank, batch_size, samples, devices, advice):
    as_rank(1, devices)
    with pytest.raises(ConfigError, match=advice):
        TrainingBatches(ShuffledOrder(samples, 0), batch_size, 0)


def sample(number, **labels):
    rng = np.random.default_rng(number)
    image = torch.from_numpy(rng.integers(0, 60_000, (3, 2, 4, 4)).astype(np.uint16))
    return {
        "image": image,
        "valid": torch.from_numpy(rng.random((4, 4)) < 0.7),
        "valid_series": torch.from_numpy(rng.random((3, 4, 4)) < 0.7),
        "times": torch.tensor([0.0, float(number), np.nan], dtype=torch.float64),
        "crs": "EPSG:32622",
        "transform": torch.zeros(6),
        "bounds": torch.zeros(4),
        "name": f"chip {number}",
        **labels,
    }


LABELS = {
    "none": lambda n: {},
    "label": lambda n: {"label": torch.tensor(n % 3)},
    "plain label": lambda n: {"label": n % 3},
    "multilabel": lambda n: {"multilabel": torch.arange(5) == n % 5},
    "value per pixel": lambda n: {"value": torch.full((2, 4, 4), n + 0.5)},
    "value per image": lambda n: {"value": torch.tensor([n + 0.5, np.nan])},
    "layers": lambda n: {
        "mask:nlcd": torch.full((4, 4), 10 * n),
        "mask:roads": torch.full((4, 4), n % 2),
        "mask_series": torch.full((3, 4, 4), 300 + n),
    },
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_batches_hold_whatever_samples_hold(labels, memory_bytes):
    samples = [sample(n, **LABELS[labels](n)) for n in range(5)]
    data = ChipDataModule(
        samples, samples, samples, batch_size=2, memory_bytes=memory_bytes, num_workers=0
    )
    for loader in (data.val_dataloader(), data.test_dataloader()):
        batches = list(loader)
        assert [len(batch["image"]) for batch in batches] == [2, 2, 1]
        keys = set(samples[0]) - {"crs", "transform", "bounds", "name"}
        for key in keys:
            got = torch.cat([batch[key] for batch in batches])
            wanted = torch.stack([torch.as_tensor(one[key]) for one in samples])
            assert got.dtype == wanted.dtype
            assert torch.equal(torch.nan_to_num(got), torch.nan_to_num(wanted))
            assert torch.equal(got != got, wanted != wanted)
        assert all(set(batch) == keys for batch in batches)


def test_chips_that_differ_are_refused():
    small = {**sample(1), "image": torch.zeros((3, 2, 1, 1), dtype=torch.uint16)}
    with pytest.raises(DatasetError, match=r"chip 1 holds .*\(3, 2, 1, 1\)"):
        MemoryChips([sample(0), small])
    with pytest.raises(DatasetError, match=r"chip 1 holds .*label"):
        MemoryChips([sample(0), sample(1, label=1)])


def test_batches_in_memory_are_their_own():
    chips = MemoryChips([sample(n) for n in range(4)])
    before = chips[1]["image"].clone()
    chips.__getitems__([1])[0]["image"].zero_()
    assert torch.equal(chips[1]["image"], before)
    assert torch.equal(chips.__getitems__([1])[0]["image"], before)


def seeds_of(loader, batches=None):
    found = []
    for number, batch in enumerate(loader):
        found.append(batch["seed"].tolist())
        if number + 1 == batches:
            break
    return found


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_goes_on_where_it_stopped_and_not_where_it_read_ahead(num_workers):
    samples = [{"image": torch.full((1, 2, 2), n)} for n in range(20)]
    make = partial(
        ChipDataModule, samples, batch_size=3, seed=4, memory_bytes=0, num_workers=num_workers
    )
    whole = make().train_dataloader()
    epochs = []
    for epoch in range(3):
        whole.sampler.set_epoch(epoch)
        epochs.append(seeds_of(whole))
    assert [len(epoch) for epoch in epochs] == [6, 6, 6]
    assert len({seed for epoch in epochs for batch in epoch for seed in batch}) == 54
    stopped = make().train_dataloader()
    stopped.sampler.set_epoch(1)
    assert seeds_of(stopped, batches=2) == epochs[1][:2]
    state = stopped.state_dict()
    resumed = make().train_dataloader()
    resumed.load_state_dict(state)
    iterator = iter(resumed)  # Lightning asks for it before it says which epoch it is
    resumed.sampler.set_epoch(1)
    assert seeds_of(iterator) == epochs[1][2:]
    assert resumed.state_dict() == {**state, "epoch": 2, "given": 0}
    assert seeds_of(resumed) == epochs[2]


def test_a_state_of_another_training_is_refused():
    samples = [{"image": torch.zeros(1, 2, 2)} for _ in range(8)]
    state = ChipDataModule(samples, batch_size=2).train_dataloader().state_dict()
    for other, what in (
        (ChipDataModule(samples, batch_size=2, seed=1), "seed: 0 -> 1"),
        (ChipDataModule(samples[:6], batch_size=2), "samples: 8 -> 6"),
    ):
        with pytest.raises(ConfigError, match=what):
            other.train_dataloader().load_state_dict(state)


def test_an_order_that_was_replaced_is_refused():
    data = ChipDataModule([{"image": torch.zeros(1, 2, 2)}], batch_size=1)
    with pytest.raises(ConfigError, match="limit_train_batches"):
        data.train_dataloader().dataset[0]


class _Trainer:
    training = True


def augmented_batches(data):
    data.trainer = _Trainer()
    return [data.on_after_batch_transfer(batch, 0) for batch in data.train_dataloader()]


def dimmed(batch, seeds_B):
    from geoloom.transforms.draws import uniform

    factor = uniform(seeds_B, 1)[:, 0]
    return {**batch, "image": batch["image"] * factor[:, None, None, None], "factor": factor}


def test_augmentations_of_ones_own_follow_the_turns():
    samples = [{"image": torch.arange(16.0).view(1, 4, 4) + 1} for _ in range(12)]
    data = ChipDataModule(samples, batch_size=6, augment=["rot90", dimmed, "rot180"])
    turns = set()
    for batch in augmented_batches(data):
        for image, factor in zip(batch["image"], batch["factor"], strict=True):
            turned = (image / factor).round()
            matches = [
                k
                for k in range(4)
                if torch.equal(torch.rot90(turned, -k, (1, 2)), samples[0]["image"])
            ]
            turns.update(matches)
    assert turns == {0, 1, 2}
    with pytest.raises(ConfigError, match="did you mean 'rot90'"):
        ChipDataModule(samples, augment=["rot9"])


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_jitter_takes_the_spread_of_all_training_chips(memory_bytes):
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(100, 10, (10, 2, 6, 6))).float()
    images[:5, 1] += 1000
    samples = [{"image": image, "valid": torch.ones(6, 6, dtype=torch.bool)} for image in images]
    data = ChipDataModule(
        samples, batch_size=1, augment=(), jitter=0.5, memory_bytes=memory_bytes, num_workers=0
    )
    batches = augmented_batches(data)
    # The second band of any one chip spreads by 10, that of all of them by 500.
    shifts = torch.stack([b["image"].mean((0, 2, 3)) for b in batches]) % 1000 - 100
    assert shifts[:, 0].abs().max() < 10
    assert shifts[:, 1].abs().max() > 50
    given_ones = ChipDataModule(
        samples, batch_size=1, augment=(), jitter=0.5, statistics=data._statistics(True)
    )
    named = ChipDataModule(samples, batch_size=1, augment=["jitter:strength=0.5"])
    for one, *others in zip(
        batches, augmented_batches(given_ones), augmented_batches(named), strict=True
    ):
        assert all(torch.equal(one["image"], other["image"]) for other in others)


def test_what_is_read_is_what_is_kept():
    samples = [sample(n, **LABELS["layers"](n)) for n in range(4)]
    kept, read = MemoryChips(samples), PixelChips(samples)
    for some in ([2], [0, 3, 1]):
        for one, other in zip(kept.__getitems__(some), read.__getitems__(some), strict=True):
            assert one.keys() == other.keys()
            for key in one:
                assert torch.equal(torch.nan_to_num(one[key]), torch.nan_to_num(other[key]))
