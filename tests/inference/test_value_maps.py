"""A model that gives values makes a map of numbers in their unit."""

import numpy as np
import pytest
import rasterio
import torch

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, ModelError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.inference.predict import predict
from geoloom.models.card import ModelCard
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model, save_model

HEIGHT = ValueOutputs(("height", "age"), ("m", None), mean=(20.0, 5.0), std=(4.0, 0.5))
BANDS = (Band("red", "red"), Band("nir", "nir"))


@pytest.fixture
def scene(tmp_path, write_scene):
    values = np.random.default_rng(0).normal(0, 1, (2, 70, 90)).astype("float32")
    values[:, :5, :7] = -9999
    return write_scene(tmp_path / "scene.tif", values, nodata=-9999, names=("red", "nir"))


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    options = {"width": 0.1, "depth": 1}
    card = ModelCard("unet", options, BANDS, HEIGHT)
    return save_model(tmp_path / "m", create_model("unet", 2, outputs=HEIGHT, **options), card)


def test_values_come_in_their_units(tmp_path, scene, model):
    out = predict(model, scene, tmp_path / "map.tif", tile=128, halo=8)
    with rasterio.open(scene) as source, rasterio.open(out) as made:
        image, valid = source.read(), source.dataset_mask() > 0
        values = made.read()
        assert (made.count, made.dtypes[0], np.isnan(made.nodata)) == (2, "float32", True)
        assert made.descriptions == ("height", "age")
        assert [unit or None for unit in made.units] == ["m", None]
    raw = (
        load_model(model)
        .network(torch.from_numpy(np.where(valid, image, 0))[None])
        .detach()
        .numpy()[0]
    )
    expected = raw * np.array([4.0, 0.5])[:, None, None] + np.array([20.0, 5.0])[:, None, None]
    assert np.isnan(values[:, ~valid]).all()
    # Tiles repeat the scene's edge, which the network sees here as its own padding.
    inner = (slice(None), slice(20, 50), slice(20, 70))
    np.testing.assert_allclose(values[inner], expected[inner], atol=1e-4)


def test_values_have_no_probabilities_and_no_polygons(tmp_path, scene, model):
    for asked in ({"probabilities": tmp_path / "p.tif"}, {"vector": tmp_path / "v.gpkg"}):
        with pytest.raises(
            ModelError, match=r"gives 2 values \(height in m, age\) per pixel; .*leave"
        ):
            predict(model, scene, tmp_path / "map.tif", **asked)
    assert not list(tmp_path.glob("map*"))


def test_a_model_that_answers_per_image_needs_the_size_of_its_windows(tmp_path, scene):
    outputs = ClassOutputs(Classes.of(["a", "b"]), per="image")
    card = ModelCard("timm/resnet18", {}, BANDS, outputs)
    folder = save_model(tmp_path / "m", create_model("timm/resnet18", 2, outputs=outputs), card)
    with pytest.raises(ConfigError, match=r"window= \(--window\)"):
        predict(folder, scene, tmp_path / "map.tif")
    with pytest.raises(ConfigError, match="expected one chip store or folder of pictures"):
        predict(folder, scene, tmp_path / "answers.csv")
    model = load_model(folder)
    scores = model(torch.zeros(3, 2, 64, 64), torch.ones(3, 64, 64, dtype=torch.bool))
    assert scores.shape == (3, 2)
    torch.testing.assert_close(scores.sum(1), torch.ones(3))
