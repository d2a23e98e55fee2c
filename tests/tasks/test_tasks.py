"""Tasks in anybody's Trainer: what they learn, log, keep in checkpoints, refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from lightning.pytorch import Trainer
from torch import nn
from torch.utils.data import DataLoader

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, DatasetError, ModelError, WriteError
from geoloom.core.outputs import IGNORE_INDEX, ClassOutputs, ValueOutputs
from geoloom.datasets import RasterDataset
from geoloom.inference.predict import predict
from geoloom.models.pipeline import finished
from geoloom.models.saved import load_model
from geoloom.tasks.base import Task
from geoloom.tasks.fitting import quiet
from geoloom.tasks.supervised.classification import ClassificationTask
from geoloom.tasks.supervised.pixel_regression import PixelRegressionTask
from geoloom.tasks.supervised.segmentation import SegmentationTask
from geoloom.transforms import fit_normalization, sample_statistics
from geoloom.transforms.normalize import Normalization

CLASSES = ["forest", "water"]
HEIGHT = ValueOutputs(("height",), ("m",), mean=(50.0,), std=(10.0,))


class PerImage(nn.Sequential):
    """Two means of an image, weighed."""

    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))


def samples(count=8, size=6):
    """Images whose first band is the answer: high is class 1, and 10 times it is the height."""
    generator = torch.Generator().manual_seed(3)
    made = []
    for number in range(count):
        image = torch.rand(2, size, size, generator=generator) * 0.5 + 0.4 * (number % 2)
        valid = torch.rand(size, size, generator=generator) < 0.8
        value = torch.where(valid, 10 * image[0] + 45, torch.nan)[None]
        made.append(
            {
                "image": image,
                "observed": torch.ones(size, size, dtype=torch.bool),
                "valid": valid,
                "mask": (image[0] > 0.5).long(),
                "label": torch.tensor(number % 2),
                "value": value,
            }
        )
    return made


def trainer_in(folder, epochs=40):
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        log_every_n_steps=1,
    )


TASKS = {
    "segmentation": lambda **options: SegmentationTask(nn.Conv2d(2, 2, 1), CLASSES, **options),
    "classification": lambda **options: ClassificationTask(PerImage(), CLASSES, **options),
    "pixel_regression": lambda **options: PixelRegressionTask(
        nn.Conv2d(2, 1, 1), HEIGHT, **options
    ),
}
LOGGED = {
    "segmentation": {"accuracy", "f1", "iou", "iou/forest", "iou/water", "f1/forest", "f1/water"},
    "classification": {"accuracy", "f1", "iou", "iou/forest", "iou/water", "f1/forest", "f1/water"},
    "pixel_regression": {"rmse", "mae", "bias", "r2", "rmse/height", "r2/height"},
}


@pytest.mark.parametrize("name", TASKS)
def test_a_strangers_trainer_fits_tests_and_predicts(name, tmp_path):
    torch.manual_seed(0)
    task = TASKS[name](learning_rate=0.3)
    trainer = trainer_in(tmp_path)
    batches = DataLoader(samples(), batch_size=4)
    with quiet():
        before = trainer.validate(task, batches, verbose=False)[0]
        trainer.fit(task, batches, batches)
        logged = dict(trainer.callback_metrics)
        tested = trainer.test(task, batches, verbose=False)[0]
        predicted = trainer.predict(task, batches)
    assert {"train_loss", "train_loss_step", "val_loss"} <= set(logged)
    assert {f"val_{figure}" for figure in LOGGED[name]} <= set(logged)
    assert {f"test_{figure}" for figure in LOGGED[name]} | {"test_loss"} == set(tested)
    assert tested["test_loss"] < 0.5 * before["val_loss"]
    assert tested["test_loss"] == pytest.approx(float(logged["val_loss"]), rel=1e-5)
    assert len(predicted) == 2
    shapes = {
        "segmentation": (4, 2, 6, 6),
        "classification": (4, 2),
        "pixel_regression": (4, 1, 6, 6),
    }
    assert predicted[0]["scores"].shape == shapes[name]
    if name == "pixel_regression":
        known = torch.cat([s["value"] for s in samples()])[:, None]
        errors = (torch.cat([p["scores"] for p in predicted]) - known)[~torch.isnan(known)]
        assert tested["test_rmse"] == pytest.approx(errors.square().mean().sqrt().item(), rel=1e-4)
    else:
        total = predicted[0]["scores"].sum(1)
        torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize(
    ("name", "outputs"),
    [("segmentation", CLASSES), ("pixel_regression", {"height": "m", "age": None})],
)
def test_a_task_comes_back_from_its_checkpoint(name, outputs, tmp_path):
    kind = {"segmentation": SegmentationTask, "pixel_regression": PixelRegressionTask}[name]
    task = kind(
        "unet",
        outputs,
        in_channels=2,
        options={"width": 0.125},
        normalization=Normalization("mean_std", (0.5, 0.5), (0.2, 0.2)),
        average=0.5,
    )
    batch = {**samples(1, 16)[0]}
    batch["value"] = batch["value"].repeat(2, 1, 1)
    trainer = trainer_in(tmp_path, epochs=1)
    with quiet():
        trainer.fit(task, DataLoader([batch, batch], batch_size=2))
        trainer.save_checkpoint(tmp_path / "task.ckpt")
        again = kind.load_from_checkpoint(tmp_path / "task.ckpt", weights_only=True)
    assert again.outputs == task.outputs
    assert again.hparams == task.hparams
    feed = {key: value[None] for key, value in batch.items()}
    torch.testing.assert_close(again.eval()(feed), task.eval()(feed))


def test_a_module_of_ones_own_is_given_again(tmp_path):
    task = TASKS["segmentation"](codes=[3, 9], class_weights=[1, 2])
    trainer = trainer_in(tmp_path, epochs=1)
    with quiet():
        trainer.fit(task, DataLoader(samples(), batch_size=4))
        trainer.save_checkpoint(tmp_path / "task.ckpt")
        again = SegmentationTask.load_from_checkpoint(
            tmp_path / "task.ckpt", network=nn.Conv2d(2, 2, 1), weights_only=True
        )
    torch.testing.assert_close(again.network.weight, task.network.weight)
    assert again.positions.tolist() == task.positions.tolist()
    assert again.class_weights.tolist() == [1.0, 2.0]


def test_finished_answers_are_in_their_units():
    raw = torch.tensor([[0.0], [1.0]])
    assert finished(raw, HEIGHT).flatten().tolist() == [50.0, 60.0]
    cooled = ClassOutputs(Classes.of(CLASSES), per="image", temperature=2.0)
    expected = torch.sigmoid(torch.tensor(2.0))  # a softmax of two
    torch.testing.assert_close(finished(torch.tensor([[4.0, 0.0]]), cooled)[0, 0], expected)


def test_images_without_a_label_do_not_count():
    task = TASKS["classification"]()
    batch = {"image": torch.rand(3, 2, 4, 4), "label": torch.tensor([1, IGNORE_INDEX, 0])}
    task.on_validation_epoch_start()
    task.validation_step(batch, 0)
    assert task.report().matrix == tuple(map(tuple, task.tally.matrix.tolist()))
    assert task.tally.matrix.sum() == 2
    nothing = batch | {"label": torch.full((3,), IGNORE_INDEX)}
    assert task.training_step(nothing, 0) == 0


def test_values_that_are_not_valid_do_not_count():
    task = TASKS["pixel_regression"]()
    batch = {key: torch.stack([s[key] for s in samples(2)]) for key in samples(1)[0]}
    spoiled = batch | {"value": torch.where(batch["valid"][:, None], batch["value"], 1e6)}
    loss = task.training_step(batch, 0)
    torch.testing.assert_close(task.training_step(spoiled, 0), loss)
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in task.parameters())


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SegmentationTask("unet", CLASSES), "in_channels"),
        (
            lambda: SegmentationTask(nn.Identity(), HEIGHT),
            "SegmentationTask learns one class per pixel",
        ),
        (
            lambda: SegmentationTask(nn.Identity(), ClassOutputs(Classes.of(CLASSES), per="image")),
            "per image",
        ),
        (lambda: SegmentationTask(nn.Identity(), 0), "found 0"),
        (lambda: SegmentationTask(nn.Identity(), {"kind": "values"}), "found {'kind'"),
        (lambda: PixelRegressionTask(nn.Identity(), 3), "unit of each value"),
        (lambda: PixelRegressionTask(nn.Identity(), HEIGHT, loss="dice"), "'dice' is for classes"),
        (lambda: ClassificationTask(nn.Identity(), CLASSES, loss="crosentropy"), "crossentropy"),
        (lambda: TASKS["segmentation"]().report(), "nothing was validated"),
    ],
)
def test_what_cannot_be_is_refused(make, match):
    with pytest.raises(ConfigError, match=match):
        make()


def test_a_batch_without_the_target_names_what_it_has():
    task = TASKS["classification"]()
    with pytest.raises(DatasetError, match=r"image, mask.*'label'"):
        task.training_step({"image": torch.rand(1, 2, 4, 4), "mask": torch.zeros(1, 4, 4)}, 0)


def test_a_child_needs_only_a_few_lines():
    class Median(PixelRegressionTask):
        def target(self, batch):
            return super().target({"value": batch["value"], "valid": batch["valid"]}).clamp(max=0.0)

    assert issubclass(Median, Task)
    batch = {key: value[None] for key, value in samples(1)[0].items()}
    assert math.isfinite(Median(nn.Conv2d(2, 1, 1), HEIGHT).training_step(batch, 0).item())
    assert np.nanmax(Median(nn.Conv2d(2, 1, 1), HEIGHT).target(batch).numpy()) <= 0


def test_masks_of_several_layers_say_how_to_choose_one():
    task = SegmentationTask(nn.Conv2d(2, 2, 1), CLASSES)
    batch = {"image": torch.zeros(3, 2, 5, 7), "mask": torch.zeros(3, 4, 5, 7).long()}
    match = r"'mask' has the shape \(3, 4, 5, 7\): 4 layers in each sample; expected \(B, H, W\).*bands="
    with pytest.raises(DatasetError, match=match):
        task.training_step(batch, 0)


def test_a_task_saves_itself_as_a_model_folder(tmp_path):
    image = np.random.default_rng(1).integers(1, 3000, (2, 32, 32), np.uint16)
    shape = {"count": 2, "height": 32, "width": 32, "dtype": "uint16"}
    place = {"crs": "EPSG:32720", "transform": Affine(30, 0, 5e5, 0, -30, 9e6)}
    with rasterio.open(tmp_path / "s.tif", "w", driver="GTiff", **shape, **place) as file:
        file.write(image)
        file.descriptions = ("red", "nir")
    dataset = RasterDataset(tmp_path / "s.tif")
    rule = fit_normalization("mean_std", sample_statistics([{"image": image.astype(np.float32)}]))
    task = SegmentationTask(
        "unet", CLASSES, in_channels=2, options={"width": 0.125}, normalization=rule, average=0.1
    )
    folder = task.save(tmp_path / "m", dataset, size=32)
    model = load_model(folder)
    card = model.card
    assert (card.architecture, card.options, card.band_names) == (
        "unet",
        {"width": 0.125},
        ("red", "nir"),
    )
    assert (card.dtype, card.gsd, card.gsd_unit, card.chip_size_px) == ("uint16", 30, "metre", 32)
    batch = {
        "image": torch.tensor(image.astype(np.float32))[None],
        "valid": torch.ones(1, 32, 32).bool(),
    }
    with torch.no_grad():
        expected = finished(task.eval()(batch), task.outputs)
        assert torch.allclose(model(batch["image"], batch["valid"]), expected, atol=1e-6)
    with rasterio.open(predict(folder, tmp_path / "s.tif", tmp_path / "map.tif")) as file:
        codes = np.array(task.outputs.classes.codes)[expected[0].argmax(0).numpy()]
        assert (file.read(1) == codes).mean() > 0.8  # a few pixels see the padded edge
    with pytest.raises(WriteError, match="overwrite"):
        task.save(folder, dataset)
    with pytest.raises(ModelError, match=r"1 bands \(red\), the network reads 2"):
        task.save(tmp_path / "n", RasterDataset(tmp_path / "s.tif", bands=["red"]))
    with pytest.raises(ModelError, match=r"Conv2d of your own.*register_model"):
        SegmentationTask(nn.Conv2d(2, 2, 1), CLASSES).save(tmp_path / "n", dataset)
