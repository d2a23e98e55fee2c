"""Train a network on a chip store."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
)

from ..listener import Listener
from .base import BatchSize, Devices, Seed, Step, as_list, as_names, labelled_samples, named

if TYPE_CHECKING:
    from ...tasks.training.config import TrainConfig


class Train(Step):
    """`geoloom train`: labelled samples in, a model folder out."""

    verb = "train"
    reads = ("chips", "val")
    resumable = True
    makes_folder = True
    incidental: ClassVar = frozenset({"device", "devices", "resume"})

    chips: Path
    out: Path
    task: str | None = None
    model: str = "unet"
    width: PositiveFloat | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    options: dict[str, float | int | bool | str] | None = None
    weights: str | None = None
    missing_bands: Literal["mean", "zeros", "fresh"] = "mean"
    weights_bands: Annotated[tuple[str, ...] | None, BeforeValidator(as_names)] = None
    size: PositiveInt | None = None
    epochs: Annotated[int, Field(gt=0, le=1_000_000)] = 50
    batch_size: BatchSize = 16
    learning_rate: PositiveFloat = 3e-3
    schedule: Literal["one_cycle", "cosine", "exponential", "constant"] = "one_cycle"
    decay_rate: PositiveFloat = 0.1
    decay_steps: PositiveInt | None = None
    weight_decay: NonNegativeFloat = 1e-2
    average: Annotated[float, Field(ge=0, le=1)] = 0.0
    keep: Literal["best", "last"] = "best"
    loss: str | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: str | tuple[float, ...] | None = None
    augment: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ("all",)
    augment_mode: Literal["random", "copies"] = "random"
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.0
    normalize: str = "mean_std"
    early_stopping: PositiveInt | None = None
    recipe: Literal["auto", "few_labels", "none"] = "auto"
    baseline: bool = False
    val: Path | None = None
    seed: Seed = 0
    device: str = "auto"
    devices: Devices = 1
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    resume: bool = False

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """The samples, and weights that are given as a folder or file."""
        from ...models.pretrained.table import is_path

        begin = (("weights", Path(self.weights)),) if self.weights and is_path(self.weights) else ()
        return (*super().inputs(), *begin)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Names that are not known, and options that the network has not."""
        from ...core.errors import ConfigError, ModelError
        from ...losses.registry import check_loss
        from ...losses.weights import check_weight_rule
        from ...models.listing import get_spec
        from ...models.pretrained.find import find_weights
        from ...models.pretrained.table import is_path
        from ...models.registry import check_options
        from ...tasks.registry import get_task, list_tasks
        from ...tasks.training.config import jitters
        from ...transforms.augment import chosen_augmentations
        from ...transforms.normalize import list_normalizations

        yield from labelled_samples("chips", self.chips)
        if self.val is not None:
            yield from labelled_samples("val", self.val)
        if self.task is not None and self.task not in list_tasks():
            yield from named("task", self.task, list_tasks())
            return
        if self.loss is not None:
            kind = None if self.task is None else get_task(self.task).kind
            try:
                check_loss(self.loss, kind)
            except ConfigError as error:
                yield "loss", str(error)
        if isinstance(self.class_weights, str):
            try:
                check_weight_rule(self.class_weights)
            except ConfigError as error:
                yield "class_weights", str(error)
        try:
            augmentations = chosen_augmentations(self.augment)
        except ConfigError as error:
            yield "augment", str(error)
        else:
            if self.jitter and jitters(augmentations):
                yield "jitter", f"augment has {jitters(augmentations)}; leave one out"
        yield from named("normalize", self.normalize, list_normalizations())
        own = {"width": self.width, "dropout": self.dropout}
        given = {name: value for name, value in own.items() if value is not None}
        for name in given.keys() & (self.options or {}).keys():
            yield name, "is among the options, too; leave one out"
        options = {**(self.options or {}), **given}
        model = self.model
        begin = self.weights
        if begin is not None and is_path(begin) and not Path(begin).exists():
            if "model" not in self.model_fields_set:
                return  # made by an earlier step, perhaps, and its card will say
        else:
            try:
                known = find_weights(begin, model, options, self.weights_bands)
            except ModelError as error:
                yield "weights", str(error)
                return
            if known is not None and "model" not in self.model_fields_set:
                model = known.architecture or model
        try:
            get_spec(model)
        except ModelError as error:
            yield "model", str(error)
            return
        try:
            check_options(model, options)
        except ModelError as error:
            yield "options", str(error)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Train it."""
        from ...models.saved import read_card
        from ...tasks.train import train

        train(
            self.chips,
            self.out,
            self.config(),
            val=self.val,
            resume=resume,
            overwrite=overwrite,
            progress=_progress(listener),
        )
        return {**_figures(read_card(self.out).metrics), **self._forest()}

    def _forest(self) -> dict[str, Any]:
        """What the forest reaches on the samples that the network's figures are of."""
        from ...metrics.baseline import Baseline

        known = Baseline.read(self.out) if self.baseline else None
        if known is None:
            return {}
        accuracy = known.scores[0].accuracy
        return {"forest_accuracy": accuracy.overall_accuracy, "forest_mean_f1": accuracy.mean_f1}

    def config(self) -> TrainConfig:
        """The settings of the training, those alone that were given."""
        from ...tasks.training.config import TrainConfig

        names = [f.name for f in fields(TrainConfig) if f.name in self.model_fields_set]
        return TrainConfig(**{name: getattr(self, name) for name in names})

    def sentence(self, result: dict[str, Any]) -> str:
        """Where the model is and how good it is."""
        if "r2" in result or "mean_r2" in result:
            shown = (
                f"{_TITLES[name]} {value:.4g}" for name, value in result.items() if name in _TITLES
            )
            return f"{self.out} is trained: validation {', '.join(shown)}"
        if "accuracy" not in result:
            return f"{self.out} is trained; no validation chips, so no figures"
        forest = ""
        if "forest_accuracy" in result:
            forest = (
                f"\na forest on the same pixels: accuracy {result['forest_accuracy']:.3f}, "
                f"mean F1 {result['forest_mean_f1']:.3f}"
            )
        return (
            f"{self.out} is trained: validation accuracy {result['accuracy']:.3f}, "
            f"mean F1 {result['mean_f1']:.3f}{forest}"
        )


def _progress(listener: Listener) -> bool | Callable[..., None]:
    """The trainer's own bar on a terminal; a line per epoch in a pipe."""
    if listener.quiet:
        return False
    if listener.interactive:
        return True
    from ...tasks.history import describe

    return lambda row, epochs: listener.say(describe(row, epochs))


_TITLES = {"rmse": "RMSE", "mae": "MAE", "r2": "R2", "mean_r2": "mean R2"}
"""Figures of values, as they are printed."""


def _figures(metrics: dict[str, Any]) -> dict[str, Any]:
    """The few figures that a record keeps, of those of the model's card."""
    if not metrics:
        return {}
    if "values" not in metrics:
        return {"accuracy": metrics["overall_accuracy"], "mean_f1": metrics["mean_f1"]}
    from ...metrics.value_accuracy import ValueAccuracy

    headline = ValueAccuracy.from_dict(metrics).headline()
    return {name: value for name, value in headline.items() if math.isfinite(value)}
