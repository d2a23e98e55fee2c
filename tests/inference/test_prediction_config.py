"""The settings of a prediction are declared once: Python, project file and command line follow."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geoloom.cli.app import app
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, WriteError
from geoloom.inference.config import PredictConfig, PredictSettings
from geoloom.inference.explain import explain
from geoloom.inference.predict import predict
from geoloom.project.steps.predict import Predict
from geoloom.testing.predictors import CodePredictor

TWO = Classes.of(["a", "b"], codes=[0, 1])
PRODUCTS = {"model", "scene", "out", "probabilities", "vector"}
NAMES = {field.name for field in fields(PredictConfig)}


def test_settings_by_name_are_the_fields_of_the_config():
    ours = {name: kind.__forward_arg__ for name, kind in PredictSettings.__annotations__.items()}
    assert ours == {field.name: field.type for field in fields(PredictConfig)}
    assert list(ours) == [field.name for field in fields(PredictConfig)]


def test_project_file_and_command_line_offer_them_with_the_same_defaults():
    steps = {name: field.default for name, field in Predict.model_fields.items()}
    assert steps.keys() - PRODUCTS - {"roi_crs"} == NAMES
    assert {name: steps[name] for name in NAMES} == {
        field.name: field.default for field in fields(PredictConfig)
    }
    options = {parameter.name for parameter in app.commands["predict"].params}
    assert options >= NAMES


def test_a_step_hands_over_what_it_was_given():
    values = {
        "bands": ("red", "nir"), "scale": 0.5, "offset": "1,2", "mean": (1.0, 2.0), "std": 3,
        "model_unit": "DN", "classes": "0=a,1=b", "activation": "softmax", "input_size": 64,
        "layout": "NHWC", "answer": "out", "output": "features",
        "join": "bands", "when": "2019", "roi": (1, 2, 3, 4), "crs": "EPSG:4326", "resolution": 0.5,
        "per_scene": True, "tile": 32, "halo": 4, "blend": "crop", "tta": True, "batch_size": 3,
        "device": "cpu", "window": 64, "stride": 16,
        "min_valid": 0.5, "min_area": 2.5, "smooth": "bayes",
        "smooth_window": 5, "smoothness": 2.0, "smooth_fraction": 0.25, "precision": "float32",
        "nodata": 7, "unit": "DN", "assume_crs": "EPSG:32633",
        "engine": "dask", "scheduler": "tcp://a:1", "workers": 5,
    }  # fmt: skip
    step = Predict(model="m", scene="s.tif", out="maps", **values)
    assert step.config() == PredictConfig(**values)
    of_values = Predict(model="m", scene="s.tif", out="maps", values=["height=m"])
    assert of_values.config().values == ("height=m",)
    placed = Predict(model="m", scene="s.tif", out="maps", roi=(1, 2, 3, 4), roi_crs="EPSG:32633")
    assert placed.config().roi == ((1, 2, 3, 4), "EPSG:32633")
    like = Predict(model="m", scene="s.tif", out="maps", like="grid.tif")
    assert like.config().like == Path("grid.tif")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tile": 0}, r"tile is 0; give a whole number, at least 1 px and at most 65536 px"),
        ({"tile": 2.5}, r"tile is 2\.5; give a whole number"),
        ({"tile": None}, r"tile is None; give a whole number"),
        ({"min_area": 0}, r"min_area is 0; give a number above 0 \(hectares\)"),
        ({"smooth": "mode"}, r"smooth is 'mode'"),
        ({"smooth": "majority", "smooth_window": 4}, r"smooth_window is 4 px; give an odd number"),
        (
            {"smooth_window": 5},
            r"smooth is None, and smooth_window of smooth='majority' or 'bayes'",
        ),
        ({"smooth": "majority", "smoothness": 3}, r"smoothness of smooth='bayes' \(--smooth\)"),
        ({"smooth": "bayes", "smooth_fraction": 2}, r"smooth_fraction is 2; .*at most 1"),
        ({"halo": -1}, r"halo is -1; .*at least 0 px"),
        ({"batch_size": 0}, r"batch_size is 0; .*at least 1 and"),
        ({"workers": True}, r"workers is True; .*at least 1 and"),
        ({"blend": "cosin"}, r"blend is 'cosin'; did you mean 'cosine'\?"),
        ({"blend": None}, r"blend is None"),
        ({"precision": "float99"}, r"precision is 'float99'; did you mean 'float"),
        ({"join": "band"}, r"join is 'band'; did you mean 'bands'\?"),
        ({"tta": "no"}, r"tta is 'no'"),
        ({"scheduler": "tcp://a:1"}, r"scheduler is 'tcp://a:1'.*engine='dask'"),
        ({"resolution": "10"}, r"resolution is '10'; give a number above 0"),
        ({"resolution": float("inf")}, r"resolution is inf; give a number above 0"),
        ({"resolution": -3}, r"resolution is -3; give a number above 0"),
        ({"output": "maps"}, r"output is 'maps'; did you mean 'map'\?"),
        ({"std": 0}, r"std is \(0\.0,\); give numbers above 0"),
        ({"like": "a.tif", "crs": "EPSG:4326"}, r"like takes the grid of a raster"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_where_it_is_made(settings, message):
    with pytest.raises(ConfigError, match=message):
        PredictConfig(**settings)


def test_config_and_settings_are_one(tmp_path, write_scene):
    scene = write_scene(tmp_path / "scene.tif", np.ones((1, 70, 70), "uint8"), names=("red",))
    model, config = CodePredictor(TWO), PredictConfig(tile=32, halo=0)
    assert explain(model, scene, config).tiles == 9
    assert explain(model, scene, config, tile=64).tiles == explain(model, scene, tile=64).tiles == 4
    made = predict(model, scene, tmp_path / "map.tif", config, blend="crop")
    with rasterio.open(made) as out:
        assert (out.read(1) == 1).all()
    with pytest.raises(WriteError, match=r"a table, and the model answers per pixel: .*\*\.tif"):
        predict(model, scene, tmp_path / "map.csv")
    for call in (
        explain,
        lambda *given, **named: predict(*given[:2], tmp_path / "b.tif", *given[2:], **named),
    ):
        with pytest.raises(ConfigError, match=r"no setting 'tyle'; did you mean 'tile'\?"):
            call(model, scene, tyle=3)
        with pytest.raises(ConfigError, match=r"found \{'tile': 3\}; expected a PredictConfig"):
            call(model, scene, {"tile": 3})
    with pytest.raises(FrozenInstanceError):
        config.tile = 3
