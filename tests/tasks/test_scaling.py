"""A network knows in which scale its numbers came: a scene that stores others is refused by name."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geoloom.chips.cut import cut_chips
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.inference.predict import predict
from geoloom.models.saved import load_model
from geoloom.tasks.evaluate import evaluate
from geoloom.tasks.train import train

SIZE = 64


def write_scene(path, values, scales=None, offsets=None):
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=SIZE,
        width=SIZE,
        dtype=values.dtype,
        crs="EPSG:32622",
        transform=from_origin(600000, 9300000, 30, 30),
    ) as target:
        target.write(values)
        target.descriptions = [f"B{i}" for i in range(len(values))]
        if scales is not None:
            target.scales, target.offsets = scales, offsets
    return path


@pytest.fixture
def trained(tmp_path):
    """A model of scenes of baseline 04.00: counts of 1e-4, from which 0.1 is to be taken."""
    rng = np.random.default_rng(0)
    image = rng.integers(1000, 5000, (2, SIZE, SIZE)).astype("uint16")
    labels = np.where(image[1] > 3000, 4, 7).astype("uint8")
    scene = write_scene(tmp_path / "new.tif", image, (1e-4, 1e-4), (-0.1, -0.1))
    truth = write_scene(tmp_path / "labels.tif", labels[None])
    classes = Classes.of(["forest", "water"], codes=[4, 7])
    chips = cut_chips(
        scene, tmp_path / "c.zarr", labels=truth, classes=classes, size=16, count=8, split=None
    )
    folder = train(
        chips, tmp_path / "m", width=0.05, epochs=1, batch_size=4, progress=False, device="cpu"
    )
    return tmp_path, folder, image, truth


def test_the_same_counts_of_another_offset_are_no_scene_for_the_model(trained):
    folder, model, image, truth = trained
    old = write_scene(folder / "old.tif", image - 1000, (1e-4, 1e-4), (0.0, 0.0))
    said = r"old.tif stores band B0 with scale 0.0001 and offset 0, .* scale 0.0001 and offset -0.1"
    with pytest.raises(ModelError, match=said):
        predict(model, old, folder / "map.tif")
    assert not (folder / "map.tif").exists()
    with pytest.raises(ModelError, match=said):
        evaluate(model, old, truth=truth)
    assert load_model(model).card.scaling == ((1e-4, -0.1), (1e-4, -0.1))


def test_a_scene_of_the_trainings_scale_is_mapped(trained):
    folder, model, image, _ = trained
    like = write_scene(folder / "like.tif", image, (1e-4, 1e-4), (-0.1, -0.1))
    assert predict(model, like, folder / "map.tif").exists()
