"""A network and a forest learned from the same chips, scored on the same pixels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import geoloom as gl
from geoloom.core.outputs import ClassOutputs
from geoloom.tasks.baseline.forest import PixelForest
from geoloom.tasks.baseline.pixels import draw_pixels
from geoloom.tasks.training.config import Recipe
from geoloom.tasks.training.plan import TrainingPlan

from .cases import Draw

Figures = dict[str, tuple[float, float]]
"""Accuracy and mean F1, by what was scored."""


def by_network(draw: Draw, out: Path, seed: int, recipe: Recipe) -> tuple[Figures, float]:
    """Figures, and seconds of training; all settings but the recipe are left to `train`."""
    began = time.perf_counter()
    gl.train(
        draw.chips, out, recipe=recipe, seed=seed, device="cpu", progress=False, overwrite=True
    )
    seconds = time.perf_counter() - began
    return figures(draw, out), seconds


def by_forest(draw: Draw, out: Path, seed: int, *, balanced: bool = False) -> tuple[Figures, float]:
    """Likewise; nothing is written. As of `train --baseline`, or with classes that weigh alike."""
    began = time.perf_counter()
    plan = TrainingPlan.of(draw.chips)
    outputs = plan.outputs
    assert isinstance(outputs, ClassOutputs)
    pixels = draw_pixels(plan.source, plan.train, outputs.channels, seed)
    if balanced:
        weights = 1 / np.bincount(pixels.classes)[pixels.classes]
        pixels = replace(pixels, weights=weights / weights.mean())
    forest = PixelForest(pixels, outputs, seed)
    seconds = time.perf_counter() - began
    return figures(draw, forest), seconds


def figures(draw: Draw, model: Any) -> Figures:
    return {what: (a.overall_accuracy, a.mean_f1) for what, a in draw.scores(model)}


METHODS: dict[str, Callable[[Draw, Path, int], tuple[Figures, float]]] = {
    "recipe": partial(by_network, recipe="few_labels"),
    "forest": by_forest,
    "balanced forest": partial(by_forest, balanced=True),
    "no recipe": partial(by_network, recipe="none"),
}
