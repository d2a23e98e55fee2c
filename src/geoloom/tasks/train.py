"""Training: from chips to a model folder."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, Trainer, seed_everything

from .._version import __version__
from ..chips.store import ChipStore
from ..core.errors import ModelError
from ..core.files import hold, writing
from ..core.outputs import Outputs
from ..core.statistics import BandStatistics
from ..losses.pixel import cross_entropy
from ..losses.summed import Loss
from ..losses.weights import class_weights as weights_by_rule
from ..metrics.baseline import BASELINE_FILE
from ..metrics.tally import Report
from ..models.card import ModelCard
from ..models.device import DeviceCount, choose_device, count_devices
from ..models.plugin import Plugin
from ..models.registry import built_in, create_model, get_spec
from ..models.saved import LoadedModel, save_model, write_json
from ..models.size import check_training_memory, warn_of_size
from ..models.specs import unwrapped
from ..models.weights import check_finite
from ..transforms.augment import AUGMENTATIONS
from ..transforms.normalize import Normalization, fit_normalization
from .base import Task
from .baseline.score import baseline_of, check_baseline
from .config import ClassWeights, Precision, TrainConfig
from .data.chip_data import AugmentMode, ChipDataModule
from .data.shares import check_divisible, check_enough
from .fitting import build_trainer, fit, load_best, quiet
from .history import History, OnEpoch, ProgressBar
from .job import TrainingJob
from .plan import Given, TrainingPlan
from .ranks import other_devices
from .registry import get_task
from .schedule import Schedule, ScheduleName
from .scoring import score_samples
from .source import open_labelled
from .workspace import VALIDATION_FILE, Workspace

logger = logging.getLogger(__name__)


def train(
    data: Given,
    out: str | Path,
    *,
    task: str | None = None,
    model: str = "unet",
    width: float | None = None,
    dropout: float | None = None,
    options: Mapping[str, Any] | None = None,
    size: int | None = None,
    epochs: int = 50,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    schedule: ScheduleName = "one_cycle",
    decay_rate: float = 0.1,
    decay_steps: int | None = None,
    weight_decay: float = 1e-2,
    average: float = 0.0,
    loss: str | None = None,
    label_smoothing: float = 0.0,
    class_weights: ClassWeights = None,
    augment: Sequence[str] = AUGMENTATIONS,
    augment_mode: AugmentMode = "random",
    jitter: float = 0.0,
    normalize: str = "mean_std",
    early_stopping: int | None = None,
    baseline: bool = False,
    val: Given | None = None,
    seed: int = 0,
    resume: bool = False,
    device: str = "auto",
    devices: DeviceCount = 1,
    precision: Precision = "auto",
    overwrite: bool = False,
    progress: bool | OnEpoch = True,
) -> Path:
    """Train a network on labelled samples and write a model folder.

    The weights kept are those of the epoch with the lowest validation loss. Equal seeds on equal machines
    give equal models; a training that is stopped and resumed gives the model of one that was not.

    Args:
        data: Chip store, folder of class folders, or a path to one; or a dataset of labelled images. Its
            split `train` is learned from (all samples where there are no splits).
        out: Model folder to write.
        task: What is learned, one of `list_tasks()`. None takes what the labels are: `segmentation` for
            classes of pixels, `classification` for those of images, `pixel_regression` for values of pixels.
        model: One of `list_models()`.
        width: Multiplies the network's channels; None takes the network's own default.
        dropout: Chance that a channel of the deepest layers is left out of a step.
        options: Further options of the network.
        size: Of a folder of pictures: resize each to a square of this side, pixels, here and wherever the
            model is used. None: at their own size; where they have several, cut and padded to the most
            frequent.
        epochs: Passes over the samples.
        batch_size: Samples per step, over all devices together.
        learning_rate: The highest that the schedule reaches.
        schedule: `one_cycle`, `cosine`, `exponential` or `constant`.
        decay_rate, decay_steps: Of `exponential`: the factor, and over how many batches.
        weight_decay: Pull of the convolutions' weights to 0 (AdamW).
        average: Keep, instead of the weights themselves, their running mean over about this share of the
            training (an exponential moving average): 0.1 steadies a training whose scores scatter from seed
            to seed. The mean is what validation scores, what early stopping watches, and what is saved.
        loss: One of `list_losses(kind)` of what is learned, with options (`tversky:alpha=0.3,beta=0.7`), or a
            weighted sum of several (`ce+0.5*dice`); None takes the usual one (`crossentropy` of classes,
            `mse` of values).
        label_smoothing: Of `crossentropy`: eases the pull of labels that may be wrong; 0.1 is usual.
        class_weights: Weights of the classes in the loss: a rule of `losses.class_weights` such as
            `balanced`, one number for each class (or value), or None.
        augment: Rotations and flips, while loading.
        augment_mode: `random`: one or none of them for each chip of a batch. `copies`: each as a full copy
            of the chips, so that six make an epoch seven times as long.
        jitter: Random gain and offset of each band of each chip, while loading, up to this share of its
            spread: 0.2 readies a network for ground that is hazier or brighter than what it learns from.
        normalize: A kind of normalisation, fitted on the training chips and kept with the model.
        early_stopping: Stop after so many epochs without a lower validation loss; None trains all epochs. The
            falling learning rate of `one_cycle` and `cosine` often pays in the last epochs: stop late or not.
        baseline: Of classes of pixels: also learn a random forest from the same chips (the extra `baseline`),
            score it on the same pixels, and keep its figures in `baseline.json`: what a network has to beat.
        val: Samples that choose the weights, as `data`. None takes the split `val` of `data`, else `test` (a
            score on that split is then a little too good), else keeps the last weights.
        seed: Fixes weights, order, augmentation and dropout.
        resume: Go on with an unfinished training in `out`; a finished one is left as it is.
        device: `auto`, `cpu` or `cuda`.
        devices: How many train together, in one process each; `auto` for all GPUs. What comes of it is the
            same up to rounding, but for networks with batch normalisation on processors: there each process
            takes the statistics of its own share of a batch.
        precision: `auto` is bfloat16 on CUDA and float32 elsewhere.
        overwrite: Replace a model or training in `out`.
        progress: True shows a bar on a terminal and logs a line per epoch elsewhere; a function is called
            with each epoch's row and the number of epochs.

    Returns:
        The model folder: `model.json`, `weights.safetensors`, `history.json` and `history.csv` (an epoch a
        row), `validation.json` (accuracy of the weights kept), `baseline.json` (of a forest, where asked
        for), `training.json` (the as-run settings) and `checkpoints/`.

    Raises:
        WriteError: `out` holds a model or training, and neither `overwrite` nor `resume` is given.
        ConfigError: a setting cannot be, or a resumed training had others.
        ModelError: the network or one of its options is unknown.
        ModelError: the training diverged: weights are NaN.
        MissingExtraError: `baseline` is asked for, and scikit-learn is not installed.
        DatasetError: the store has no labels or those of one class only, or validation chips differ in bands
            or classes.
    """
    given = {"width": width, "dropout": dropout}
    chosen = {**(options or {}), **{k: v for k, v in given.items() if v is not None}}
    config = TrainConfig(
        task=task,
        model=model,
        options=chosen,
        size=size,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        decay_rate=decay_rate,
        decay_steps=decay_steps,
        weight_decay=weight_decay,
        average=average,
        loss=loss,
        label_smoothing=label_smoothing,
        class_weights=class_weights,
        augment=tuple(augment),
        augment_mode=augment_mode,
        jitter=jitter,
        normalize=normalize,
        early_stopping=early_stopping,
        baseline=baseline,
        seed=seed,
        precision=precision,
    )
    source = open_labelled(data, size)
    plan = TrainingPlan.of(source, config.task, val and open_labelled(val, size))
    config = replace(config, task=plan.task)
    workspace = Workspace(Path(out))
    run = {"config": config.to_dict(), "chips": plan.to_dict(), "version": __version__}
    place = choose_device(device)
    count = count_devices(devices, place)
    with writing(workspace.folder):
        workspace.folder.parent.mkdir(parents=True, exist_ok=True)
    with hold(workspace.folder):
        workspace.check(run, overwrite=overwrite, resume=resume)
        if workspace.finished and not overwrite:
            logger.info("%s is trained already", workspace.folder)
            return workspace.folder
        # Whatever can be refused is refused before anything is replaced.
        ready = _prepare(config, plan, place, count)
        workspace.open(run, overwrite=overwrite)
        try:
            return _run(config, plan, ready, workspace, progress)
        except BaseException:
            workspace.leave()
            raise


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a training starts with."""

    task: Task
    normalization: Normalization
    data: Callable[[], ChipDataModule]
    """Made in each process."""
    device: str
    devices: int


def _prepare(config: TrainConfig, plan: TrainingPlan, device: str, devices: int) -> _Ready:
    if config.baseline:
        check_baseline(plan)
    check_training_memory(config.model, len(plan.source.bands), plan.outputs, config.options)
    _check_shares(config, plan, devices)
    with quiet():
        seed_everything(config.seed, workers=True, verbose=False)
    outputs, counts = plan.learn_targets()
    statistics = plan.source.statistics("train" if plan.source.splits else None)
    normalization = fit_normalization(config.normalize, statistics)
    weights = _weights(config.class_weights, counts, outputs)
    network = create_model(config.model, len(plan.source.bands), outputs=outputs, **config.options)
    warn_of_size(config.model, network, device)
    task = get_task(plan.task)(
        network,
        outputs,
        inputs=get_spec(config.model).inputs,
        loss=_loss(config),
        class_weights=weights,
        normalization=normalization,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        average=config.average,
        schedule=Schedule(config.schedule, config.decay_rate, config.decay_steps),
        seed=config.seed,
    )
    return _Ready(task, normalization, _data(config, plan, statistics), device, devices)


def _data(
    config: TrainConfig, plan: TrainingPlan, statistics: BandStatistics
) -> Callable[[], ChipDataModule]:
    return partial(
        ChipDataModule,
        plan.source.samples(plan.train),
        plan.judge.samples(plan.val) if plan.judge else None,
        batch_size=config.batch_size,
        augment=config.augment,
        augment_mode=config.augment_mode,
        jitter=config.jitter,
        statistics=statistics,
        seed=config.seed,
    )


def _run(
    config: TrainConfig,
    plan: TrainingPlan,
    ready: _Ready,
    workspace: Workspace,
    progress: bool | OnEpoch,
) -> Path:
    task = ready.task
    bar = ProgressBar()
    on_epoch = progress if callable(progress) else bar.show if progress else None
    history = History(workspace.folder, on_epoch)
    watchers: list[Callback] = [history, bar] if progress is True else [history]
    make_trainer = partial(
        build_trainer,
        workspace,
        epochs=config.epochs,
        device=ready.device,
        devices=ready.devices,
        precision=config.precision,
        validated=plan.judge is not None,
        early_stopping=config.early_stopping,
    )
    job = TrainingJob(make_trainer, workspace.folder, task, ready.data, workspace.last)
    with other_devices(job) as ranks:
        data = ready.data()
        fit(make_trainer(callbacks=watchers, ranks=ranks), task, data, workspace.last)
    validated = load_best(workspace, task)
    _check_converged(task, history, config, validated=validated)
    card = _card(config, plan, task.outputs, ready.normalization)
    if validated:
        model = LoadedModel.of(task.outcome, card, ready.device)
        report = _report(make_trainer(callbacks=[]), task, data, model, plan)
        write_json(workspace.folder / VALIDATION_FILE, report.to_dict(), within=workspace.folder)
        card = replace(card, metrics=report.to_dict(curves=False))
    if config.baseline:
        forest = baseline_of(plan, config.seed, config.batch_size)
        write_json(workspace.folder / BASELINE_FILE, forest.to_dict(), within=workspace.folder)
        for score in forest.scores:
            logger.info("a forest of pixels reaches %s on %s", score.sentence(), score.split)
    return save_model(workspace.folder, task.outcome, card)


def _report(
    trainer: Trainer,
    task: Task,
    data: ChipDataModule,
    model: LoadedModel,
    plan: TrainingPlan,
) -> Report:
    """On the validation samples; of chips, each pixel of the ground once, as `evaluate` counts."""
    if isinstance(plan.judge, ChipStore):
        chosen = np.asarray(plan.val, dtype=np.int64)
        return score_samples(model, plan.judge, chosen, data.batch_size)
    with quiet():
        trainer.validate(task, datamodule=data, verbose=False)
    return task.report()


def _check_converged(task: Task, history: History, config: TrainConfig, *, validated: bool) -> None:
    """Refuse to write a network that answers NaN.

    Raises:
        ModelError: its weights are NaN or infinite, or no validation had a loss.
    """
    fix = (
        "its training diverged, so that no model is written: lower learning_rate "
        f"({config.learning_rate:g}), or check the chips for values far from all others"
    )
    what = f"the trained {config.model}"
    check_finite(task.outcome.state_dict(), what, fix)
    if validated and all(row.val_loss is None for row in history.rows):
        raise ModelError(f"{what} answers NaN on the validation chips; {fix}")


def _loss(config: TrainConfig) -> str | Loss | None:
    if config.label_smoothing:
        return partial(cross_entropy, label_smoothing=config.label_smoothing)
    return config.loss


def _weights(rule: ClassWeights, counts: np.ndarray, outputs: Outputs) -> tuple[float, ...] | None:
    if rule is None:
        return None
    if isinstance(rule, str):
        return weights_by_rule(counts.tolist(), rule)
    weights = tuple(float(weight) for weight in rule)
    if len(weights) != outputs.channels or min(weights) < 0 or max(weights) == 0:
        raise ModelError(
            f"class_weights are {weights}; give one number, 0 or more, for each of {', '.join(outputs.names)}"
        )
    return weights


def _check_shares(config: TrainConfig, plan: TrainingPlan, devices: int) -> None:
    copies = 1 + len(config.augment) if config.augment_mode == "copies" else 1
    check_divisible(config.batch_size, copies * len(plan.train), devices)
    check_enough(len(plan.val), devices)


def _card(
    config: TrainConfig, plan: TrainingPlan, outputs: Outputs, normalization: Normalization
) -> ModelCard:
    source, spec = plan.source, get_spec(config.model)
    grid = source.grid(plan.train[0])
    if grid is not None and grid.crs is None:
        grid = None
    return ModelCard(
        architecture=config.model,
        options=config.to_dict()["options"],
        bands=source.bands,
        outputs=outputs,
        dates=spec.dates,
        normalization=normalization.to_dict(),
        dtype=str(source.dtype),
        gsd=None if grid is None else math.sqrt(abs(grid.affine.determinant)),
        gsd_unit="metre" if grid is None else str(grid.crs.units[0]),
        chip_size_px=source.size[0],
        plugin=None if built_in(config.model) else Plugin.of(unwrapped(spec.build)),
        config={**config.to_dict(), "chips": plan.to_dict()},
    )
