"""`--class CODE=NAME` names the codes of rasters that do not, in every verb that needs names."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from geoloom.chips.store import ChipStore
from geoloom.cli.app import app
from small_files import save

NAMES = ["--class", "1=cropland", "--class", "4=mata, água"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A scene of its classes, and label rasters of bare codes 1 and 4."""
    codes = np.random.default_rng(4).choice([1, 4], (64, 64)).astype(np.uint8)
    save(tmp_path / "labels.tif", codes)
    save(tmp_path / "map.tif", np.where(np.arange(64) < 16, 1, codes).astype(np.uint8))
    save(tmp_path / "scene.tif", codes[None].astype(np.int16) * 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path, codes


def run(*words):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.stderr
    return done


def test_chips_keep_the_names_and_colours(folder):
    words = ("--size", "16", "--strategy", "sequential", "--split", "none")
    named = (*NAMES, "--color", "cropland=#010203", "--color", "mata, água=transparent")
    run("chips", "scene.tif", "labels.tif", "chips.zarr", *words, *named)
    classes = ChipStore.open("chips.zarr").classes
    assert (classes.names, classes.codes) == (("cropland", "mata, água"), (1, 4))
    assert classes.colors[0] == "#010203"
    assert classes.transparent == ("mata, água",)


def test_a_map_of_bare_codes_is_scored(folder):
    _, codes = folder
    run("evaluate", "map.tif", "labels.tif", "--out", "a.json", *NAMES)
    mapped = np.where(np.arange(64) < 16, 1, codes)
    facts = json.loads((folder[0] / "a.json").read_text(encoding="utf-8"))
    assert facts["classes"] == ["cropland", "mata, água"]
    assert facts["overall_accuracy"] == pytest.approx((mapped == codes).mean())


def test_colours_without_names_are_refused(folder):
    words = ("chips", "scene.tif", "labels.tif", "chips.zarr", "--color", "a=#010203")
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 2
    assert "goes with classes" in done.stderr
