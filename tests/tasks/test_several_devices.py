"""Two processes come to what one comes to: weights after 20 steps, losses, counts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import several_devices
import torch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """What the runs have noted, by name."""
    folder = tmp_path_factory.mktemp("devices")
    done = subprocess.run(
        [sys.executable, several_devices.__file__, folder],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return {path.stem: torch.load(path) for path in folder.iterdir()}


@pytest.mark.parametrize("loss", range(len(several_devices.LOSSES)))
def test_two_processes_train_as_one_does(notes, loss):
    one, two = notes[f"fit-{loss}-1"], notes[f"fit-{loss}-2"]
    assert one["steps"] == two["steps"] == 20
    started = several_devices.task().state_dict()
    for name, weights in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], weights, rtol=1e-5, atol=1e-6)
        if weights.is_floating_point():
            assert not torch.allclose(weights, started[name], rtol=1e-2)
    torch.testing.assert_close(
        torch.tensor(one["losses"]), torch.tensor(two["losses"]), rtol=1e-5, atol=0
    )
    assert one["losses"][-1][1] < 0.8 * one["losses"][0][1]
    assert one["matrix"] == two["matrix"]


def test_a_test_counts_each_chip_once_on_any_number_of_processes(notes):
    one, *several = (notes[f"test-{devices}"] for devices in (1, 2, 3))
    labelled = sum(int(chip["valid"].sum()) for chip in several_devices.samples(11, 2))
    assert torch.tensor(one["matrix"]).sum() == labelled
    for other in several:
        assert other["matrix"] == one["matrix"]
        assert other["figures"].keys() == one["figures"].keys()
        for name, figure in one["figures"].items():
            torch.testing.assert_close(other["figures"][name], figure, rtol=1e-5, atol=0)
