"""What the targets of a sample mean: the classes or values of each of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.classes import MAX_CODE, Classes, default_colors
from ..core.outputs import Outputs, ValueOutputs
from .style import SERIES
from .values import titled

Given = Outputs | Classes | Mapping[str, Outputs | Classes] | None
"""Of a sample with one kind of target; or, of several, each by its key, such as `mask:nlcd`."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """Names, colours and units of what samples hold."""

    given: Given = None

    def of(self, key: str) -> Outputs | Classes | None:
        """What was given for a key of a sample."""
        return self.given.get(key) if isinstance(self.given, Mapping) else self.given

    def classes(self, key: str) -> Classes | None:
        """The classes of a key; None where nobody says."""
        meaning = self.of(key)
        return meaning if isinstance(meaning, Classes) else getattr(meaning, "classes", None)

    def code_classes(self, key: str, *layers: np.ndarray) -> Classes | None:
        """The classes of codes: those given, if they have one of these codes, else one for each code.

        Args:
            key: Of the sample.
            layers: Codes that are known, of any shape.
        """
        codes = sorted({code for layer in layers for code in np.unique(layer).tolist()})
        shown = [int(code) for code in codes if 0 <= code <= MAX_CODE]
        known = self.classes(key)
        # Classes of one of several layers say nothing of the others; 0 is what is of no class.
        if known is not None and (set(shown) <= {0} or set(shown) & set(known.codes)):
            return known
        return Classes.from_legend({c: f"class {c}" for c in shown}) if shown else known

    def name(self, key: str, position: int) -> str:
        """Of a class, by its position; `unknown` where no sample can say."""
        classes = self.classes(key)
        if position < 0:
            return "unknown"
        if classes is None or position >= len(classes):
            return f"class {position}"
        return classes.names[position]

    def color(self, key: str, position: int) -> str:
        """Of a class, by its position, `#rrggbb`."""
        classes = self.classes(key)
        if classes is not None and 0 <= position < len(classes):
            return classes.colors[position]
        return (
            default_colors([f"class {position}"], [position + 1])[0] if position >= 0 else SERIES[7]
        )

    def value_name(self, key: str, position: int) -> str:
        """Of a value, without its unit."""
        outputs = self._values(key)
        if outputs is None or position >= len(outputs.names):
            return f"Value {position + 1}"
        return outputs.names[position]

    def value_unit(self, key: str, position: int) -> str | None:
        """Of a value."""
        outputs = self._values(key)
        return (
            None if outputs is None or position >= len(outputs.units) else outputs.units[position]
        )

    def value_title(self, key: str, position: int) -> str:
        """Of a value, with its unit."""
        return titled(self.value_name(key, position), self.value_unit(key, position))

    def _values(self, key: str) -> ValueOutputs | None:
        meaning = self.of(key)
        return meaning if isinstance(meaning, ValueOutputs) else None


def as_arrays(sample: Mapping[str, Any]) -> dict[str, Any]:
    """The same sample with numpy's arrays in place of tensors."""
    return {
        key: value if isinstance(value, str) else np.asarray(value) for key, value in sample.items()
    }
