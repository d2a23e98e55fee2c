"""Class codes as positions: what torch's own loss then makes of a batch, and what datasets say of it."""

from __future__ import annotations

import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from odc.geo.geobox import GeoBox
from torch.utils.data import DataLoader

from geoloom.chips.materialize import materialize
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, DatasetError
from geoloom.core.outputs import IGNORE_INDEX
from geoloom.datasets import RasterDataset
from geoloom.samplers import GridGeoSampler, RandomGeoSampler
from geoloom.tasks import GeoDataModule, SegmentationTask
from geoloom.tasks.fitting import quiet
from geoloom.tasks.targets import class_positions
from geoloom.testing.ramps import write_raster
from geoloom.transforms import EncodeClasses
from geoloom.transforms.encode import code_table, positions_of

GRID = GeoBox.from_bbox((5e5, 4e6, 5e5 + 640, 4e6 + 640), "EPSG:32615", resolution=20)
TABLE = {1: 0, 5: 1, 111: 2}


class Crops(RasterDataset):
    is_image = False
    class_names: ClassVar = {0: "", 1: "corn", 5: "soybeans", 111: "water"}


CROPS = Classes.of(["corn", "soybeans", "water"], codes=[1, 5, 111])


@pytest.fixture
def dataset(tmp_path):
    """Imagery with a hole, and labels with the codes of crops, 0 for none and 61, which is no class."""
    rng = np.random.default_rng(0)
    codes = rng.choice([0, 1, 5, 61, 111], (1, 32, 32)).astype(np.uint8)
    image = rng.integers(1, 9, (1, 32, 32)).astype(np.uint8)
    image[0, :5, :7] = 0
    scene = write_raster(tmp_path / "scene.tif", image, GRID, nodata=0)
    labels = write_raster(tmp_path / "labels.tif", codes, GRID, nodata=0)
    return RasterDataset(scene) & Crops(labels)


def by_hand(sample):
    """Positions and validity, pixel by pixel."""
    codes = sample["mask"].numpy()
    valid = sample["valid"].numpy() & np.vectorize(TABLE.__contains__)(codes)
    return np.where(valid, np.vectorize(lambda code: TABLE.get(code, -100))(codes), -100), valid


def test_what_counts_has_its_position_and_what_does_not_is_ignored(dataset):
    assert dataset.classes == CROPS
    stored = dataset[GRID]
    sample = dataset.with_transforms(EncodeClasses(dataset.classes))[GRID]
    positions, valid = by_hand(stored)
    assert sample["mask"].dtype == torch.int64
    np.testing.assert_array_equal(sample["mask"], positions)
    np.testing.assert_array_equal(sample["valid"], valid)
    assert set(np.unique(positions)) == {-100, 0, 1, 2}
    assert (~stored["valid"][:5, :7]).all()
    assert torch.equal(sample["image"], stored["image"])


def test_torchs_own_loss_counts_just_the_valid_pixels(dataset):
    positions, valid = by_hand(dataset[GRID])
    encoded = dataset.with_transforms(EncodeClasses(dataset.classes))
    (batch,) = DataLoader(encoded, sampler=GridGeoSampler(encoded, 32), batch_size=1)
    logits = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    loss = torch.nn.functional.cross_entropy(logits, batch["mask"])
    scores = logits[0].double().numpy()
    losses = np.log(np.exp(scores).sum(axis=0)) - scores
    wanted = [losses[positions[at], at[0], at[1]] for at in zip(*np.nonzero(valid), strict=True)]
    assert loss.item() == pytest.approx(np.mean(wanted), rel=1e-5)


def test_some_of_the_classes_in_an_order_of_ones_own(dataset):
    water_first = EncodeClasses(Classes.of(["water", "corn"], codes=[111, 1]))
    stored, sample = dataset[GRID], dataset.with_transforms(water_first)[GRID]
    for code, position in ((111, 0), (1, 1), (5, IGNORE_INDEX), (61, IGNORE_INDEX)):
        there = stored["valid"] & (stored["mask"] == code)
        assert there.any()
        assert (sample["mask"][there] == position).all()
        assert (sample["valid"][there] == (position >= 0)).all()


def test_the_dataset_says_what_its_mask_holds(dataset, tmp_path):
    encoded = dataset.with_transforms(EncodeClasses(dataset.classes))
    assert encoded.classes.names == CROPS.names
    assert encoded.classes.codes == (0, 1, 2)
    assert encoded.classes.colors == dataset.classes.colors
    assert encoded.with_transforms(None).classes == CROPS
    assert encoded == dataset.with_transforms(EncodeClasses(dataset.classes))
    assert pickle.loads(pickle.dumps(encoded)) == encoded
    store = materialize(encoded, GridGeoSampler(encoded, 32), tmp_path / "chips.zarr")
    assert store.classes == encoded.classes
    chip, (positions, valid) = store.dataset()[0], by_hand(dataset[GRID])
    np.testing.assert_array_equal(chip["valid"], valid)
    np.testing.assert_array_equal(chip["mask"].numpy()[valid], positions[valid])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_one_rule_for_codes_of_any_type(dtype):
    codes = torch.tensor([0, 1, 5, 61, 111, 112, 200, *([-1, -100] if dtype.is_signed else [])]).to(
        dtype
    )
    found = positions_of(codes, code_table([1, 5, 111])).tolist()
    assert found == [TABLE.get(code, IGNORE_INDEX) for code in codes.tolist()]
    positions, known = CROPS.encode(codes.numpy())
    assert [p if k else IGNORE_INDEX for p, k in zip(positions, known, strict=True)] == found


def batches_of(dataset, task, tmp_path, **options):
    """What validation is given, on the device."""
    seen = []

    class Watcher(type(task)):
        def validation_step(self, batch, batch_idx):
            seen.append(batch)
            return super().validation_step(batch, batch_idx)

    task.__class__ = Watcher
    data = GeoDataModule(
        dataset, RandomGeoSampler(dataset, 8, 4, generator=0), val_sampler=GridGeoSampler(dataset, 32),
        batch_size=4, **options,
    )  # fmt: skip
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, num_sanity_val_steps=0,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    with quiet():
        trainer.fit(task, datamodule=data)
    return seen, task


def network():
    return torch.nn.Conv2d(1, 3, 1)


def test_batches_from_files_hold_positions_as_those_of_chips_do(dataset, tmp_path):
    positions, valid = by_hand(dataset[GRID])
    ((batch,), task) = batches_of(dataset, SegmentationTask(network(), dataset.classes), tmp_path)
    np.testing.assert_array_equal(batch["mask"][0], positions)
    np.testing.assert_array_equal(batch["valid"][0], valid)
    assert task.tally.matrix.sum() == valid.sum()
    by_code = SegmentationTask(network(), dataset.classes, codes=dataset.classes.codes)
    ((stored,), _) = batches_of(dataset, by_code, tmp_path, labels="codes")
    assert torch.equal(stored["mask"][0], dataset[GRID]["mask"])
    assert torch.equal(by_code.target(stored), class_positions(batch, task.outputs))


def test_contradictions_about_classes_are_refused(dataset, tmp_path):
    task = SegmentationTask(network(), dataset.classes, codes=dataset.classes.codes)
    with pytest.raises(ConfigError, match=r"codes=.*hold positions already.*labels='codes'"):
        batches_of(dataset, task, tmp_path)
    others = dataset.with_transforms(EncodeClasses(Classes.of(["corn"], codes=[1])))
    sampler, tiles = RandomGeoSampler(dataset, 8, 4), GridGeoSampler(dataset, 32)
    with pytest.raises(ConfigError, match=r"classes of val are .*corn.*those of train .*soybeans"):
        GeoDataModule(dataset, sampler, val=others, val_sampler=tiles)
    with pytest.raises(ConfigError, match="did you mean 'positions'"):
        GeoDataModule(dataset, sampler, labels="position")
    imagery = dataset.parts[0].with_transforms(EncodeClasses(CROPS))
    with pytest.raises(DatasetError, match=r"holds bounds, crs, image.*no mask"):
        imagery[GRID]
