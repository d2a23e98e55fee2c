"""The settings of a training, checked before any work and kept with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from ..core.errors import ConfigError, suggest
from ..losses.registry import check_loss, full_name
from ..losses.weights import check_weight_rule
from ..models.registry import check_options, model_options
from ..transforms.augment import AUGMENTATIONS, check_augmentations
from .data.chip_data import AugmentMode
from .registry import get_task
from .schedule import ScheduleName

ClassWeights = str | Sequence[float] | None
"""A rule of `class_weights`, or one number for each class or value."""
Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train. `train` explains each setting.

    Raises:
        ConfigError: a value cannot be; the message names the setting.
        ModelError: the network or one of its options is unknown.
    """

    task: str | None = None
    """None takes the one that learns labels of the kind that there are; see `registry.usual_task`."""
    model: str = "unet"
    options: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 3e-3
    schedule: ScheduleName = "one_cycle"
    decay_rate: float = 0.1
    decay_steps: int | None = None
    weight_decay: float = 1e-2
    average: float = 0.0
    loss: str | None = None
    """None takes the usual one of the task's outputs."""
    label_smoothing: float = 0.0
    class_weights: ClassWeights = None
    augment: tuple[str, ...] = AUGMENTATIONS
    augment_mode: AugmentMode = "random"
    jitter: float = 0.0
    normalize: str = "mean_std"
    early_stopping: int | None = None
    baseline: bool = False
    seed: int = 0
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        check_options(self.model, dict(self.options))
        kind = None if self.task is None else get_task(self.task).kind
        if self.loss is not None:
            check_loss(self.loss, kind)
        check_augmentations(self.augment)
        choices = {
            "schedule": get_args(ScheduleName),
            "augment_mode": get_args(AugmentMode),
            "precision": get_args(Precision),
        }
        if isinstance(self.class_weights, str):
            check_weight_rule(self.class_weights)
        for name, known in choices.items():
            value = getattr(self, name)
            if value not in known:
                raise ConfigError(f"{name} is {value!r}{suggest(value, known)}")
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("size", 1)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least {least}")
        if self.early_stopping is not None and self.early_stopping < 1:
            raise ConfigError(
                f"early_stopping is {self.early_stopping}; give the epochs to wait, at least 1, or None"
            )
        if not self.learning_rate > 0 or self.weight_decay < 0:
            raise ConfigError(
                f"learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; "
                "give more than 0, and 0 or more"
            )
        if not 0 <= self.jitter < 1:
            raise ConfigError(
                f"jitter is {self.jitter}; give 0 (none) or more, below 1, such as 0.2"
            )
        if not 0 <= self.average <= 1:
            raise ConfigError(
                f"average is {self.average}; give a share of the training, 0 (no mean of the weights) to 1"
            )
        if self.label_smoothing and not (kind in (None, "classes") and _smoothable(self.loss)):
            raise ConfigError(
                "label_smoothing is part of the loss 'crossentropy', not of "
                f"{self.loss or f'the losses of {kind}'!r}; leave it out"
            )
        if self.baseline and kind not in (None, "classes"):
            raise ConfigError(
                f"baseline is a forest of classes, and {self.task} learns {kind}; leave it out"
            )
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"label_smoothing is {self.label_smoothing}; give 0 or more, below 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the network's defaults spelled out."""
        plain = asdict(self)
        plain["options"] = {**model_options(self.model), **self.options}
        plain["augment"] = list(self.augment)
        if self.class_weights is not None and not isinstance(self.class_weights, str):
            plain["class_weights"] = [float(weight) for weight in self.class_weights]
        return plain

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What differs from settings that `to_dict` gave, as `name: theirs -> ours`."""
        own = self.to_dict()
        return [
            f"{f.name}: {other.get(f.name)!r} -> {own[f.name]!r}"
            for f in fields(self)
            if other.get(f.name) != own[f.name]
        ]


def _smoothable(loss: str | None) -> bool:
    """Whether a loss is the one that `label_smoothing` belongs to."""
    return loss is None or full_name(loss) == "crossentropy"
