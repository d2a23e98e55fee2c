"""Training: from chips to a model folder."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Unpack

from lightning.pytorch import Callback

from .._version import __version__
from ..core.files import hold, writing
from ..core.settings.configs import configured
from ..metrics.baseline import BASELINE_FILE
from ..models.device import choose_device, count_devices
from ..models.saved import LoadedModel, save_model, write_json
from .baseline.score import baseline_of
from .fitting import build_trainer, fit, load_best
from .history import History, OnEpoch, ProgressBar
from .ranks import other_devices
from .recipes.chosen import with_recipe
from .source import open_labelled
from .training.config import TrainConfig, TrainSettings
from .training.job import TrainingJob
from .training.outcome import card_of, check_converged, validation_report
from .training.plan import Given, TrainingPlan
from .training.setup import TrainingSetup
from .training.workspace import VALIDATION_FILE, Workspace

logger = logging.getLogger(__name__)


def train(
    data: Given,
    out: str | Path,
    config: TrainConfig | None = None,
    *,
    val: Given | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool | OnEpoch = True,
    **settings: Unpack[TrainSettings],
) -> Path:
    """Train a network on labelled samples and write a model folder.

    The weights kept are those of the epoch with the lowest validation loss, or with `keep` those of the last
    epoch. Where labels are few, settings that are not given are those of a recipe, which a warning names; see
    `TrainConfig.recipe`. Equal seeds on equal machines
    give equal models, whether the settings come from Python, the command line or a project file; a training
    that is stopped and resumed gives the model of one that was not.

    Args:
        data: Chip store, folder of class folders, or a path to one; or a dataset of labelled images. Its
            split `train` is learned from (all samples where there are no splits).
        out: Model folder to write.
        config: What is learned, by which network and how; `TrainConfig` explains each setting.
        val: Samples that choose the weights, as `data`. None takes the split `val` of `data`, else `test` (a
            score on that split is then a little too good), else keeps the last weights.
        resume: Go on with an unfinished training in `out`; a finished one is left as it is.
        overwrite: Replace a model or training in `out`.
        progress: True shows a bar on a terminal and logs a line per epoch elsewhere; a function is called
            with each epoch's row and the number of epochs.
        settings: Fields of `TrainConfig` by name, such as `epochs=20`, in place of those of `config`.

    Returns:
        The model folder: `model.json`, `weights.safetensors`, `history.json` and `history.csv` (an epoch a
        row), `validation.json` (accuracy of the weights kept), `baseline.json` (of a forest, where asked
        for), `training.json` (the as-run settings) and `checkpoints/`.

    Raises:
        WriteError: `out` holds a model or training, and neither `overwrite` nor `resume` is given.
        ConfigError: a setting is unknown or cannot be, or a resumed training had others.
        ModelError: the network or one of its options is unknown.
        ModelError: the training diverged: weights are NaN.
        MissingExtraError: `baseline` is asked for, and scikit-learn is not installed.
        DatasetError: the store has no labels or those of one class only, or validation chips differ in bands
            or classes.

    Example:
        >>> train("chips.zarr", "model/", epochs=20, model="fcn8s", width=0.25)  # doctest: +SKIP
        PosixPath('model')
    """
    chosen = configured(TrainConfig, config, settings)
    source = open_labelled(data, chosen.size)
    judge = None if val is None else open_labelled(val, chosen.size)
    plan = TrainingPlan.of(source, chosen.task, judge)
    chosen = with_recipe(configured(TrainConfig, chosen, {"task": plan.task}), plan)
    plan.warn(chosen.keep)
    workspace = Workspace(Path(out))
    run = {"config": chosen.to_dict(), "chips": plan.to_dict(), "version": __version__}
    device = choose_device(chosen.device)
    devices = count_devices(chosen.devices, device)
    with writing(workspace.folder):
        workspace.folder.parent.mkdir(parents=True, exist_ok=True)
    with hold(workspace.folder):
        workspace.check(run, overwrite=overwrite, resume=resume)
        if workspace.finished and not overwrite:
            logger.info("%s is trained already", workspace.folder)
            return workspace.folder
        # Whatever can be refused is refused before anything is replaced.
        setup = TrainingSetup.of(chosen, plan, device, devices)
        workspace.open(run, overwrite=overwrite)
        try:
            return _run(chosen, plan, setup, workspace, progress)
        except BaseException:
            workspace.leave()
            raise


def _run(
    config: TrainConfig,
    plan: TrainingPlan,
    setup: TrainingSetup,
    workspace: Workspace,
    progress: bool | OnEpoch,
) -> Path:
    task = setup.task
    bar = ProgressBar()
    on_epoch = progress if callable(progress) else bar.show if progress else None
    history = History(workspace.folder, on_epoch)
    watchers: list[Callback] = [history, bar] if progress is True else [history]
    make_trainer = partial(
        build_trainer,
        workspace,
        epochs=config.epochs,
        device=setup.device,
        devices=setup.devices,
        precision=config.precision,
        validated=plan.judge is not None,
        keep_best=config.keep == "best",
        early_stopping=config.early_stopping,
    )
    job = TrainingJob(make_trainer, workspace.folder, task, setup.data, workspace.last)
    with other_devices(job) as ranks:
        data = setup.data()
        fit(make_trainer(callbacks=watchers, ranks=ranks), task, data, workspace.last)
    validated = load_best(workspace, task) if config.keep == "best" else plan.judge is not None
    check_converged(task, history, config, validated=validated)
    card = card_of(config, plan, setup)
    if validated:
        model = LoadedModel.of(task.outcome, card, setup.device)
        report = validation_report(make_trainer(callbacks=[]), task, data, model, plan)
        write_json(workspace.folder / VALIDATION_FILE, report.to_dict(), within=workspace.folder)
        card = replace(card, metrics=report.to_dict(curves=False))
    if config.baseline:
        forest = baseline_of(plan, config.seed, config.batch_size)
        write_json(workspace.folder / BASELINE_FILE, forest.to_dict(), within=workspace.folder)
        for score in forest.scores:
            logger.info("a forest of pixels reaches %s on %s", score.sentence(), score.split)
    return save_model(workspace.folder, task.outcome, card)
