"""What is left out means the same on the command line, in a project file and in Python."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from geoloom.cli.app import app
from geoloom.cli.terminal import Terminal
from geoloom.project.steps import STEPS
from geoloom.project.steps.base import Step
from geoloom.project.validation import checked

KINDS = {
    "prepare": {"": {"scene": ["scene.tif"], "out": "out.tif"}},
    "rasterize": {"": {"labels": "a.gpkg", "scene": "scene.tif", "out": "labels.tif"}},
    "chips": {"": {"scene": ["scene.tif"], "labels": ["labels.tif"], "out": "chips.zarr"}},
    "train": {"": {"chips": "chips.zarr", "out": "model"}},
    "evaluate": {
        "chips": {"model": "model", "chips": "chips.zarr"},
        "map": {"map": "map.tif", "truth": "truth.tif"},
    },
    "predict": {"": {"model": "model", "scene": "scene.tif", "out": "map.tif"}},
    "report": {"": {"model": "model", "map": "map.tif", "out": "report.html"}},
    "change": {"": {"before": "a.tif", "after": "b.tif", "out": "change.tif"}},
    "similar": {"": {"embeddings": ["e.tif"], "place": "-51.2,-3.4", "out": "similar.tif"}},
    "export": {"": {"model": "model", "out": "model.onnx"}},
}
"""The least that each verb needs, for each kind of work that it does."""

DOORS = {
    "prepare": ["preparation.scene:prepare"],
    "rasterize": ["preparation.labels:rasterize"],
    "chips": ["chips.cut:cut_chips"],
    "train": ["tasks.train:train"],
    "evaluate": ["evaluation.evaluate:evaluate", "evaluation.maps:evaluate_map"],
    "predict": ["inference.predict:predict"],
    "report": ["analysis.report:report"],
    "change": ["analysis.map_change:change"],
    "similar": ["inference.similarity.similar:similar"],
    "export": ["models.export.export:export_model"],
}
"""The Python functions that do each verb's work."""

CASES = [(verb, kind) for verb, kinds in KINDS.items() for kind in kinds]


def test_every_verb_is_looked_at():
    assert set(KINDS) == set(DOORS) == set(STEPS)


class CalledError(Exception):
    """Ends a step where its work would begin."""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for kinds in KINDS.values():
        for settings in kinds.values():
            for name, inside in (("model", "model.json"), ("chips", "zarr.json")):
                if name in settings:
                    Path(settings[name]).mkdir(exist_ok=True)
                    Path(settings[name], inside).touch()
    Path("map.tif").touch()
    return tmp_path


def on_the_command_line(verb: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> Step:
    """The step that the command makes of nothing but its arguments."""
    made: list[Step] = []

    def perform(step: Step, terminal: Terminal, **how: Any) -> None:
        made.append(step)
        raise CalledError

    monkeypatch.setattr("geoloom.project.perform.perform", perform)
    settings = KINDS[verb][kind]
    words = [
        w for value in settings.values() for w in (value if isinstance(value, list) else [value])
    ]
    with pytest.raises(BaseException) as ended:  # noqa: PT011 - whatever the command ends with
        app([verb, *words, "--debug"], standalone_mode=False)
    assert ended.type is CalledError, ended.value
    return made[0]


def in_a_project(verb: str, kind: str) -> Step:
    step, problems = checked(STEPS[verb], KINDS[verb][kind])
    assert step is not None, problems
    return step


@pytest.mark.parametrize(("verb", "kind"), CASES)
def test_command_line_and_project_file_have_the_same_defaults(verb, kind, files, monkeypatch):
    """Every setting of every verb, as found in its schema."""
    ours, theirs = on_the_command_line(verb, kind, monkeypatch), in_a_project(verb, kind)
    assert ours.settings() == theirs.settings()
    assert ours.model_fields_set == theirs.model_fields_set


@pytest.mark.parametrize(("verb", "kind"), CASES)
def test_project_file_and_python_have_the_same_defaults(verb, kind, files, monkeypatch):
    """Whatever a step passes on of the settings left out equals what Python takes without it."""
    passed: dict[str, Any] = {}

    def door(signature: inspect.Signature) -> Any:
        def called(*given: Any, **named: Any) -> None:
            bound = signature.bind(*given, **named)
            for name, value in bound.arguments.items():
                default = signature.parameters[name].default
                if name == "config":  # its own defaults are those of the settings
                    default = type(value)()
                if default is not inspect.Parameter.empty and name not in ("progress", "out"):
                    passed[name] = (value, default)
            raise CalledError

        return called

    for spelled in DOORS[verb]:
        module, name = spelled.split(":")
        imported = importlib.import_module(f"geoloom.{module}")
        monkeypatch.setattr(imported, name, door(inspect.signature(getattr(imported, name))))
    step = in_a_project(verb, kind)
    with pytest.raises(CalledError):
        step.perform(Terminal(quiet=True), overwrite=False, resume=False)
    assert passed
    given = {name.rstrip("_") for name in step.model_fields_set} | {"truth"}
    told_apart = {
        name: (ours, default)
        for name, (ours, default) in passed.items()
        if name not in given and ours != default
    }
    assert not told_apart


def test_augmentation_is_chosen_or_put_off_by_its_option(files, monkeypatch):
    assert on_the_command_line("train", "", monkeypatch).augment == ("all",)
    monkeypatch.setitem(
        KINDS["train"], "", {**KINDS["train"][""], "augment": ["--augment", "none"]}
    )
    assert on_the_command_line("train", "", monkeypatch).augment == ("none",)


def test_a_region_for_validation_is_no_contradiction_to_a_share_that_was_not_given(
    files, monkeypatch
):
    parts = ["--split", "regions", "--region", "train=left", "--region", "val=right"]
    monkeypatch.setitem(KINDS["chips"], "", {**KINDS["chips"][""], "regions": parts})
    step = on_the_command_line("chips", "", monkeypatch)
    assert set(step.regions) == {"train", "val"}
