"""The command line's surface is a promise: verbs, arguments, options and defaults change only on purpose."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic_core import PydanticUndefined

from cli_verbs import LEAVES
from geoloom.cli.app import app
from geoloom.cli.options import COMMON
from geoloom.project.steps import STEPS

SNAPSHOT = Path(__file__).with_name("surface.json")
UPDATE = "GEOLOOM_UPDATE_SURFACE"


def default_of(parameter: click.Parameter) -> Any:
    """None where there is none."""
    return parameter.to_info_dict()["default"]


def surface() -> dict[str, Any]:
    """Each verb's arguments in order and its options, with defaults."""
    found: dict[str, Any] = {}
    for verb, command in LEAVES.items():
        arguments, options = [], {}
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                arguments.append(parameter.name.rstrip("_"))
            else:
                names = sorted([*parameter.opts, *parameter.secondary_opts], key=len)
                default = default_of(parameter)
                plain = isinstance(default, bool | int | float | str)
                options[" ".join(names)] = default if plain else None
        found[verb] = {"arguments": arguments, "options": options}
    return found


def test_the_surface_is_the_one_checked_in():
    now = json.loads(json.dumps(surface(), default=str))
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(json.dumps(now, indent=1) + "\n")
    assert now == json.loads(SNAPSHOT.read_text()), (
        "the command line has changed. If that is meant, say so in CHANGELOG.md and update the snapshot: "
        f"{UPDATE}=1 python -m pytest tests/cli/test_surface.py"
    )


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_a_verb_and_its_step_have_the_same_defaults(verb):
    """The command line and a project file must mean the same by leaving a setting out."""
    fields = STEPS[verb].model_fields
    by_alias = {field.alias: field for field in fields.values() if field.alias}
    for parameter in app.commands[verb].params:
        field = fields.get(parameter.name) or by_alias.get(parameter.name)
        if (
            field is None
            or parameter.param_type_name == "argument"
            or default_of(parameter) is None
        ):
            continue
        expected = field.get_default(call_default_factory=True)
        assert expected is not PydanticUndefined, parameter.name
        assert default_of(parameter) == expected, f"{verb} --{parameter.name}"


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_a_verb_offers_every_setting_of_its_step(verb):
    renamed = {
        "chips": {"regions": "region", "colors": "color"},
        "rasterize": {"colors": "color"},
        "change": {"colors": "color"},
        "report": {"colors": "color"},
        "train": {"options": "option"},
        "evaluate": {"groups": "group", "map_": "model", "scene": "chips"},
    }.get(verb, {})
    offered = {parameter.name for parameter in app.commands[verb].params}
    missing = {name for name in STEPS[verb].model_fields if renamed.get(name, name) not in offered}
    assert not missing


@pytest.mark.parametrize("verb", sorted(LEAVES))
def test_help_shows_an_example_of_the_verb(verb, geoloom):
    said = geoloom(*verb.split(), "--help")
    assert said.code == 0
    assert f"$ geoloom {verb}" in said.out


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_every_step_takes_options_of_how_to_run(verb):
    assert set(COMMON) <= {parameter.name for parameter in app.commands[verb].params}


def test_the_product_comes_last():
    for verb in ("prepare", "rasterize", "chips", "train", "predict", "report", "export", "demo"):
        assert surface()[verb]["arguments"][-1] == "out"
