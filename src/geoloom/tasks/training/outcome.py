"""What comes of a training: whether it converged, how good the weights kept are, and the model's card."""

from __future__ import annotations

import math

import numpy as np
from lightning.pytorch import Trainer

from ...chips.store import ChipStore
from ...core.errors import ModelError
from ...metrics.tally import Report
from ...models.card import ModelCard
from ...models.listing import get_spec
from ...models.plugin import Plugin
from ...models.registry import built_in
from ...models.saved import LoadedModel
from ...models.specs import unwrapped
from ...models.weights import check_finite
from ..base import Task
from ..data.chip_data import ChipDataModule
from ..fitting import quiet
from ..history import History
from ..scoring import score_samples
from .config import TrainConfig
from .plan import TrainingPlan
from .setup import TrainingSetup


def check_converged(task: Task, history: History, config: TrainConfig, *, validated: bool) -> None:
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


def validation_report(
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


def card_of(config: TrainConfig, plan: TrainingPlan, setup: TrainingSetup) -> ModelCard:
    """What the model folder says about the model, its figures aside."""
    source, spec = plan.source, get_spec(config.model)
    grid = source.grid(plan.train[0])
    if grid is not None and grid.crs is None:
        grid = None
    return ModelCard(
        architecture=config.model,
        options=config.to_dict()["options"],
        bands=source.bands,
        outputs=setup.task.outputs,
        dates=spec.dates_of(config.to_dict()["options"]),
        normalization=setup.normalization.to_dict(),
        dtype=str(source.dtype),
        gsd=None if grid is None else math.sqrt(abs(grid.affine.determinant)),
        gsd_unit="metre" if grid is None else str(grid.crs.units[0]),
        chip_size_px=source.size[0],
        initial_weights=setup.begun,
        plugin=None if built_in(config.model) else Plugin.of(unwrapped(spec.build)),
        config={**config.to_dict(), "chips": plan.to_dict()},
    )
