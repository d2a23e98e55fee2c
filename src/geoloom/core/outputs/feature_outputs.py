"""Features: numbers that describe an image, and mean something to other networks only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from ..gives import Gives
from ..jsonfile import JsonValue
from .base import Activation, Kind, OutputsBase
from .target import Target
from .written import WrittenRaster

_MOST = 65_535  # bands of a TIFF


@dataclass(frozen=True, slots=True)
class FeatureOutputs(OutputsBase):
    """A fixed number of values per image, learned without labels.

    Raises:
        ModelError: `dim` is below 1 or above 65535.
    """

    dim: int

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= _MOST:
            raise ModelError(f"features of {self.dim} dimensions; give 1 to {_MOST}")

    @property
    def kind(self) -> Kind:
        """`features`."""
        return "features"

    @property
    def gives(self) -> Gives:
        """Features."""
        return "features"

    @property
    def names(self) -> tuple[str, ...]:
        """`feature_1`, `feature_2`, ..."""
        return tuple(f"feature_{number}" for number in range(1, self.dim + 1))

    @property
    def activation(self) -> Activation:
        """None."""
        return "none"

    @property
    def targets(self) -> tuple[Target, ...]:
        """Empty: they are learned without labels."""
        return ()

    @property
    def written(self) -> WrittenRaster:
        """One float32 band a feature."""
        return WrittenRaster.of_numbers(self.names)

    @property
    def scores(self) -> None:
        """None: the map holds all there is."""
        return

    @property
    def default_loss(self) -> None:
        """None: a task without labels brings its own."""
        return

    @property
    def mlm_task(self) -> str:
        """What features are compared for."""
        return "similarity-search"

    @property
    def short(self) -> str:
        """In a few words."""
        return f"{self.dim} features"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, "dim": self.dim}

    @classmethod
    def from_json(cls, value: JsonValue) -> FeatureOutputs:
        """What `to_dict` wrote; raises as `read_outputs`."""
        return cls(value["dim"].whole(1, _MOST))
