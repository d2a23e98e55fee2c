"""Boxes around things, each with a class, and their masks where these are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..classes import Classes
from ..gives import Gives
from ..jsonfile import JsonValue
from .base import Activation, Kind, OutputsBase, counted
from .target import TARGETS, Target
from .written import WrittenFeatures


@dataclass(frozen=True, slots=True)
class BoxOutputs(OutputsBase):
    """Any number of boxes per image, each with a class and a score in [0, 1].

    Classes do not count the background, which some networks have as a class of its own.

    Example:
        >>> BoxOutputs(Classes.of(["ship"]), masks=True).short
        'boxes and masks of 1 class (ship)'
    """

    classes: Classes
    masks: bool = False
    """Whether each box comes with the outline of what is in it."""

    @property
    def kind(self) -> Kind:
        """`boxes`."""
        return "boxes"

    @property
    def gives(self) -> Gives:
        """Boxes."""
        return "boxes"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes."""
        return self.classes.names

    @property
    def activation(self) -> Activation:
        """None: networks that find boxes score them by themselves."""
        return "none"

    @property
    def targets(self) -> tuple[Target, ...]:
        """`boxes`, `box_labels` and, with masks, `box_masks`."""
        return TARGETS[self.kind, "instance" if self.masks else "box"]

    @property
    def written(self) -> WrittenFeatures:
        """A polygon a box, with class and score."""
        fields = (("class", "str"), ("code", "uint8"), ("score", "float32"))
        return WrittenFeatures(fields, "mask" if self.masks else "box", self.classes)

    @property
    def scores(self) -> None:
        """None: each box carries its own."""
        return

    @property
    def default_loss(self) -> None:
        """None: networks that find boxes bring their own."""
        return

    @property
    def mlm_task(self) -> str:
        """Detection of objects, or segmentation of instances."""
        return "instance-segmentation" if self.masks else "object-detection"

    @property
    def short(self) -> str:
        """In a few words."""
        what = "boxes and masks" if self.masks else "boxes"
        return f"{what} of {counted('class', 'classes', self.names)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, "classes": self.classes.to_dict(), "masks": self.masks}

    @classmethod
    def from_json(cls, value: JsonValue) -> BoxOutputs:
        """What `to_dict` wrote; raises as `read_outputs`."""
        return cls(Classes.from_json(value["classes"]), value["masks"].truth())
