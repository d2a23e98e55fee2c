"""Registries: names, suggestions, and entries that are imported when they are needed."""

import sys

import pytest

from geoloom.core.errors import ConfigError, ModelError
from geoloom.core.registry import Registry


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    models = Registry("model", {"unet": 1, "fcn8s": 2}, error=ModelError, hint=". Register it")
    with pytest.raises(
        ModelError,
        match=r"no model is named 'fcn8'; did you mean 'fcn8s'\? Known: fcn8s, unet\. Register it",
    ):
        models.get("fcn8")
    with pytest.raises(ModelError, match=r"no model is named \['unet'\]"):
        models.get(["unet"])


def test_a_name_is_taken_once_unless_it_may_be_replaced():
    losses = Registry("loss", {"dice": min})
    with pytest.raises(ConfigError, match="the loss 'dice' is registered already"):
        losses.register("dice", max)
    assert losses.get("dice") is min
    losses.register("dice", max, overwrite=True)
    assert losses.get("dice") is max


def test_names_are_listed_sorted_and_come_in_the_order_in_which_they_were_given():
    moves = Registry("move", {"turn": 1, "flip": 2})
    moves.register("bend", 3)
    assert moves.list() == ("bend", "flip", "turn")
    assert tuple(moves) == ("turn", "flip", "bend")
    assert "flip" in moves
    assert "jump" not in moves


def test_an_entry_given_as_text_is_imported_when_it_is_looked_up(tmp_path, monkeypatch):
    (tmp_path / "looked_up_late.py").write_text("class Runner:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    runners = Registry("runner", {"late": "looked_up_late:Runner"})
    assert runners.list() == ("late",)
    assert "looked_up_late" not in sys.modules
    runner = runners.get("late")
    assert runner.__module__ == "looked_up_late"
    assert runners.get("late") is runner
