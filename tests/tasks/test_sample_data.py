"""Every task learns from the smallest samples with its labels: by `gl.train`, and in a loop of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from lightning.pytorch import Trainer

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.core.errors import ConfigError, DatasetError
from geoloom.core.outputs import ValueOutputs
from geoloom.datasets import SampleDataset, benchmark_class
from geoloom.datasets.samples.listing import Listing
from geoloom.datasets.samples.pictures import Pictures
from geoloom.datasets.samples.values import PixelValues
from geoloom.models.saved import load_model
from geoloom.splits import ClassSplit
from geoloom.tasks import SampleDataModule, get_task, list_tasks

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
from documented import LAYOUTS
from documented.layout import written

pytestmark = [
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
]
SIDE = 32


def heights(root: Path) -> SampleDataset:
    """Six pictures whose heights are a tenth of what they show, unknown in one column."""
    columns: dict[str, list[str]] = {"file": [], "value": [], "split": []}
    for number, split in enumerate(["train"] * 4 + ["val", "test"]):
        shown = np.random.default_rng(number).integers(0, 200, (SIDE, SIDE)).astype("uint8")
        measured = shown.astype("float32") / 10
        measured[:, 0] = np.nan
        for name, values in (("file", shown), ("value", measured)):
            columns[name].append(f"{name}_{number}.tif")
            with rasterio.open(
                root / columns[name][-1], "w", driver="GTiff", count=1, height=SIDE, width=SIDE,
                dtype=values.dtype, crs="EPSG:32632", transform=Affine(10, 0, 5e5, 0, -10, 5e6),
            ) as file:  # fmt: skip
                file.write(values[None])
        columns["split"].append(split)
    listing = Listing(root, {name: np.array(values, object) for name, values in columns.items()})
    band = Band("height", unit=None)
    return SampleDataset(
        listing,
        Pictures((Band("pan", "pan"),)),
        (PixelValues(Pictures((band,), "float32", "value")),),
        outputs=ValueOutputs(("height",), ("m",)),
        placed=True,
    )


def of_catalogue(name: str, **options: object):
    def opened(root: Path) -> SampleDataset:
        return benchmark_class(name)(written(LAYOUTS[name], root), split=None, **options)

    return opened


SMALLEST = {
    "classification": (of_catalogue("eurosat100", bands=["B04", "B03"]), "timm/resnet18"),
    "segmentation": (of_catalogue("landcoverai", size=SIDE), "unet"),
    "pixel_regression": (heights, "unet"),
}
"""Of each task, its smallest samples and a network."""

each = pytest.mark.parametrize("task", sorted(SMALLEST))


def network_options(network: str) -> dict[str, float]:
    return {"width": 0.125} if network == "unet" else {}


def test_every_task_is_here():
    assert set(SMALLEST) == set(list_tasks())


@each
def test_train_learns_from_the_samples(task, tmp_path):
    opened, network = SMALLEST[task]
    samples = opened(tmp_path)
    model = gl.train(
        samples, tmp_path / "model", epochs=1, batch_size=1, model=network, recipe="none",
        progress=False, device="cpu", **network_options(network),
    )  # fmt: skip
    card = load_model(model).card
    assert card.outputs.kind == samples.outputs.kind
    assert [band.name for band in card.bands] == [band.name for band in samples.bands]
    gl.evaluate(model, samples, device="cpu")


@each
def test_a_loop_of_ones_own_learns_from_the_data_module(task, tmp_path):
    opened, network = SMALLEST[task]
    data = SampleDataModule(opened(tmp_path), batch_size=1)
    made = get_task(task)(
        network, data.outputs, in_channels=len(data.bands), normalization=data.normalization(),
        options=network_options(network),
    )  # fmt: skip
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(made, data)
    trainer.test(made, data, verbose=False)
    assert np.isfinite(float(trainer.callback_metrics["test_loss"]))


def test_what_is_known_of_samples_is_of_those_learned_from(tmp_path):
    samples = of_catalogue("eurosat100", bands=["B04"])(tmp_path)
    data = SampleDataModule(samples, batch_size=2)
    learned = [samples[int(i)]["image"].numpy() for i in samples.indices("train")]
    assert data.statistics.mean[0] == pytest.approx(np.mean(learned))
    assert data.class_weights() == pytest.approx([1.0] * 10)
    assert len(data.test_dataloader().dataset) == len(samples.indices("test"))


def test_values_have_their_unit_spread_and_gaps(tmp_path):
    data = SampleDataModule(heights(tmp_path), batch_size=2)
    first = data.source[0]
    np.testing.assert_allclose(
        first["value"][0, :, 1:], first["image"][0, :, 1:].numpy() / 10, rtol=1e-6
    )
    assert bool(np.isnan(first["value"][0, :, 0].numpy()).all())
    assert data.outputs.units == ("m",)
    assert data.outputs.std is not None
    with pytest.raises(ConfigError, match="teaches 1 value"):
        data.class_weights()


def test_samples_are_divided_by_a_rule(tmp_path):
    samples = of_catalogue("eurosat100")(tmp_path)
    data = SampleDataModule(samples, splits=ClassSplit(test=0.5, val=0.0), batch_size=2)
    assert len(data.source.indices("test")) == 10
    assert data.val_dataloader() == []


def test_samples_of_other_bands_are_refused(tmp_path):
    root = written(LAYOUTS["eurosat100"], tmp_path)
    made = benchmark_class("eurosat100")
    with pytest.raises(DatasetError, match=r"it has bands B08 .* expected bands B04"):
        SampleDataModule(made(root, bands=["B04"]), made(root, "val", bands=["B08"]))
