"""Measured values on the command line: from files to a trained model, its score and its map."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.chips import ChipStore
from geoloom.cli.verbs.info import describe

SHAPE = (64, 96)


@pytest.fixture
def run(geoloom):
    """The result of a command as JSON has it; or, of one that fails, what it says."""

    def call(*words, fails=False):
        answer = geoloom(*words, *([] if fails else ["--json"]))
        assert bool(answer.code) == fails, answer.err
        return answer.err if fails else answer.json

    return call


@pytest.fixture
def files(tmp_path):
    """A scene of two bands, and temperatures that are the sum of both."""
    rng = np.random.default_rng(0)
    bands = np.kron(rng.integers(20, 120, (2, *(side // 4 for side in SHAPE))), np.ones((4, 4)))
    profile = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "crs": "EPSG:32722"}
    profile["transform"] = Affine(30, 0, 500_000, 0, -30, 9_000_000)
    with rasterio.open(tmp_path / "scene.tif", "w", count=2, dtype="uint8", **profile) as file:
        file.write(bands.astype(np.uint8))
    with rasterio.open(tmp_path / "heat.tif", "w", count=1, dtype="int16", **profile) as file:
        file.write(bands.sum(axis=0).astype(np.int16), 1)
        file.scales, file.offsets, file.units = (0.5,), (250.0,), ("K",)
        file.descriptions = ("heat",)
    return tmp_path


def test_from_files_to_a_map_of_values(run, files):
    scene, heat, chips, model = (
        str(files / n) for n in ("scene.tif", "heat.tif", "c.zarr", "model")
    )
    given = ["--size", 16, "--strategy", "sequential", "--block-px", 32]
    cut = run("chips", scene, heat, chips, "--label-kind", "values", *given)
    assert cut["values"] == ["heat"]
    store = ChipStore.open(chips)
    assert store.outputs.short == "1 value (heat in K) per pixel"
    assert describe(files / "c.zarr")["labels"] == store.outputs.short
    refused = run("train", chips, model, "--task", "segmentation", "--epochs", 1, fails=True)
    assert 'task="pixel_regression" (--task pixel_regression)' in refused
    trained = run(
        "train", chips, model, "--width", 0.125, "--epochs", 40,
        "--batch-size", 4, "--device", "cpu",
    )  # fmt: skip
    assert trained["rmse"] < 14  # of values whose standard deviation is 20
    run("evaluate", model, chips, "--out", files / "test.json")
    figures = json.loads((files / "test.json").read_text())
    assert figures["values"] == ["heat"]
    assert figures["units"] == ["K"]
    assert figures["r2"][0] > 0.5
    run("predict", model, scene, files / "map.tif")
    with rasterio.open(files / "map.tif") as file, rasterio.open(heat) as truth:
        assert file.units == ("K",)
        error = file.read(1) - (truth.read(1) * 0.5 + 250.0)
    assert np.sqrt(np.mean(error**2)) < 14  # an R2 above 0.5, as of the test chips


def test_what_does_not_go_with_values_is_refused_beforehand(run, files):
    given = [files / "scene.tif", files / "heat.tif", files / "c.zarr", "--size", 16]
    refused = run("chips", *given, "--label-kind", "values", "--balanced", fails=True)
    assert "not with label_kind values" in refused
    refused = run("chips", *given, "--label-kind", "value", fails=True)
    assert "expected one of classes, values" in refused
