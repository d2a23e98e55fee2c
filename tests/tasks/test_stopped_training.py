"""Trainings that are stopped, fail, or find a damaged folder: what they leave, and how one goes on."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import zipfile

import pytest
import torch
from safetensors.torch import load_file

from geoloom.core.errors import ConfigError, DatasetError, ModelError
from geoloom.models.saved import load_model
from geoloom.tasks.train import train
from small_chips import write_chips

QUICK = {"width": 0.05, "epochs": 4, "batch_size": 4, "progress": False, "device": "cpu"}


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture
def unfinished(chips, tmp_path):
    """A training of four epochs that was stopped after the second."""

    def stop(row, planned):
        if row.epoch == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(chips, tmp_path / "m", **QUICK | {"progress": stop})
    return tmp_path / "m"


def test_checkpoints_take_no_way_over_the_folder_for_temporary_files(chips, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another disk"))
    folder = train(chips, tmp_path / "m", **QUICK | {"epochs": 1})
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "best.ckpt",
        "last.ckpt",
    ]


def test_a_write_that_fails_leaves_the_checkpoint_before_it(chips, tmp_path, monkeypatch):
    written = []
    original = pathlib.Path.write_bytes

    def full(path, data):
        if "last.ckpt" in path.name:
            written.append(path)
            if len(written) == 2:
                original(path, bytes(data)[:1000])
                raise OSError(28, "No space left on device")
        return original(path, data)

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"the disk is full.*free some space"):
        train(chips, tmp_path / "m", **QUICK)
    monkeypatch.undo()
    assert [p.name for p in (tmp_path / "m" / "checkpoints").iterdir() if "last" in p.name] == [
        "last.ckpt"
    ]
    parts = train(chips, tmp_path / "m", resume=True, **QUICK)
    whole = load_file(train(chips, tmp_path / "whole", **QUICK) / "weights.safetensors")
    again = load_file(parts / "weights.safetensors")
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


class Evil:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def damage(kind, path, tmp_path):
    if kind == "pickle":
        torch.save({"state_dict": {"a": Evil(tmp_path / "run")}, "epoch": 1}, path)
    elif kind == "old pickle":
        torch.save(Evil(tmp_path / "run"), path, _use_new_zipfile_serialization=False)
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "packed":
        with zipfile.ZipFile(path) as old:
            entries = {name: old.read(name) for name in old.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name, data in entries.items():
                new.writestr(name, data)
    else:
        content = torch.load(path, weights_only=True)
        torch.save({"alien": torch.zeros(3), **({} if kind == "no weights" else content)}, path)
        if kind == "other weights":
            content["state_dict"] = {"a": torch.zeros(3)}
            torch.save(content, path)


@pytest.mark.parametrize(
    "kind", ["pickle", "old pickle", "cut", "empty", "packed", "no weights", "other weights"]
)
def test_a_checkpoint_that_is_none_is_refused_in_our_words(unfinished, chips, tmp_path, kind):
    damage(kind, unfinished / "checkpoints" / "last.ckpt", tmp_path)
    with pytest.raises(ModelError, match=r"last.ckpt .*start over with overwrite=True") as refused:
        train(chips, unfinished, resume=True, **QUICK)
    assert "weights_only" not in str(refused.value)
    assert not (tmp_path / "run").exists()
    train(chips, unfinished, overwrite=True, **QUICK | {"epochs": 1})


def test_a_failed_training_leaves_nothing_that_refuses_the_corrected_one(chips, tmp_path):
    with pytest.raises(ModelError, match="for each of forest, water"):
        train(chips, tmp_path / "m", class_weights=[1.0, 2.0, 3.0], **QUICK)
    assert not (tmp_path / "m").exists()

    def fail(row, planned):
        raise StoppedError

    with pytest.raises(StoppedError):
        train(chips, tmp_path / "m", **QUICK | {"progress": fail})
    assert not (tmp_path / "m").exists()
    assert load_model(train(chips, tmp_path / "m", **QUICK))


def test_a_training_that_is_refused_replaces_nothing(chips, tmp_path):
    folder = train(chips, tmp_path / "m", **QUICK | {"epochs": 1})
    before = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(ModelError, match="for each of forest, water"):
        train(chips, folder, class_weights=[1.0], overwrite=True, **QUICK)
    assert (folder / "weights.safetensors").read_bytes() == before
    assert load_model(folder)


def test_validation_chips_without_a_label_are_refused_before_any_work(tmp_path, chips, monkeypatch):
    judge = write_chips(tmp_path / "j.zarr", [None] * 2, seed=1)
    monkeypatch.setattr(type(judge), "valid", lambda self, i: torch.zeros(16, 16).bool().numpy()
                        if self.path == judge.path else type(judge).observed(self, i))  # fmt: skip
    with pytest.raises(DatasetError, match=r"no validation sample .* has a label"):
        train(chips, tmp_path / "m", val=judge, **QUICK)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "text", ["[1]", "{}", '{"config": 3, "chips": {}}', '{"config": {}, "chips": 1}', "[" * 99_999]
)
def test_settings_that_are_none_are_refused(unfinished, chips, text):
    (unfinished / "training.json").write_text(text)
    with pytest.raises(ConfigError, match=r"training.json.*--overwrite"):
        train(chips, unfinished, resume=True, **QUICK)


PROGRAM = """
import os, sys
from geoloom.tasks.train import train

def signalled(row, planned):
    if row.epoch == 2:
        os.kill(os.getpid(), int(sys.argv[3]))

options = {"width": 0.05, "epochs": 4, "batch_size": 4, "device": "cpu"}
try:
    train(sys.argv[1], sys.argv[2], progress=signalled, **options)
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(130)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signalled_training_ends_as_any_program_and_goes_on(chips, tmp_path, number, code):
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(chips.path),
        str(tmp_path / "m"),
        str(int(number)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "m" / "model.json").exists()
    rows = json.loads((tmp_path / "m" / "history.json").read_text())
    assert len(rows) >= 2
    parts = load_file(train(chips, tmp_path / "m", resume=True, **QUICK) / "weights.safetensors")
    whole = load_file(train(chips, tmp_path / "whole", **QUICK) / "weights.safetensors")
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
