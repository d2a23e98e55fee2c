"""What a training starts with: task, network, normalisation and batches, from its settings and samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from lightning.pytorch import seed_everything

from ...core.errors import ModelError
from ...core.outputs import Outputs
from ...core.statistics import BandStatistics
from ...losses.weights import class_weights as weights_by_rule
from ...models.adapt import match_known
from ...models.listing import get_spec
from ...models.pretrained.beginning import Beginning
from ...models.pretrained.inputs import input_rule
from ...models.registry import begin_model
from ...models.size import check_training_memory, warn_of_size
from ...transforms.augment import turns_of
from ...transforms.normalize import Normalization, fit_normalization
from ..base import Task
from ..baseline.score import check_baseline
from ..data.chip_data import ChipDataModule
from ..data.module import check_shared, split_augmentations
from ..data.shares import check_divisible, check_enough
from ..fitting import quiet
from ..registry import get_task
from .config import ClassWeights, TrainConfig
from .plan import TrainingPlan


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """A task with its network, and what it is fed."""

    task: Task
    normalization: Normalization
    begun: str | None
    """What the network began with; None for random weights."""
    data: Callable[[], ChipDataModule]
    """Made in each process."""
    device: str
    """As `choose_device` gives it."""
    devices: int

    @classmethod
    def of(cls, config: TrainConfig, plan: TrainingPlan, device: str, devices: int) -> Self:
        """Seed everything, look through the samples once, and make the network. Writes nothing.

        Raises:
            ConfigError: a batch cannot be divided among the devices, or an augmentation cannot.
            DatasetError: the labels teach nothing.
            BandError: the weights to begin with want other bands, or other units of them.
            ReadError: pretrained weights cannot be fetched.
            MissingExtraError: a baseline is asked for, and scikit-learn is not installed.
            ModelError: the network cannot be made, or does not fit into memory.
        """
        if config.baseline:
            check_baseline(plan)
        options = config.network_options
        check_training_memory(config.model, len(plan.source.bands), plan.outputs, options)
        _check_shares(config, plan, devices)
        with quiet():
            seed_everything(config.seed, workers=True, verbose=False)
        outputs, counts = plan.learn_targets()
        statistics = plan.source.statistics("train" if plan.source.splits else None)
        normalization = _normalization(config, plan, statistics)
        weights = _weights(config.class_weights, counts, outputs)
        bands = plan.source.bands
        begin = Beginning.of(
            config.weights,
            config.model,
            len(bands),
            bands,
            config.missing_bands,
            config.weights_bands,
            options,
        )
        network, begun = begin_model(config.model, len(bands), outputs, begin)
        warn_of_size(config.model, network, device)
        task = get_task(plan.task)(
            network,
            outputs,
            inputs=get_spec(config.model).inputs,
            loss=config.smoothed_loss,
            class_weights=weights,
            normalization=normalization,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            average=config.average,
            schedule=config.rate,
            seed=config.seed,
        )
        data = partial(
            ChipDataModule,
            plan.source.samples(plan.train),
            plan.judge.samples(plan.val) if plan.judge else None,
            batch_size=config.batch_size,
            augment=config.augmentations,
            augment_mode=config.augment_mode,
            jitter=config.jitter,
            statistics=statistics,
            seed=config.seed,
        )
        return cls(task, normalization, begun, data, device, devices)


def _normalization(
    config: TrainConfig, plan: TrainingPlan, statistics: BandStatistics
) -> Normalization:
    """That of pretrained weights, else one that is fitted on the samples."""
    known = config.as_pretrained
    if known is None:
        return fit_normalization(config.fitted, statistics)
    bands = plan.source.bands
    found = match_known(bands, known.bands, missing=config.missing_bands)
    return input_rule(known, bands, str(plan.source.dtype), found, statistics)


def _weights(rule: ClassWeights, counts: np.ndarray, outputs: Outputs) -> tuple[float, ...] | None:
    if rule is None:
        return None
    if isinstance(rule, str):
        return weights_by_rule(counts.tolist(), rule)
    weights = tuple(rule)
    if len(weights) != outputs.channels or min(weights) < 0 or max(weights) == 0:
        raise ModelError(
            f"class_weights are {weights}; give one number, 0 or more, for each of {', '.join(outputs.names)}"
        )
    return weights


def _check_shares(config: TrainConfig, plan: TrainingPlan, devices: int) -> None:
    copies = 1 + len(turns_of(config.augmentations)) if config.augment_mode == "copies" else 1
    check_divisible(config.batch_size, copies * len(plan.train), devices)
    check_shared(split_augmentations(config.augmentations)[1], devices)
    check_enough(len(plan.val), devices)
