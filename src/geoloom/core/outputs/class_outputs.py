"""Classes, one or several at once, for each pixel or for an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from ..classes import MAX_CODE, Classes
from ..errors import ModelError
from ..gives import Gives
from ..jsonfile import JsonValue
from .base import Activation, Kind, OutputsBase, Per, counted, gives_per
from .target import TARGETS, Target
from .written import WrittenRaster


@dataclass(frozen=True, slots=True)
class ClassOutputs(OutputsBase):
    """One score a class. Changes from one class to another are classes with `before` and `after`.

    Raises:
        ModelError: `per` is another word, or the temperature is not above 0.

    Example:
        >>> outputs = ClassOutputs(Classes.of(["forest", "water"]))
        >>> outputs.channels, outputs.activation, outputs.target.key, outputs.short
        (2, 'softmax', 'mask', '2 classes (forest, water) per pixel')
    """

    classes: Classes
    multilabel: bool = False
    """Whether several classes may be present at once."""
    per: Per = "pixel"
    temperature: float = 1.0
    """What raw answers are divided by, so that scores are as frequent as they say."""

    def __post_init__(self) -> None:
        check_per(self.per)
        if not (isfinite(self.temperature) and self.temperature > 0):
            raise ModelError(
                f"the temperature is {self.temperature}; give a finite number above 0, 1 for none"
            )

    @property
    def kind(self) -> Kind:
        """`classes`, or `multilabel` where several may be present at once."""
        return "multilabel" if self.multilabel else "classes"

    @property
    def gives(self) -> Gives:
        """As `per` says."""
        return gives_per(self.per)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes."""
        return self.classes.names

    @property
    def activation(self) -> Activation:
        """Softmax where one class excludes the others."""
        return "sigmoid" if self.multilabel else "softmax"

    @property
    def targets(self) -> tuple[Target, ...]:
        """`mask`, `label` or `multilabel`."""
        return TARGETS[self.kind, self.per]

    @property
    def written(self) -> WrittenRaster:
        """One uint8 band of codes; or, for several classes at once, a band of 0 and 1 each."""
        if not self.multilabel:
            nodata = self.classes.nodata
            return WrittenRaster(("class",), (None,), "uint8", nodata, "largest", self.classes)
        return WrittenRaster(self.names, (None,) * len(self.names), "uint8", MAX_CODE, "each")

    @property
    def scores(self) -> WrittenRaster:
        """One float32 band of probabilities per class."""
        return WrittenRaster.of_numbers(self.names)

    @property
    def default_loss(self) -> str:
        """Cross-entropy, of each class by itself where several may be present."""
        return "bce" if self.multilabel else "crossentropy"

    @property
    def mlm_task(self) -> str:
        """By what is answered."""
        return "semantic-segmentation" if self.per == "pixel" else "classification"

    @property
    def short(self) -> str:
        """In a few words."""
        several = " at once" if self.multilabel else ""
        return f"{counted('class', 'classes', self.names)}{several} per {self.per}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "classes": self.classes.to_dict(),
            "per": self.per,
            "temperature": self.temperature,
        }

    @classmethod
    def from_json(cls, value: JsonValue, *, multilabel: bool) -> ClassOutputs:
        """What `to_dict` wrote; raises as `read_outputs`."""
        given = value.get("temperature")
        temperature = 1.0 if given is None else given.number()
        if given is not None and not temperature > 0:
            raise given.refusal("a number above 0")
        return cls(Classes.from_json(value["classes"]), multilabel, read_per(value), temperature)


def check_per(per: str) -> None:
    """Refuse another word.

    Raises:
        ModelError: it is none of the two.
    """
    if per not in ("pixel", "image"):
        raise ModelError(f"per={per!r} is neither 'pixel' nor 'image'; give one of the two")


def read_per(value: JsonValue) -> Per:
    """The value under `per`, which has to be there."""
    return "pixel" if value["per"].one_of(("pixel", "image")) == "pixel" else "image"
