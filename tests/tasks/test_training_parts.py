"""Schedules, settings, batches and the task's own arithmetic."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import Trainer
from torch import nn

from geoloom.core.errors import ConfigError, DatasetError, ModelError
from geoloom.losses import IGNORE_INDEX
from geoloom.losses.overlap import dice
from geoloom.losses.pixel import cross_entropy
from geoloom.losses.registry import list_losses
from geoloom.tasks.data.chip_data import ChipDataModule
from geoloom.tasks.data.chips import MemoryChips, PixelChips
from geoloom.tasks.fitting import quiet
from geoloom.tasks.schedule import Schedule
from geoloom.tasks.supervised.segmentation import SegmentationTask
from geoloom.tasks.training.config import TrainConfig
from geoloom.transforms.normalize import Normalization


def test_one_cycle_rises_then_falls_to_nothing():
    factors = [Schedule("one_cycle").factor(step, 100) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 25)
    assert factors[20] == pytest.approx(1)
    assert factors[100] == pytest.approx(1e-3)
    assert all(a < b for a, b in pairwise(factors[:21]))
    assert all(a > b for a, b in pairwise(factors[20:]))


def test_exponential_is_torchs_spread_over_its_steps():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.ExponentialLR(optimiser, gamma=0.1 ** (1 / 245))
    for step in range(500):
        ours = Schedule("exponential", decay_rate=0.1, decay_steps=245).factor(step, 10**6)
        assert ours == pytest.approx(torchs.get_last_lr()[0])
        optimiser.step()
        torchs.step()


@given(
    name=st.sampled_from(["one_cycle", "cosine", "exponential", "constant"]),
    step=st.integers(0, 10**6),
    total=st.integers(1, 10**6),
)
def test_the_rate_never_exceeds_what_was_asked(name, step, total):
    assert 0 <= Schedule(name).factor(step, total) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"model": "unett"}, ModelError, "did you mean 'unet'"),
        ({"options": {"widht": 1}}, ModelError, "did you mean 'width'"),
        ({"loss": "crossentropi"}, ConfigError, "did you mean 'crossentropy'"),
        ({"augment": ("rot9",)}, ConfigError, "did you mean 'rot90'"),
        ({"schedule": "one-cycle"}, ConfigError, "did you mean 'one_cycle'"),
        ({"class_weights": "balance"}, ConfigError, "did you mean 'balanced'"),
        ({"epochs": 0}, ConfigError, "epochs is 0"),
        ({"learning_rate": 0.0}, ConfigError, "learning_rate is 0"),
        ({"early_stopping": 0}, ConfigError, "early_stopping is 0"),
        ({"jitter": 1.0}, ConfigError, "jitter is 1"),
        ({"loss": "dice", "label_smoothing": 0.1}, ConfigError, "not of 'dice'"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_work(settings, error, said):
    with pytest.raises(error, match=said):
        TrainConfig(**settings)


def test_chips_in_memory_are_those_of_the_store(chips):
    dataset = chips.dataset("train")
    memory = MemoryChips(dataset)
    assert len(memory) == 8
    for i in range(8):
        for name in ("image", "mask", "valid", "observed"):
            assert torch.equal(memory[i][name], dataset[i][name])
            assert memory[i][name].dtype == dataset[i][name].dtype


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
@pytest.mark.parametrize("values", [(0, 255), (0, 300), (0, 70_000), (-100, 3), (0, 1 << 40)])
def test_masks_keep_their_values_whatever_these_are(memory_bytes, values):
    samples = [
        {
            "image": torch.zeros(1, 2, 2),
            "mask": torch.tensor([[values[0], code], [1, code]]),
            "valid": torch.ones(2, 2, dtype=torch.bool),
        }
        for code in (1, values[1], 2)
    ]
    data = ChipDataModule(samples, samples, batch_size=3, memory_bytes=memory_bytes, num_workers=0)
    (batch,) = data.val_dataloader()
    assert torch.equal(batch["mask"], torch.stack([sample["mask"] for sample in samples]))
    assert batch["mask"].dtype == torch.int64


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_a_mask_of_fractions_is_refused(memory_bytes):
    one = torch.ones(1, 2, 2)
    samples = [{"image": one, "mask": one[0] * 2.75, "valid": one[0] > 0}]
    with pytest.raises(DatasetError, match="expected whole numbers"):
        list(
            ChipDataModule(
                samples, samples, memory_bytes=memory_bytes, num_workers=0
            ).val_dataloader()
        )


def test_chips_are_read_by_batches_as_they_are_one_by_one(chips):
    dataset = chips.dataset("train", dtype="stored")
    read = PixelChips(dataset)
    batch = read.__getitems__([3, 0, 5])
    for sample, i in zip(batch, (3, 0, 5), strict=True):
        assert sample.keys() == read[i].keys()
        assert all(torch.equal(sample[name], read[i][name]) for name in sample)
        assert sample["mask"].dtype == torch.int64
    assert torch.equal(batch[0]["image"], dataset[3]["image"])


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_copies_make_an_epoch_seven_times_as_long(chips, memory_bytes):
    data = ChipDataModule(
        chips.dataset("train"),
        batch_size=4,
        augment_mode="copies",
        memory_bytes=memory_bytes,
        num_workers=0,
    )
    batches = list(data.train_dataloader())
    assert len(batches) == 14
    seen = sorted(batch["image"][i].sum().item() for batch in batches for i in range(4))
    expected = sorted(7 * [sample["image"].sum().item() for sample in chips.dataset("train")])
    assert seen == expected


@pytest.mark.parametrize("augment_mode", ["random", "copies"])
def test_only_training_batches_are_jittered_differently_at_each_step(chips, tmp_path, augment_mode):
    seen = {"train": [], "val": []}

    class Watcher(SegmentationTask):
        def training_step(self, batch, batch_idx):
            seen["train"].append(batch["image"].clone())
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            seen["val"].append(batch["image"].clone())
            return super().validation_step(batch, batch_idx)

    def run(jitter):
        for images in seen.values():
            images.clear()
        data = ChipDataModule(
            chips.dataset("train"),
            chips.dataset("val"),
            batch_size=8,
            augment=(),
            augment_mode=augment_mode,
            jitter=jitter,
        )
        trainer = Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=tmp_path,
        )
        with quiet():
            trainer.fit(Watcher(nn.Conv2d(2, 2, 1), 2, codes=None), datamodule=data)
        return {name: list(images) for name, images in seen.items()}

    plain, jittered = run(0.0), run(0.3)
    assert all(torch.equal(a, b) for a, b in zip(plain["val"], jittered["val"], strict=True))
    ratios = [
        (b - a.float()).abs().mean() for a, b in zip(plain["train"], jittered["train"], strict=True)
    ]
    assert len(ratios) == 2
    assert min(ratios) > 1
    assert ratios[0] != ratios[1]


def task_of_one_layer(**options):
    torch.manual_seed(0)
    return SegmentationTask(nn.Conv2d(2, 3, 1), 3, **options)


def batch_of_chips(count=2):
    generator = torch.Generator().manual_seed(0)
    valid = torch.rand(count, 6, 5, generator=generator) < 0.6
    observed = valid | (torch.rand(count, 6, 5, generator=generator) < 0.5)
    return {
        "image": torch.randint(0, 255, (count, 2, 6, 5), generator=generator, dtype=torch.uint8),
        "mask": torch.randint(0, 3, (count, 6, 5), generator=generator),
        "valid": valid,
        "observed": observed,
    }


def test_loss_is_over_valid_pixels_alone():
    task, batch = task_of_one_layer(), batch_of_chips()
    spoiled = batch | {
        "mask": torch.where(batch["valid"], batch["mask"], 77),
        "image": torch.where(batch["observed"][:, None], batch["image"], 255),
    }
    loss = task.training_step(batch, 0)
    torch.testing.assert_close(loss, task.training_step(spoiled, 0))
    logits = task.network(torch.where(batch["observed"][:, None], batch["image"], 0).float())
    chosen = logits.movedim(1, -1)[batch["valid"]]
    torch.testing.assert_close(
        loss, nn.functional.cross_entropy(chosen, batch["mask"][batch["valid"]])
    )


def test_images_are_normalised_inside():
    rule = Normalization("mean_std", (10.0, 20.0), (2.0, 4.0))
    batch = batch_of_chips()
    center, scale = torch.tensor([10.0, 20.0]).view(2, 1, 1), torch.tensor([2.0, 4.0]).view(2, 1, 1)
    ready = batch | {"image": (batch["image"].float() - center) / scale}
    ours = task_of_one_layer(normalization=rule)(batch)
    torch.testing.assert_close(ours, task_of_one_layer()(ready))


def own_loss(logits, target, class_weights=None):
    """A user's: a mean whose sums are unknown."""
    return dice(logits, target, class_weights) ** 2


@pytest.mark.parametrize(
    "loss", [*list_losses(), own_loss, partial(cross_entropy, label_smoothing=0.2)]
)
@pytest.mark.parametrize("class_weights", [None, (1.0, 0.1, 30.0)])
def test_validation_figures_do_not_depend_on_the_batches(loss, class_weights):
    task = task_of_one_layer(loss=loss, class_weights=class_weights)
    batch = batch_of_chips(count=6)
    # The classes are spread unevenly over the chips, and one chip holds no label at all.
    batch["mask"] = torch.where(torch.arange(6)[:, None, None] < 2, 0, batch["mask"])
    batch["valid"][3] = False
    values = []
    for cut in ([0, 6], [0, 1, 6], [0, 2, 4, 6], range(7)):
        task.on_validation_epoch_start()
        for start, stop in pairwise(cut):
            task.validation_step({key: value[start:stop] for key, value in batch.items()}, 0)
        values.append((task.val_loss.value(), task.tally.matrix.tolist()))
    for value in values[1:]:
        assert value[0] == pytest.approx(values[0][0], rel=1e-5)
        assert value[1] == values[0][1]
    assert np.sum(values[0][1]) == batch["valid"].sum()


@pytest.mark.parametrize("loss", list_losses())
@pytest.mark.parametrize("class_weights", [None, (1.0, 0.1, 30.0)])
def test_a_validation_of_one_batch_has_the_loss_of_that_batch(loss, class_weights):
    task, batch = task_of_one_layer(loss=loss, class_weights=class_weights), batch_of_chips()
    task.on_validation_epoch_start()
    task.validation_step(batch, 0)
    expected = task.loss(task(batch), task.target(batch), task._weights)
    assert task.val_loss.value() == pytest.approx(expected.item(), rel=1e-5)


def test_masks_may_hold_codes():
    task = task_of_one_layer(codes=[0, 7, 2])
    mask = torch.tensor([[[0, 7, 2, 1, 200, -5]]])
    target = task.target({"mask": mask, "valid": torch.ones_like(mask, dtype=torch.bool)})
    assert target.tolist() == [[[0, 1, 2, IGNORE_INDEX, IGNORE_INDEX, IGNORE_INDEX]]]


def test_biases_and_norms_do_not_decay():
    task = SegmentationTask(
        nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)), 3, weight_decay=0.5
    )
    task.trainer = type("Planned", (), {"estimated_stepping_batches": 10})()
    groups = task.configure_optimizers()["optimizer"].param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(1, 0.5), (3, 0.0)]


def test_a_mean_of_nothing_is_no_number():
    task = task_of_one_layer()
    assert math.isnan(task.train_loss.value())
