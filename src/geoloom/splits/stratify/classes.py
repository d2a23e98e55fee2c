"""How many samples of each class each split has, and which classes a split lacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..names import SPLITS

log = logging.getLogger(__name__)

Columns = Mapping[str, NDArray[Any]]
"""What is known of n samples: a name, and (n,) values."""

_USUAL = ("class", "label", "multilabel", "box_labels")
_SHOWN = 8


@dataclass(frozen=True, slots=True, eq=False)
class SampleClasses:
    """The classes that each of n samples is of: one, or several."""

    names: tuple[str, ...]
    sample: NDArray[np.int64]
    """(m,) numbers of samples, one for each of their classes."""
    position: NDArray[np.int64]
    """(m,) position in `names` of that class."""
    count: int
    """How many samples there are."""

    @classmethod
    def of_columns(cls, columns: Columns, column: str | None = None) -> Self | None:
        """From a column: values (n,), each a class; or (n, k) numbers, not 0 where class k is shown.

        Args:
            columns: By name.
            column: Which; None: `class`, `label` where its values are whole numbers, `multilabel`, or
                `box_labels` (n,) objects, an array of classes each; else there are none.
        """
        if column is None:
            column = next((name for name in _USUAL if name in columns), None)
            if column is None:
                return None
        if column == "box_labels":
            boxes = [np.unique(labels) for labels in columns[column]]
            sample = np.repeat(np.arange(len(boxes)), [len(own) for own in boxes])
            position = np.concatenate([np.empty(0, np.int64), *boxes]).astype(np.int64)
            names = tuple(map(str, range(int(position.max(initial=-1)) + 1)))
            return cls(names, sample.astype(np.int64), position, len(boxes))
        values = _stacked(columns[column])
        if values.dtype.kind == "f" and column == "label":
            return None
        if values.ndim == 2:
            sample, position = np.nonzero(values)
            names = tuple(map(str, range(values.shape[1])))
        else:
            kinds, position = np.unique(values.astype(str), return_inverse=True)
            names, sample = tuple(kinds.tolist()), np.arange(len(values))
        return cls(names, sample.astype(np.int64), position.ravel().astype(np.int64), len(values))

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Those of some samples, which are numbered anew."""
        position = np.full(self.count, -1)
        position[rows] = np.arange(len(rows))
        own = position[self.sample] >= 0
        return type(self)(self.names, position[self.sample[own]], self.position[own], len(rows))

    def weights(self, unit_of: NDArray[np.int64], units: int) -> NDArray[np.float64]:
        """(units, classes): how many samples of each class each unit holds.

        Args:
            unit_of: (n,) unit of each sample.
            units: How many there are.
        """
        cells = unit_of[self.sample] * len(self.names) + self.position
        counts = np.bincount(cells, minlength=units * len(self.names))
        return counts.reshape(units, len(self.names)).astype(np.float64)

    def per_split(self, codes: NDArray[np.int8]) -> NDArray[np.int64]:
        """(classes, splits): how many samples of each class each split has."""
        own = codes[self.sample]
        cells = self.position[own >= 0] * len(SPLITS) + own[own >= 0]
        counts = np.bincount(cells, minlength=len(self.names) * len(SPLITS))
        return counts.reshape(len(self.names), len(SPLITS))


def _stacked(values: Any) -> NDArray[Any]:
    """Values as an array: of vectors, one row each."""
    array = np.asarray(values)
    if array.dtype == object and len(array) and isinstance(array[0], list | tuple | np.ndarray):
        return np.stack([np.asarray(value) for value in array])
    return array


def warn_of_lacking(
    classes: SampleClasses | None,
    codes: NDArray[np.int8],
    wanted: Sequence[int],
    unit_of: NDArray[np.int64] | None = None,
    what: str = "sample",
) -> None:
    """Name the classes of which a wanted split has no sample, and why.

    Args:
        classes: Of the samples; None where they have none.
        codes: (n,) split code of each sample.
        wanted: Codes of splits that have a share.
        unit_of: (n,) what is dealt out as a whole, by number; None: each sample by itself.
        what: What that is called.
    """
    if classes is None:
        return
    counts = classes.per_split(codes)[:, list(wanted)]
    poor = np.flatnonzero((counts == 0).any(axis=1))
    for kind in poor[:_SHOWN].tolist():
        own = classes.sample[classes.position == kind]
        units = len(own if unit_of is None else np.unique(unit_of[own]))
        lacking = [
            SPLITS[code]
            for code, count in zip(wanted, counts[kind].tolist(), strict=True)
            if not count
        ]
        log.warning(
            "no sample for %s is of class %s, which %d %s%s hold%s: nothing is learned or measured of it "
            "there%s",
            " and ".join(lacking),
            classes.names[kind],
            units,
            what,
            "" if units == 1 else "s",
            "s" if units == 1 else "",
            "" if units < len(wanted) else "; choose another seed, or smaller units",
        )
    if len(poor) > _SHOWN:
        log.warning("and so are %d further classes", len(poor) - _SHOWN)
