"""The running mean of the weights: against its definition in numpy, through resumes, in the model folder."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from geoloom.core.errors import ConfigError
from geoloom.models.saved import load_model
from geoloom.tasks.average import averaged, kept_share, move_average
from geoloom.tasks.supervised.segmentation import SegmentationTask
from geoloom.tasks.train import train
from geoloom.tasks.training.config import TrainConfig
from small_chips import write_chips

QUICK = {"width": 0.05, "epochs": 4, "batch_size": 4, "progress": False, "device": "cpu"}


def by_definition(series, window):
    """sum(d^(n - i) w_i) / sum(d^(n - i)) over all i at once."""
    decay = 1 - 1 / window
    weights = decay ** np.arange(len(series) - 1, -1, -1)
    return np.average(series, axis=0, weights=weights)


@given(
    series=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60),
    window=st.floats(1.01, 1e7),
)
def test_the_mean_is_that_of_its_definition(series, window):
    mean = 1e9  # what was there before must not matter
    for step, value in enumerate(series, start=1):
        kept = kept_share(step, window)
        assert 0 <= kept < 1
        mean = kept * mean + (1 - kept) * value
    assert mean == pytest.approx(by_definition(series, window), rel=1e-9, abs=1e-6)


@given(step=st.integers(1, 10**6), window=st.floats(0, 1))
def test_a_window_of_a_step_or_less_follows_the_weights(step, window):
    assert kept_share(step, window) == 0


def test_a_network_is_averaged_with_its_statistics_and_counters():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    mean, states = averaged(network), []
    assert not any(p.requires_grad for p in mean.parameters())
    for step in range(1, 6):
        network(torch.randn(4, 2, 5, 5))
        with torch.no_grad():
            network[0].weight.normal_()
        states.append(copy.deepcopy(network.state_dict()))
        move_average(mean, network, kept_share(step, 3.0))
    for name, value in mean.state_dict().items():
        if name.endswith("num_batches_tracked"):
            assert value == 5
            continue
        series = np.stack([state[name].numpy() for state in states])
        np.testing.assert_allclose(value, by_definition(series, 3.0), rtol=1e-5, atol=1e-6)


def recorded(chips, folder, monkeypatch, **options):
    """A training's folder, and the weights of the network in training after each step."""
    steps = []
    original = SegmentationTask.on_train_batch_end

    def record(self, *arguments):
        state = self.network.state_dict()
        steps.append({name: value.clone().numpy() for name, value in state.items()})
        original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SegmentationTask, "on_train_batch_end", record)
        return train(chips, folder, **options), steps


def test_the_saved_model_holds_the_mean_and_its_score(tmp_path, monkeypatch):
    chips = write_chips(tmp_path / "c.zarr", [None] * 8)  # nothing to choose by: the end is kept
    folder, steps = recorded(chips, tmp_path / "m", monkeypatch, average=0.5, **QUICK)
    assert len(steps) == 8
    saved = load_file(folder / "weights.safetensors")
    assert not any(name.startswith("mean") for name in saved)
    for name, value in saved.items():
        if value.is_floating_point():
            expected = by_definition(np.stack([step[name] for step in steps]), 4.0)
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6)
    last = steps[-1]["score.weight"]
    assert not np.allclose(saved["score.weight"], last, rtol=1e-3)


def test_validation_scores_the_mean(chips, tmp_path):
    folder = train(chips, tmp_path / "m", average=0.5, **QUICK)
    model = load_model(folder)
    total, pixels = 0.0, 0
    for sample in chips.dataset("val"):
        scores = model(sample["image"][None].float(), sample["observed"][None])[0]
        chance = scores.gather(0, sample["mask"][None])[0][sample["valid"]]
        total, pixels = total - chance.log().sum().item(), pixels + len(chance)
    assert model.card.metrics["log_loss"] == pytest.approx(total / pixels, rel=1e-4)
    rows = np.genfromtxt(folder / "history.csv", delimiter=",", names=True)
    assert rows["val_loss"].min() == pytest.approx(total / pixels, rel=1e-4)


def test_averaging_does_not_change_what_is_averaged(tmp_path, monkeypatch):
    chips = write_chips(tmp_path / "c.zarr", [None] * 8)
    _, plain = recorded(chips, tmp_path / "a", monkeypatch, **QUICK)
    _, also = recorded(chips, tmp_path / "b", monkeypatch, average=0.5, **QUICK)
    for one, other in zip(plain, also, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_resumed_training_has_the_same_mean(chips, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(row, planned):
        if row.epoch == 2:
            raise StoppedError

    options = QUICK | {"average": 0.5, "dropout": 0.3}
    whole = load_file(train(chips, tmp_path / "whole", **options) / "weights.safetensors")
    with pytest.raises(StoppedError):
        train(chips, tmp_path / "parts", **options | {"progress": stop})
    parts = train(chips, tmp_path / "parts", resume=True, **options)
    again = load_file(parts / "weights.safetensors")
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


@pytest.mark.parametrize("average", [-0.1, 1.1, float("nan")])
def test_a_share_that_cannot_be_is_refused(average):
    with pytest.raises(ConfigError, match="average is"):
        TrainConfig(average=average)
