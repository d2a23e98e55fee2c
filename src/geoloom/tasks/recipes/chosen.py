"""The settings of a training with those of a recipe, where its labels or its settings ask for one."""

from __future__ import annotations

import logging
from typing import Any

from ...chips.store import ChipStore
from ...core.errors import ConfigError
from ...core.outputs import ClassOutputs
from ...core.settings.configs import given_settings
from ...transforms.augment import turns_of
from ..training.config import TrainConfig, jitters
from ..training.plan import TrainingPlan
from .few_labels import MOST_PIXELS, NETWORK, Choice, choices, is_sparse
from .ground import LabelledGround, labelled_ground

logger = logging.getLogger(__name__)


def with_recipe(config: TrainConfig, plan: TrainingPlan) -> TrainConfig:
    """The settings that a training runs with; a warning says which are a recipe's, and why.

    A setting that was given stays as it is. `recipe` becomes what was decided: `few_labels` or `none`.

    Raises:
        ConfigError: the recipe is asked for, and the training is of another kind than it is for.
    """
    asked = config.recipe == "few_labels"
    if config.recipe == "none" or not (_is_for(config, plan, refuse=asked)):
        return _with(config, {}, "none")
    assert isinstance(plan.outputs, ClassOutputs)  # `_is_for` has looked
    background = bool(plan.outputs.classes.transparent)
    # Plots with a background are labelled throughout; there the recipe was tried, and gained nothing sure.
    ground = None if background else _ground(plan)
    if not asked and not is_sparse(ground):
        return _with(config, {}, "none")
    copies = 1 + len(turns_of(config.augmentations)) if config.augment_mode == "copies" else 1
    recipe = choices(copies * len(plan.train), config.batch_size, background=background)
    taken = {name: choice for name, choice in recipe.items() if not _given(config, name)}
    _say(ground, taken, asked=asked)
    return _with(config, {name: choice.value for name, choice in taken.items()}, "few_labels")


def _is_for(config: TrainConfig, plan: TrainingPlan, *, refuse: bool) -> bool:
    """Whether the recipe fits the kind of training at all."""
    outputs = plan.outputs
    classes = isinstance(outputs, ClassOutputs) and not outputs.multilabel
    per_pixel = outputs.gives == "pixels" and isinstance(plan.source, ChipStore)
    if classes and per_pixel and config.model == NETWORK and config.weights is None:
        return True
    if refuse:
        raise ConfigError(
            f"recipe few_labels is for classes of pixels in a chip store and the network {NETWORK} from "
            f"random weights; found {outputs.short} in {plan.source.path}, the network {config.model} and "
            f"weights {config.weights}: leave recipe out"
        )
    return False


def _ground(plan: TrainingPlan) -> LabelledGround | None:
    assert isinstance(plan.source, ChipStore)  # `_is_for` has looked
    return labelled_ground(plan.source, plan.train, MOST_PIXELS)


def _given(config: TrainConfig, name: str) -> bool:
    if name == "jitter" and jitters(config.augmentations):
        return True
    return name in config.given or name in config.network_options


def _with(config: TrainConfig, taken: dict[str, Any], recipe: str) -> TrainConfig:
    given = given_settings(config)
    if "depth" in taken:
        given["options"] = {**(config.options or {}), "depth": taken["depth"]}
    own = {name: value for name, value in taken.items() if name != "depth"}
    return TrainConfig(**{**own, **given, "recipe": recipe})


def _say(ground: LabelledGround | None, taken: dict[str, Choice], *, asked: bool) -> None:
    if asked or ground is None:
        found = "the recipe for few labels was asked for"
    else:
        found = (
            f"few labels: {ground.places} places of together {ground.pixels:,} pixels, "
            f"{ground.share:.2g} of the ground that the training chips show"
        )
    settings = "; ".join(
        f"{_written(name, choice.value)} ({choice.why})" for name, choice in taken.items()
    )
    what = f"settings taken for them: {settings}" if taken else "all settings were given"
    logger.warning(
        "%s\n%s\na setting that is given is kept, and recipe='none' (--recipe none) leaves all of them out",
        found,
        what,
    )


def _written(name: str, value: Any) -> str:
    """As on the command line."""
    return f"--option depth={value}" if name == "depth" else f"--{name.replace('_', '-')} {value}"
