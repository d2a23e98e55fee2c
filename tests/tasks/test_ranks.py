"""`train` on several devices: the model folder of one device, and failures that say what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from lone_network import TwoLayers
from safetensors.torch import load_file
from torch import distributed, nn

from geoloom.core.errors import ConfigError, ModelError
from geoloom.models import listing as models
from geoloom.models.device import count_devices
from geoloom.models.saved import load_model
from geoloom.tasks.train import train

QUICK = {"model": "two_layers", "epochs": 3, "batch_size": 4, "progress": False, "device": "cpu"}


pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks Linux which processes run")


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch, tmp_path):
    """Temporary files here; a network without statistics of batches, which would be those of shares."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(models.MODELS, "_entries", dict(models.MODELS._entries))
    models.register_model("two_layers", TwoLayers)


def others(folder):
    """Process ids of the other devices of a training whose temporary files lie in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"geoloom.tasks.ranks" in line and str(folder).encode() in line:
            found.append(int(entry.name))
    return found


@pytest.mark.parametrize("mixing", ["cutmix", "mixup:alpha=1"])
def test_samples_of_several_devices_are_not_mixed(chips, tmp_path, mixing):
    with pytest.raises(ConfigError, match=r"puts samples of a batch together.*--devices 1"):
        train(chips, tmp_path / "two", augment=["all", mixing], devices=2, **QUICK)
    assert not (tmp_path / "two").exists()


def test_two_devices_make_the_model_folder_of_one(chips, tmp_path):
    one = train(chips, tmp_path / "one", jitter=0.2, average=0.3, **QUICK)
    rows = []
    two = train(
        chips,
        tmp_path / "two",
        jitter=0.2,
        average=0.3,
        devices=2,
        **QUICK | {"progress": lambda row, epochs: rows.append((row.epoch, epochs))},
    )
    assert rows == [(1, 3), (2, 3), (3, 3)]
    names = [sorted(str(p.relative_to(f)) for f in [f] for p in f.rglob("*")) for f in (one, two)]
    assert names[0] == names[1]
    weights = [load_file(folder / "weights.safetensors") for folder in (one, two)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-5, atol=1e-6)
    histories = [json.loads((folder / "history.json").read_text()) for folder in (one, two)]
    for row, other in zip(*histories, strict=True):
        assert row["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert row["val_accuracy"] == other["val_accuracy"]
    reports = [json.loads((folder / "validation.json").read_text()) for folder in (one, two)]
    assert reports[0]["matrix"] == reports[1]["matrix"]
    assert load_model(two, "cpu").bands == ("red", "nir")
    assert not distributed.is_initialized()
    assert not others(tmp_path)


class StoppedError(Exception):
    """Stands for a kill."""


def test_a_training_stopped_on_two_devices_goes_on_on_one(chips, tmp_path):
    def stop(row, planned):
        if row.epoch == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(chips, tmp_path / "m", devices=2, **QUICK | {"progress": stop})
    assert not distributed.is_initialized()
    assert not others(tmp_path)
    resumed = train(chips, tmp_path / "m", resume=True, **QUICK)
    whole = load_file(train(chips, tmp_path / "whole", **QUICK) / "weights.safetensors")
    for name, value in load_file(resumed / "weights.safetensors").items():
        torch.testing.assert_close(whole[name], value, rtol=1e-5, atol=1e-6)


def test_a_process_that_is_killed_is_named_and_leaves_none_behind(chips, tmp_path):
    def kill(row, planned):
        for pid in others(tmp_path):
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(ModelError, match=r"process of device 1 ended with -9.*devices=1"):
        train(chips, tmp_path / "m", devices=2, **QUICK | {"progress": kill})
    assert not distributed.is_initialized()
    assert not others(tmp_path)


def test_a_network_that_others_cannot_import_is_refused(chips, tmp_path):
    class Own(nn.Conv2d):
        def __init__(self, in_channels, out_channels):
            super().__init__(in_channels, out_channels, 1)

    models.register_model("own", Own)
    with pytest.raises(ConfigError, match=r"Own.*in a module, not inside a function"):
        train(chips, tmp_path / "m", devices=2, **QUICK | {"model": "own"})
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"devices": 3}, "batch of 4 of 8 samples.*3 devices.*give 3 or 6"),
        ({"devices": 4, "batch_size": 8}, "3 samples cannot be validated or tested on 4 devices"),
        ({"devices": 0}, "devices is 0"),
        ({"devices": "all"}, "devices is 'all'"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_any_work(chips, tmp_path, how, match):
    with pytest.raises(ConfigError, match=match):
        train(chips, tmp_path / "m", **QUICK | how)
    assert not (tmp_path / "m").exists()


def test_devices_are_counted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [count_devices(n, "cuda") for n in (1, 2, "auto")] == [1, 2, 2]
    assert [count_devices(n, "cpu") for n in (1, 5, "auto")] == [1, 5, 1]
    assert count_devices("auto", "cuda:1") == 1
    with pytest.raises(ConfigError, match="torch sees 2 GPUs"):
        count_devices(3, "cuda")
    with pytest.raises(ConfigError, match="which is one"):
        count_devices(2, "cuda:1")


PROGRAM = """
import sys, time
from geoloom.models import register_model
from geoloom.tasks.train import train
from lone_network import TwoLayers
register_model("two_layers", TwoLayers)

def told(row, epochs):
    print(row.epoch, flush=True)
    if row.epoch == 2:
        time.sleep(100)

options = {"model": "two_layers", "epochs": 3, "batch_size": 4, "device": "cpu", "devices": 2}
train(sys.argv[1], sys.argv[2], progress=told, **options)
"""


def test_the_others_end_with_the_first_whatever_ends_it(chips, tmp_path):
    surroundings = {**os.environ, "TMPDIR": str(tmp_path)}
    surroundings["PYTHONPATH"] = os.pathsep.join(sys.path)
    first = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(chips.path), str(tmp_path / "m")],
        env=surroundings,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert [first.stdout.readline().strip() for _ in range(2)] == ["1", "2"]
    assert len(others(tmp_path)) == 1
    first.kill()
    first.wait()
    for _ in range(600):
        if not others(tmp_path):
            break
        time.sleep(0.05)
    assert not others(tmp_path)
