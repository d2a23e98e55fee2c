"""Features over a scene: what the last layer gets, so that applied to them it gives the model's answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch

import geoloom as gl
from geoloom.chips import ChipStore
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ClassOutputs, FeatureOutputs
from geoloom.inference.predict import predict
from geoloom.models.card import ModelCard, default_bands
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model, save_model
from geoloom.testing.models import plain_card
from geoloom.testing.predictors import CodePredictor

BANDS = ("red", "nir")
CLASSES = ClassOutputs(Classes.of(["a", "b", "c"]), per="image")
NETWORKS = {
    "timm/resnet10t": ({}, "fc.weight", "fc.bias", 512),
    "rcf": ({"features": 12}, "score.weight", "score.bias", 12),
}


@pytest.fixture
def scene(tmp_path, write_scene):
    values = np.random.default_rng(0).normal(size=(2, 50, 70)).astype("float32")
    values[:, :20, :20] = -99
    return write_scene(tmp_path / "scene.tif", values, nodata=-99, names=BANDS)


def folder_of(path, name, outputs=CLASSES, **options):
    torch.manual_seed(0)
    card = ModelCard(name, options, tuple(map(Band.named, BANDS)), outputs, chip_size_px=16)
    return save_model(path, create_model(name, 2, outputs=outputs, **options), card)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_makes_the_answers_of_them(tmp_path, scene, name):
    options, weight, bias, count = NETWORKS[name]
    folder = folder_of(tmp_path / "model", name, **options)
    made = predict(folder, scene, tmp_path / "features.tif", output="features", stride=8)
    predict(folder, scene, tmp_path / "map.tif", stride=8, probabilities=tmp_path / "p.tif")
    with rasterio.open(made) as file, rasterio.open(tmp_path / "p.tif") as scores:
        assert (file.count, set(file.dtypes)) == (count, {"float32"})
        assert file.descriptions[:2] == ("feature_1", "feature_2")
        assert file.transform == scores.transform
        features, expected = file.read(), scores.read()
    state = load_model(folder).network.state_dict()
    raw = np.einsum("kd,dhw->khw", state[weight].numpy(), features)
    raw = np.exp(raw + state[bias].numpy()[:, None, None])
    assert np.isnan(expected).any()
    np.testing.assert_allclose(raw / raw.sum(axis=0), expected, atol=1e-5)
    loaded = predict(
        load_model(folder), scene, tmp_path / "loaded.tif", output="features", stride=8
    )
    with rasterio.open(loaded) as file:
        np.testing.assert_array_equal(file.read(), features)


def test_features_of_chips_are_a_table(tmp_path, scene):
    folder = folder_of(tmp_path / "model", "rcf", features=4)
    gl.cut_chips(scene, tmp_path / "chips.zarr", size=16, strategy="sequential", min_valid=1)
    made = predict(folder, tmp_path / "chips.zarr", tmp_path / "f.parquet", output="features")
    table = pd.read_parquet(made)
    assert [name for name in table if name.startswith("feature_")] == [
        f"feature_{number}" for number in range(1, 5)
    ]
    assert len(table) == len(ChipStore.open(tmp_path / "chips.zarr")) > 5


def test_a_model_of_features_gives_them_alone(tmp_path, scene):
    folder = folder_of(tmp_path / "model", "rcf", FeatureOutputs(12), features=12)
    with pytest.raises(ModelError, match=r"gives 12 features, and a map .*--output features"):
        predict(folder, scene, tmp_path / "map.tif")
    made = predict(folder, scene, tmp_path / "f.tif", output="features")
    with rasterio.open(made) as file:
        assert (file.count, file.shape) == (12, (4, 5))
    with pytest.raises(
        ModelError, match=r"the model gives 12 features; vector are made of one class"
    ):
        predict(folder, scene, tmp_path / "g.tif", output="features", vector=tmp_path / "v.gpkg")


def test_networks_without_features_are_refused(tmp_path, scene):
    card = plain_card("unet", {"width": 0.0625, "depth": 1}, BANDS, Classes.of(["a", "b"]))
    folder = save_model(tmp_path / "unet", create_model("unet", 2, 2, **card.options), card)
    with pytest.raises(ModelError, match=r"unet answers for each pixel and has no features .*rcf"):
        predict(folder, scene, tmp_path / "f.tif", output="features")
    other = CodePredictor(Classes.of(["a", "b"]), default_bands(1))
    with pytest.raises(ModelError, match=r"nothing tells what makes its features"):
        predict(other, scene, tmp_path / "f.tif", output="features")
