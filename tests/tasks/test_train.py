"""Training from a chip store to a model folder: learning, repeating, resuming, refusing."""

import json
import logging
import os

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from geoloom.chips.store import ChipWriter
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, DatasetError, ModelError, WriteError
from geoloom.losses import registry as losses
from geoloom.models import listing as models
from geoloom.models.saved import load_model
from geoloom.tasks.train import train
from small_chips import CLASSES, chip, write_chips

QUICK = {"width": 0.05, "epochs": 4, "batch_size": 4, "progress": False, "device": "cpu"}


class StoppedError(Exception):
    """Stands for a kill."""


def stop_after(epochs):
    def on_epoch(row, planned):
        if row.epoch == epochs:
            raise StoppedError

    return on_epoch


def weights(folder):
    return load_file(folder / "weights.safetensors")


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_learns_and_leaves_a_whole_model_folder(chips, tmp_path, monkeypatch):
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    folder = train(chips.path, tmp_path / "model", **QUICK | {"epochs": 12})
    assert list(elsewhere.iterdir()) == []
    assert sorted(p.name for p in folder.iterdir()) == [
        "checkpoints",
        "history.csv",
        "history.json",
        "model.json",
        "training.json",
        "validation.json",
        "weights.safetensors",
    ]
    loaded = load_model(folder)
    assert loaded.bands == ("red", "nir")
    assert loaded.classes == CLASSES
    assert (loaded.card.gsd, loaded.card.gsd_unit, loaded.card.dtype) == (30.0, "metre", "uint8")
    assert loaded.card.metrics["overall_accuracy"] > 0.95
    assert loaded.card.config["epochs"] == 12
    statistics = chips.statistics("train")
    np.testing.assert_allclose(loaded.card.normalization["center"], statistics.mean)


def test_the_kept_weights_are_those_of_the_best_epoch(chips, tmp_path):
    folder = train(chips, tmp_path / "m", **QUICK | {"epochs": 8})
    rows = json.loads((folder / "history.json").read_text())
    best = min(row["val_loss"] for row in rows)
    model = load_model(folder)
    total, pixels = 0.0, 0
    for sample in chips.dataset("val"):
        scores = model(sample["image"][None].float(), sample["observed"][None])[0]
        chance = scores.gather(0, sample["mask"][None])[0][sample["valid"]]
        total, pixels = total - chance.log().sum().item(), pixels + len(chance)
    assert total / pixels == pytest.approx(best, rel=1e-4)
    assert model.card.metrics["log_loss"] == pytest.approx(best, rel=1e-4)


def test_history_has_a_row_an_epoch_in_both_files(chips, tmp_path):
    seen = []
    folder = train(
        chips,
        tmp_path / "m",
        **QUICK | {"progress": lambda row, epochs: seen.append((row.epoch, epochs))},
    )
    rows = json.loads((folder / "history.json").read_text())
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(row["train_loss"] > 0 and row["seconds"] > 0 for row in rows)
    table = pd.read_csv(folder / "history.csv")
    assert list(table.columns) == list(rows[0])
    np.testing.assert_allclose(table["val_f1"], [row["val_f1"] for row in rows])


def test_equal_seeds_give_equal_models_and_others_do_not(chips, tmp_path):
    options = QUICK | {"dropout": 0.3}
    one = weights(train(chips, tmp_path / "a", seed=3, **options))
    again = weights(train(chips, tmp_path / "b", seed=3, **options))
    other = weights(train(chips, tmp_path / "c", seed=4, **options))
    assert same(one, again)
    assert not same(one, other)


@pytest.mark.parametrize("augment_mode", ["random", "copies"])
def test_a_stopped_and_resumed_training_ends_as_one_that_was_not(chips, tmp_path, augment_mode):
    options = QUICK | {"dropout": 0.3, "early_stopping": 3, "augment_mode": augment_mode}
    options |= {"jitter": 0.2, "average": 0.3, "augment": ["all", "rotate:chance=0.3", "mixup"]}
    whole = train(chips, tmp_path / "whole", **options)
    with pytest.raises(StoppedError):
        train(chips, tmp_path / "parts", **options | {"progress": stop_after(3)})
    assert not (tmp_path / "parts" / "model.json").exists()
    parts = train(chips, tmp_path / "parts", resume=True, **options)
    assert same(weights(whole), weights(parts))
    drop = lambda rows: [{k: v for k, v in row.items() if k != "seconds"} for row in rows]  # noqa: E731
    assert drop(json.loads((whole / "history.json").read_text())) == drop(
        json.loads((parts / "history.json").read_text())
    )


def test_resuming_what_is_finished_changes_nothing(chips, tmp_path):
    folder = train(chips, tmp_path / "m", **QUICK)
    before = (folder / "weights.safetensors").stat().st_mtime_ns
    assert train(chips, folder, resume=True, **QUICK) == folder
    assert (folder / "weights.safetensors").stat().st_mtime_ns == before


def test_a_resumed_training_must_have_the_same_settings(chips, tmp_path):
    with pytest.raises(StoppedError):
        train(chips, tmp_path / "m", **QUICK | {"progress": stop_after(2)})
    with pytest.raises(ConfigError, match=r"learning_rate: 0.003 -> 0.1"):
        train(chips, tmp_path / "m", resume=True, learning_rate=0.1, **QUICK)


def test_nothing_is_replaced_without_leave_nor_removed_that_is_not_ours(chips, tmp_path):
    folder = train(chips, tmp_path / "m", **QUICK)
    with pytest.raises(WriteError, match=r"holds a model already.*overwrite=True"):
        train(chips, folder, **QUICK)
    (folder / "notes.txt").write_text("mine")
    train(chips, folder, overwrite=True, **QUICK | {"epochs": 1})
    assert (folder / "notes.txt").read_text() == "mine"
    assert len(json.loads((folder / "history.json").read_text())) == 1
    with pytest.raises(StoppedError):
        train(chips, tmp_path / "n", **QUICK | {"progress": stop_after(2)})
    with pytest.raises(WriteError, match="unfinished training"):
        train(chips, tmp_path / "n", **QUICK)


def test_checkpoints_name_no_code_to_run(chips, tmp_path):
    folder = train(chips, tmp_path / "m", **QUICK | {"epochs": 1})
    for path in (folder / "checkpoints").iterdir():
        torch.load(path, weights_only=True)  # refuses anything but tensors and plain values


def test_early_stopping_stops(chips, tmp_path):
    # At this rate the first epoch is the best: the loss explodes.
    folder = train(
        chips,
        tmp_path / "m",
        **QUICK | {"epochs": 30},
        learning_rate=50.0,
        schedule="constant",
        early_stopping=2,
    )
    assert len(json.loads((folder / "history.json").read_text())) < 30


def test_without_a_valid_split_the_test_split_chooses_and_it_says_so(tmp_path, caplog):
    chips = write_chips(tmp_path / "c.zarr", ["train"] * 6 + ["test"] * 2)
    folder = train(chips, tmp_path / "m", **QUICK)
    assert "'test' chooses the weights" in caplog.text
    assert json.loads((folder / "training.json").read_text())["chips"]["validation"] == 2


def test_without_splits_the_last_weights_are_kept_and_it_says_so(tmp_path, caplog):
    chips = write_chips(tmp_path / "c.zarr", [None] * 6)
    folder = train(chips, tmp_path / "m", **QUICK)
    assert "weights of the last epoch are kept" in caplog.text
    assert load_model(folder).card.metrics == {}
    assert not (folder / "validation.json").exists()


def test_validation_chips_may_come_from_another_store(tmp_path):
    chips = write_chips(tmp_path / "c.zarr", ["train"] * 6)
    judges = write_chips(tmp_path / "j.zarr", [None] * 3, seed=1)
    folder = train(chips, tmp_path / "m", val=judges.path, **QUICK)
    assert load_model(folder).card.metrics["pixels"] == sum(judges.valid(i).sum() for i in range(3))
    strange = write_chips(tmp_path / "s.zarr", [None] * 3, bands=("a", "b"))
    with pytest.raises(DatasetError, match="cut both alike"):
        train(chips, tmp_path / "n", val=strange, **QUICK)


def test_a_class_without_pixels_is_named(tmp_path, caplog):
    classes = Classes.of(["forest", "water", "swamp"], codes=[4, 0, 9])
    chips = write_chips(tmp_path / "c.zarr", ["train"] * 4 + ["val"], classes=classes)
    folder = train(chips, tmp_path / "m", class_weights="balanced", **QUICK)
    assert "no training pixel is swamp" in caplog.text
    assert len(load_model(folder).classes) == 3


def test_chips_of_one_class_are_refused(tmp_path):
    with ChipWriter(
        tmp_path / "c.zarr", channels=2, size=16, dtype="uint8", bands=("a", "b"), classes=CLASSES
    ) as writer:
        for i in range(4):
            place = {"crs": "EPSG:32622", "transform": (30, 0, 0, 0, -30, 480 * i)}
            where = {"source": "s.tif", "row": 16 * i, "col": 0, "split": "train"}
            image = np.full((2, 16, 16), 100 + i, "uint8")
            writer.add(image, np.full((16, 16), 4, "uint8"), **place, **where)
    with pytest.raises(DatasetError, match=r"every labelled pixel to train on in .* is forest"):
        train(tmp_path / "c.zarr", tmp_path / "m", **QUICK)


def test_chips_without_a_place_make_a_model_too(tmp_path):
    rng = np.random.default_rng(0)
    with ChipWriter(
        tmp_path / "c.zarr", channels=2, size=16, dtype="uint8", bands=("a", "b"), classes=CLASSES
    ) as writer:
        for i in range(4):
            image, mask, observed = chip(rng)
            place = {"crs": "", "transform": (1, 0, 0, 0, 1, 0), "source": f"{i}.jpg"}
            writer.add(image, mask, observed, row=0, col=0, split="train", **place)
    folder = train(tmp_path / "c.zarr", tmp_path / "m", **QUICK)
    assert load_model(folder).card.gsd is None


@pytest.mark.parametrize("validated", [True, False])
def test_a_training_that_diverges_writes_no_model(tmp_path, validated):
    chips = write_chips(tmp_path / "c.zarr", ["train"] * 6 + ["val"] * 2 * validated)
    with pytest.raises(ModelError, match=r"diverged.*lower learning_rate"):
        train(chips, tmp_path / "m", **QUICK, learning_rate=1e37, schedule="constant")
    assert not (tmp_path / "m" / "model.json").exists()


def test_networks_and_losses_of_ones_own(chips, tmp_path, monkeypatch):
    monkeypatch.setattr(models.MODELS, "_entries", dict(models.MODELS._entries))
    monkeypatch.setattr(
        losses.LOSSES["classes"], "_entries", dict(losses.LOSSES["classes"]._entries)
    )
    calls = []

    def one_layer(in_channels, num_classes, *, kernel_px: int = 1):
        return nn.Conv2d(in_channels, num_classes, kernel_px, padding=kernel_px // 2)

    def counted(logits, target):
        calls.append(target.shape)
        return nn.functional.cross_entropy(logits, target)

    models.register_model("one_layer", one_layer)
    losses.register_loss("counted", counted)
    folder = train(
        chips,
        tmp_path / "m",
        model="one_layer",
        options={"kernel_px": 3},
        loss="counted",
        epochs=2,
        batch_size=4,
        progress=False,
    )
    assert load_model(folder).network.weight.shape == (2, 2, 3, 3)
    assert calls


def test_wrong_weights_and_devices_are_refused(chips, tmp_path):
    with pytest.raises(ModelError, match="for each of forest, water"):
        train(chips, tmp_path / "m", class_weights=[1.0, 2.0, 3.0], **QUICK)
    with pytest.raises(ConfigError, match="no device is named 'gpu0'"):
        train(chips, tmp_path / "n", **QUICK | {"device": "gpu0"})


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses such memory itself")
@pytest.mark.parametrize("options", [{"width": 100}, {"width": 1e15}, {"width": 8, "depth": 8}])
def test_a_network_that_no_memory_holds_is_refused_before_it_takes_any(chips, tmp_path, options):
    settings = QUICK | {"width": None, "options": options}
    with pytest.raises(ModelError, match=r"takes at least .* GB|larger than any memory"):
        train(chips, tmp_path / "m", **settings)
    assert not (tmp_path / "m").exists()


def test_a_large_network_on_a_processor_is_warned_of(chips, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("geoloom.models.size._LARGE", 1e3)
    train(chips, tmp_path / "m", **QUICK | {"epochs": 1})
    assert "width=0.25" in caplog.text


def test_an_epoch_is_a_line_without_a_terminal(chips, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="geoloom")
    train(chips, tmp_path / "m", **QUICK | {"progress": True})
    lines = [r.message for r in caplog.records if r.message.startswith("epoch")]
    assert len(lines) == 4
    assert lines[-1].startswith("epoch 4/4  loss ")
    assert not [
        r for r in caplog.records if r.name.startswith("lightning") and r.levelno < logging.WARNING
    ]


def test_half_precision_trains_too(chips, tmp_path):
    folder = train(chips, tmp_path / "m", precision="bfloat16", **QUICK | {"epochs": 12})
    assert load_model(folder).card.metrics["overall_accuracy"] > 0.95
    assert {value.dtype for value in weights(folder).values()} == {torch.float32, torch.int64}
