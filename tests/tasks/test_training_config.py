"""The settings of a training are declared once: Python, command line, project file and toolbox follow."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import fields, replace
from pathlib import Path

import pytest

from geoloom.cli.app import app
from geoloom.core.errors import ConfigError
from geoloom.core.settings.configs import configured
from geoloom.project.steps.train import Train
from geoloom.tasks.train import train
from geoloom.tasks.training.config import TrainConfig, TrainSettings
from geoloom.toolbox import ModelBuilder
from geoloom.toolbox.training_params import KEYS
from small_chips import write_chips

NAMES = {field.name: field for field in fields(TrainConfig)}
BESIDE = {"chips", "out", "val", "resume"}
"""What a training is given besides its settings."""

GIVEN = {
    "task": "segmentation", "model": "unet", "width": 0.03, "dropout": 0.1, "size": 16, "epochs": 1,
    "batch_size": 4, "learning_rate": 0.002, "schedule": "exponential", "decay_rate": 0.5,
    "decay_steps": 3, "weight_decay": 0.0, "average": 0.5, "loss": "crossentropy",
    "label_smoothing": 0.05, "class_weights": (1.0, 2.5), "augment": ("rot90", "flip_up_down"),
    "augment_mode": "copies", "jitter": 0.2, "normalize": "median_std", "early_stopping": 3,
    "keep": "last", "recipe": "none", "baseline": False, "weights": None, "missing_bands": "zeros",
    "weights_bands": None,
    "seed": 3, "device": "cpu", "devices": 1, "precision": "float32",
}  # fmt: skip
"""All settings but `options`, whose spelling differs from door to door."""


def test_settings_by_name_are_the_fields_of_the_config():
    ours = {name: kind.__forward_arg__ for name, kind in TrainSettings.__annotations__.items()}
    assert list(ours.items()) == [(name, field.type) for name, field in NAMES.items()]


def test_project_file_offers_them_with_the_same_defaults():
    steps = {name: field.default for name, field in Train.model_fields.items()}
    assert steps.keys() - BESIDE == NAMES.keys()
    assert {name: steps[name] for name in NAMES} == {n: f.default for n, f in NAMES.items()}
    assert Train.incidental == {"device", "devices", "resume"}
    recorded = TrainConfig().to_dict().keys()
    assert NAMES.keys() - recorded == {"device", "devices", "width", "dropout"}


def test_command_line_offers_them_and_shows_the_same_defaults():
    options = {parameter.name: parameter for parameter in app.commands["train"].params}
    options["options"] = options.pop("option")
    assert options.keys() >= NAMES.keys() | BESIDE
    lists = {"options", "augment"}
    """Repeatable: their help says what holds where they are left out."""
    context = app.commands["train"].make_context("train", ["chips.zarr", "model"])
    shown = {**context.params, "devices": int(context.params["devices"])}
    assert {name: shown[name] for name in NAMES.keys() - lists} == {
        name: field.default for name, field in NAMES.items() if name not in lists
    }


def test_params_of_the_toolbox_offer_them():
    assert NAMES.keys() - {"model"} <= set(KEYS)  # the builder has the network
    assert "network" in KEYS


def test_a_setting_that_was_given_is_told_from_one_that_was_left_out():
    step = Train(chips="c", out="m", epochs=50, jitter=0.1)
    for config in (
        TrainConfig(epochs=50, jitter=0.1),
        configured(TrainConfig, TrainConfig(epochs=50), {"jitter": 0.1}),
        configured(TrainConfig, None, {"epochs": 50, "jitter": 0.1}),
        step.config(),
    ):
        assert config.given == {"epochs", "jitter"}
        assert copy.copy(config).given == pickle.loads(pickle.dumps(config)).given == config.given
        assert config == replace(config) == pickle.loads(pickle.dumps(config))
    assert TrainConfig(epochs=50) == TrainConfig()
    assert TrainConfig().given == frozenset()


def test_a_step_hands_over_what_it_was_given():
    step = Train(chips="c", out="m", options={"depth": 2}, **GIVEN)
    expected = TrainConfig(options={"depth": 2}, **GIVEN)
    assert step.config() == expected
    assert step.config().given == expected.given == NAMES.keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0.5, "options": {"width": 1}}, r"width is given as a setting and among"),
        ({"epochs": 2.5}, r"epochs is 2\.5; give a whole number, at least 1"),
        ({"epochs": None}, r"epochs is None; give a whole number"),
        ({"batch_size": "8"}, r"batch_size is '8'; give a whole number"),
        ({"learning_rate": "fast"}, r"learning_rate is 'fast'; give a number above 0"),
        ({"weight_decay": -1}, r"weight_decay is -1; give a number above 0 \(or 0 for none\)"),
        ({"average": 1.5}, r"average is 1\.5; give a share of the training"),
        ({"label_smoothing": 1}, r"label_smoothing is 1; give 0 or more, below 1"),
        ({"decay_rate": 0}, r"decay_rate is 0; give more than 0"),
        ({"decay_steps": 0}, r"decay_steps is 0; give"),
        ({"class_weights": 3}, r"class_weights is 3; give the name of a rule, or one number"),
        ({"augment": ["none", "rot90"]}, r"augment is none, rot90; give none alone"),
        (
            {"augment": ["jitter"], "jitter": 0.2},
            r"jitter is 0\.2, and augment has jitter; leave one",
        ),
        ({"normalize": "mean"}, r"normalize is 'mean'; did you mean"),
        ({"seed": -1}, r"seed is -1; give a whole number, at least 0"),
        ({"baseline": "no"}, r"baseline is 'no'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_where_it_is_made(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**settings)


def test_config_and_settings_are_one(tmp_path):
    with pytest.raises(ConfigError, match=r"no setting 'epoch'; did you mean 'epochs'\?"):
        train(tmp_path / "none", tmp_path / "model", epoch=3)
    with pytest.raises(ConfigError, match=r"found \{'epochs': 3\}; expected a TrainConfig"):
        train(tmp_path / "none", tmp_path / "model", {"epochs": 3})


def test_all_doors_give_the_same_weights(tmp_path, monkeypatch):
    """Byte by byte, of one training whose settings are none of the defaults."""
    monkeypatch.chdir(tmp_path)
    write_chips("chips.zarr", ["train"] * 4 + ["val"])
    options = {"depth": 2}
    train("chips.zarr", "python", progress=False, options=options, **GIVEN)
    words = [f"--{name.replace('_', '-')}={value}" for name, value in GIVEN.items()
             if name not in ("augment", "class_weights", "baseline", "weights", "weights_bands")]  # fmt: skip
    lists = ["--augment=rot90", "--augment=flip_up_down", "--class-weights=1,2.5"]
    called = ["train", "chips.zarr", "shell", *words, *lists, "--option=depth=2", "--quiet"]
    app(called, standalone_mode=False)
    step = {"train": {"chips": "chips.zarr", "out": "project", "options": options, **GIVEN}}
    Path("project.json").write_text(json.dumps({"steps": [step]}))
    app(["run", "project.json", "--quiet"], standalone_mode=False)
    named = {"model", "schedule"}  # the network of the builder, and what the keys of a decay mean
    params = {"options": options, **{k: v for k, v in GIVEN.items() if k not in named}}
    ModelBuilder(GIVEN["model"]).train("chips.zarr#train", "chips.zarr#val", params, "toolbox")
    doors = ("python", "shell", "project", "toolbox")
    assert len({Path(door, "weights.safetensors").read_bytes() for door in doors}) == 1
