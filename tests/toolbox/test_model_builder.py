"""`ModelBuilder`: every key of the paper's params means something or is refused; the cycle runs."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from geoloom.chips.store import ChipStore
from geoloom.core.errors import ConfigError, ModelError, WriteError
from geoloom.models.listing import MODELS
from geoloom.toolbox import DatasetGenerator, ModelBuilder, evaluate_classification
from geoloom.toolbox.model_builder import open_split
from geoloom.toolbox.training_params import KEYS, check_chips, training_settings
from small_files import save

# deepgeo's params, as its users know them.
DEEPGEO = {
    "network": "unet", "epochs": 5, "batch_size": 10, "learning_rate": 0.001,
    "learning_rate_decay": True, "decay_rate": 0.1, "decay_steps": 245, "l2_reg_rate": 0.5,
    "dropout_rate": 0.5, "var_scale_factor": 2.0, "chips_tensorboard": 2, "fusion": "none",
    "loss_func": "crossentropy", "bands_plot": [0, 1, 2], "num_compositions": 1, "chip_size": 16,
    "bands": 2, "num_masks": 0, "num_classes": 2, "class_names": ["low", "high"],
    "class_weights": {"train": [1, 2], "eval": [1, 1]}, "data_aug_ops": ["rot90", "flip_up_down"],
    "data_aug_per_chip": 1, "filter_reduction": 4, "shape": [16, 16, 2], "number_of_chips": 9,
    "Notes": "a trial",
}  # fmt: skip


def test_every_key_of_deepgeo_is_known():
    assert set(DEEPGEO) <= set(KEYS)
    settings = training_settings(DEEPGEO)
    augment = settings.pop("augment")
    assert settings == {
        "augment_mode": "copies",
        "epochs": 5,
        "batch_size": 10,
        "learning_rate": 0.001,
        "dropout": 0.5,
        "loss": "crossentropy",
        "weight_decay": 0.5,
        "schedule": "exponential",
        "decay_rate": 0.1,
        "decay_steps": 245,
        "early_stopping": 10,
        "width": 0.25,
        "class_weights": [1.0, 2.0],
    }
    assert len(augment) == 1
    assert set(augment) < {"rot90", "flip_up_down"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"augment": (), "schedule": "exponential"}),
        ({"learning_rate_decay": False}, {"augment": (), "schedule": "constant"}),
        ({"schedule": "one_cycle"}, {"augment": (), "schedule": "one_cycle"}),
        (
            {"loss_func": "weighted_bin_cross_entropy", "class_weights": "balanced", "schedule": "cosine"},
            {"augment": (), "schedule": "cosine", "loss": "weighted_cross_entropy",
             "class_weights": "balanced"},
        ),
    ],
)  # fmt: skip
def test_what_params_mean(params, expected):
    assert training_settings(params) == expected


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"data_aug_ops": ["rot45"]}, "did you mean 'rot"),
        ({"fusion": "early"}, "only 'none' is possible"),
        ({"num_masks": 2}, "stack them as bands"),
        ({"var_scale_factor": 1.0}, "He et al"),
        ({"dropout_rate": 0.1, "weight_decay": 0.1, "l2_reg_rate": 0.1}, "say the same"),
        ({"schedule": "cosine", "decay_rate": 0.5}, "give one"),
        ({"data_aug_ops": ["rot90"], "data_aug_per_chip": 2}, "choose from 1 to 1"),
        ({"class_weights": {"trian": [1]}}, "did you mean 'train'"),
    ],
)
def test_params_that_cannot_be(params, message):
    with pytest.raises(ConfigError, match=message):
        training_settings(params)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two bands whose brighter one gives the class, in 40-px stripes."""
    folder = tmp_path_factory.mktemp("builder")
    rng = np.random.default_rng(0)
    codes = (np.indices((120, 160)).sum(0) // 40 % 2 + 1).astype(np.uint8)
    image = np.stack([np.where(codes == 1, 50, 150), np.where(codes == 1, 150, 50)])
    image = (image + rng.integers(-20, 20, image.shape)).astype(np.uint8)
    image[:, :5] = 0
    scene = save(folder / "scene.tif", image, nodata=0, names=("red", "nir"))
    labels = save(folder / "labels.tif", codes, nodata=0)
    generator = DatasetGenerator(scene, labels, "random")
    generator.generate_chips({"win_size": 16, "quantity": 30, "class_names": ["low", "high"]})
    generator.split_ds()
    return scene, labels, generator.save_to_disk(folder, "d")


PARAMS = {
    "epochs": 6, "batch_size": 9, "learning_rate": 0.01, "width": 0.03, "schedule": "one_cycle",
    "chip_size": 16, "bands": 2, "num_classes": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    _, _, saved = dataset
    folder = tmp_path_factory.mktemp("model") / "model"
    ModelBuilder("unet").train(saved.train, saved.test, PARAMS, folder)
    return folder


def test_the_cycle_from_file_to_file(dataset, trained, tmp_path):
    scene, labels, saved = dataset
    model = ModelBuilder(trained)
    assert model.network == "unet"
    accuracy = model.validate(saved.val, PARAMS, trained)
    assert accuracy.overall_accuracy > 0.9
    names = {path.name for path in (trained / "validation").iterdir()}
    assert names >= {
        "validation_report.txt", "validation_report.json", "validation_confusion_matrix.png",
        "auc_roc_curve.png", "prec_rec_curve.png",
    }  # fmt: skip
    with pytest.raises(WriteError, match="holds a validation"):
        model.validate(saved.val)
    assert model.validate(saved.val, overwrite=True) == accuracy
    out = model.predict(scene, PARAMS, trained, tmp_path / "map.tif")
    with rasterio.open(out) as file, rasterio.open(labels) as truth, rasterio.open(scene) as image:
        seen = image.read_masks(1) > 0
        np.testing.assert_array_equal(file.read_masks(1) > 0, seen)
        right = (file.read(1) == truth.read(1))[seen].mean()
    assert right > 0.9

    with rasterio.open(labels, "r+") as file:
        file.update_tags(note="truth")
    found = evaluate_classification(out, _named(labels, tmp_path), out_dir=tmp_path / "report")
    assert found.overall_accuracy == pytest.approx(right)
    assert (tmp_path / "report" / "classification_report.txt").exists()
    assert (tmp_path / "report" / "classification_confusion_matrix.png").exists()


def _named(labels, folder):
    """The truth with class names, which a map is matched by."""
    from geoloom.io.raster import read
    from geoloom.io.write.cog import CogWriter

    raster = read(labels)
    with CogWriter(
        folder / "truth.tif", raster.grid, nodata=0, class_names={1: "low", 2: "high"}
    ) as writer:
        writer.write(raster.values, 0, 0)
    return folder / "truth.tif"


def test_datasets_of_one_store_or_several(dataset):
    _, _, saved = dataset
    assert open_split(saved.path, "train").splits == {"train": 18}
    assert open_split(saved.path, "val").splits == {"val": 6}
    assert open_split(saved.test, "train").splits == {"test": 6}
    store = ChipStore.open(saved.path)
    assert open_split(store, "train") is store


def test_params_of_other_chips_are_refused(dataset):
    store = ChipStore.open(dataset[2].path)
    check_chips({**PARAMS, "class_names": ["no_data", "low", "high"], "num_classes": 3}, store)
    for key, value in {"chip_size": 32, "bands": 3, "num_classes": 5, "class_names": ["a"]}.items():
        with pytest.raises(ConfigError, match=key):
            check_chips({key: value}, store)


def test_a_network_of_ones_own(dataset, tmp_path, monkeypatch):
    from torch import nn

    # Known in this test alone: others compare the list of networks with its page.
    monkeypatch.setattr(MODELS, "_entries", dict(MODELS._entries))

    def pixelwise(in_channels, num_classes, *, hidden=4):
        return nn.Sequential(
            nn.Conv2d(in_channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, num_classes, 1)
        )

    ModelBuilder.register_model("pixelwise", pixelwise, overwrite=True)
    ModelBuilder.register_loss(
        "doubled",
        lambda logits, target: 2 * nn.functional.cross_entropy(logits, target),
        overwrite=True,
    )
    params = {"network": "pixelwise", "epochs": 2, "loss_func": "doubled", "options": {"hidden": 8}}
    _, _, saved = dataset
    model = ModelBuilder(params)
    folder = model.train(saved.path, None, tmp_path / "model")  # DeepGeo's own order of arguments
    assert folder == tmp_path / "model"
    assert ModelBuilder(folder).options == {"hidden": 8}


def test_refusals(dataset, tmp_path):
    with pytest.raises(ModelError, match="did you mean 'fcn8s'"):
        ModelBuilder("fcn8")
    with pytest.raises(ConfigError, match="needs the key 'network'"):
        ModelBuilder({"epochs": 3})
    with pytest.raises(ModelError, match="no model folder"):
        ModelBuilder("unet").train(dataset[2].path, None, {"epochs": 1})
    with pytest.raises(ConfigError, match="builder was made for 'unet'"):
        ModelBuilder("unet").train(dataset[2].path, None, {"network": "fcn8s"}, tmp_path / "m")
    with pytest.raises(ConfigError, match="needs output"):
        ModelBuilder("unet").predict("image.tif", {}, tmp_path)
