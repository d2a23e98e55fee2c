"""Measured values, for each pixel or for an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from ..errors import ModelError
from ..gives import Gives
from ..jsonfile import JsonValue
from .base import Activation, Kind, OutputsBase, Per, counted, gives_per
from .class_outputs import check_per, read_per
from .target import TARGETS, Target
from .written import WrittenRaster

_MOST = 65_535  # bands of a TIFF


@dataclass(frozen=True, slots=True)
class ValueOutputs(OutputsBase):
    """One number per name, such as height in metres.

    A network gives standardised numbers, `(value - mean) / std`, where mean and std are known.

    Raises:
        ModelError: there are no names, one repeats, lengths differ, or a std is not above 0.

    Example:
        >>> outputs = ValueOutputs(("height",), ("m",), mean=(12.5,), std=(4.0,))
        >>> outputs.channels, outputs.target.key, outputs.short
        (1, 'value', '1 value (height in m) per pixel')
    """

    names: tuple[str, ...] = field()  # without which the property of the base would be its default
    units: tuple[str | None, ...]
    """Of each value, such as `m`; None where it has none."""
    per: Per = "pixel"
    mean: tuple[float, ...] | None = None
    """Of each target in the training data, in its unit."""
    std: tuple[float, ...] | None = None
    """Likewise."""

    def __post_init__(self) -> None:
        check_per(self.per)
        _store(self, "names", tuple(self.names))
        _store(self, "units", tuple(self.units))
        for name in ("mean", "std"):
            numbers: Sequence[float] | None = getattr(self, name)
            _store(self, name, None if numbers is None else tuple(map(float, numbers)))
        repeated = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if not self.names or repeated:
            raise ModelError(
                f"values need a name each, all different; found {', '.join(repeated) or 'none'}"
                f"{' twice' if repeated else ''}"
            )
        self._check_lengths()

    def _check_lengths(self) -> None:
        given = {"units": self.units, "mean": self.mean, "std": self.std}
        for what, entries in given.items():
            if entries is not None and len(entries) != len(self.names):
                raise ModelError(
                    f"{len(self.names)} values ({', '.join(self.names)}) have {len(entries)} {what}; "
                    "give one each"
                )
        if (self.mean is None) != (self.std is None):
            raise ModelError("mean and std of values go together: give both, or neither")
        numbers = (*(self.mean or ()), *(self.std or ()))
        if not all(map(isfinite, numbers)) or any(std <= 0 for std in self.std or ()):
            raise ModelError(
                f"mean {self.mean} and std {self.std} of {', '.join(self.names)} have to be finite, and std "
                "above 0; a value that never differs cannot be learned"
            )

    @property
    def kind(self) -> Kind:
        """`values`."""
        return "values"

    @property
    def gives(self) -> Gives:
        """As `per` says."""
        return gives_per(self.per)

    @property
    def activation(self) -> Activation:
        """None: numbers may be of any size."""
        return "none"

    @property
    def targets(self) -> tuple[Target, ...]:
        """`value`."""
        return TARGETS[self.kind, self.per]

    @property
    def written(self) -> WrittenRaster:
        """One float32 band a value, with its unit."""
        return WrittenRaster.of_numbers(self.names, self.units)

    @property
    def scores(self) -> None:
        """None: the map holds all there is."""
        return

    @property
    def default_loss(self) -> str:
        """The mean squared error."""
        return "mse"

    @property
    def mlm_task(self) -> str:
        """Regression."""
        return "regression"

    @property
    def short(self) -> str:
        """In a few words."""
        titles = tuple(
            name if unit is None else f"{name} in {unit}"
            for name, unit in zip(self.names, self.units, strict=True)
        )
        return f"{counted('value', 'values', titles)} per {self.per}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "units": list(self.units),
            "per": self.per,
            "mean": None if self.mean is None else list(self.mean),
            "std": None if self.std is None else list(self.std),
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> ValueOutputs:
        """What `to_dict` wrote; raises as `read_outputs`."""
        names = value["names"].texts(most=_MOST)
        units = [
            None if unit.value is None else unit.text()
            for unit in value["units"].entries(len(names))
        ]
        mean, std = value.get("mean"), value.get("std")
        return cls(
            names,
            tuple(units),
            read_per(value),
            None if mean is None else mean.numbers(len(names)),
            None if std is None else std.numbers(len(names)),
        )


def _store(outputs: ValueOutputs, name: str, value: object) -> None:
    object.__setattr__(outputs, name, value)
