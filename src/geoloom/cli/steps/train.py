"""Train a network on a chip store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from ..terminal import Terminal
from .base import Step, as_list

AUGMENTATIONS = (
    "rot90",
    "rot180",
    "rot270",
    "flip_left_right",
    "flip_up_down",
    "flip_transpose",
)
Augmentation = Literal[
    "rot90", "rot180", "rot270", "flip_left_right", "flip_up_down", "flip_transpose", "none"
]


class Train(Step):
    """`geoloom train`: chips in, a model folder out."""

    verb = "train"
    reads = ("chips",)
    incidental: ClassVar = frozenset({"device", "precision", "resume"})

    chips: Path
    out: Path
    model: str = "unet"
    epochs: PositiveInt = 50
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = 1e-3
    loss: str = "crossentropy"
    class_weights: Literal["balanced"] | tuple[float, ...] | None = None
    width: PositiveFloat | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    normalize: str = "mean_std"
    augment: Annotated[tuple[Augmentation, ...], BeforeValidator(as_list)] = AUGMENTATIONS
    augment_mode: Literal["random", "copies"] = "random"
    patience: PositiveInt | None = None
    seed: NonNegativeInt = 0
    device: str = "auto"
    precision: str = "auto"
    resume: bool = False

    def problems(self) -> Iterator[tuple[str, str]]:
        from ...core.errors import suggest
        from ...models.registry import list_models

        if self.model not in list_models():
            yield "model", f"no model is named {self.model!r}{suggest(self.model, list_models())}"

    def perform(self, terminal: Terminal, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        raise NotImplementedError
