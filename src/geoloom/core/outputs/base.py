"""What every kind of outputs says about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from ..errors import ConfigError
from ..gives import Gives
from .target import Target
from .written import WrittenFeatures, WrittenRaster

Kind = Literal["classes", "multilabel", "values", "boxes", "features"]
"""By which other packages look up what is theirs: loss, tally, section of a report."""

Per = Literal["pixel", "image"]
"""Whether there is an answer for each pixel, or one for the whole image."""

Activation = Literal["softmax", "sigmoid", "none"]
"""What turns a network's raw answers into scores."""

_MOST_NAMED = 4


class OutputsBase(ABC):
    """What is asked of outputs, whatever their kind.

    From raw to finished answers, along the channels: `activation(raw / temperature) * std + mean`, where a
    `mean` of None leaves the numbers as they are.
    """

    __slots__ = ()

    @property
    def temperature(self) -> float:
        """What raw answers are divided by before the activation; 1 leaves them alone."""
        return 1.0

    @property
    def mean(self) -> tuple[float, ...] | None:
        """Of each target, in its unit; None where answers are not standardised."""
        return None

    @property
    def std(self) -> tuple[float, ...] | None:
        """Likewise."""
        return None

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """Which kind it is, also in JSON."""

    @property
    @abstractmethod
    def gives(self) -> Gives:
        """What the network has to give."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What each channel is, in order."""

    @property
    @abstractmethod
    def activation(self) -> Activation:
        """What turns raw answers into scores."""

    @property
    @abstractmethod
    def targets(self) -> tuple[Target, ...]:
        """What a sample must hold to learn from it, the main one first; empty where labels are not needed."""

    @property
    @abstractmethod
    def written(self) -> WrittenRaster | WrittenFeatures:
        """How finished answers are written to a map."""

    @property
    @abstractmethod
    def scores(self) -> WrittenRaster | None:
        """How scores are written beside the map; None where the map holds all there is."""

    @property
    @abstractmethod
    def default_loss(self) -> str | None:
        """The default loss; None where network or task bring their own."""

    @property
    @abstractmethod
    def mlm_task(self) -> str:
        """The word for the task in STAC's Machine Learning Model extension."""

    @property
    @abstractmethod
    def short(self) -> str:
        """In a few words, for messages."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the kind under `kind`; `outputs_from_dict` reads them."""

    @property
    def channels(self) -> int:
        """How many the network has to give."""
        return len(self.names)

    @property
    def axes(self) -> tuple[str, ...]:
        """Of a raw answer without its batch: (K, H, W) per pixel, else (K,)."""
        return ("K", "H", "W") if self.gives == "pixels" else ("K",)

    @property
    def target(self) -> Target:
        """The main target.

        Raises:
            ConfigError: the outputs are learned without labels.
        """
        if not self.targets:
            raise ConfigError(
                f"{self.short} are learned without labels: no key of a sample is the target"
            )
        return self.targets[0]


def gives_per(per: Per) -> Gives:
    """What a network has to give that answers per pixel or per image."""
    return "pixels" if per == "pixel" else "image"


def counted(noun: str, plural: str, names: tuple[str, ...]) -> str:
    """How many there are, and the first of their names.

    Example:
        >>> counted("class", "classes", ("forest", "water"))
        '2 classes (forest, water)'
        >>> counted("value", "values", tuple("abcdef"))
        '6 values (a, b, c, d, ...)'
    """
    listed = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    return f"{len(names)} {noun if len(names) == 1 else plural} ({listed})"
