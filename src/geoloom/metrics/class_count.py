"""The count behind an evaluation: the classes of a map, and those that only its truth has.

Legend: K classes of the map, B batch, H rows, W columns.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from ..core.classes import Classes
from ..core.errors import ModelError
from ..core.outputs import Per
from .accuracy import Accuracy
from .class_tally import ClassTally

logger = logging.getLogger(__name__)

_MOST_LISTED = 6
_MOST_CLASSES = 256
"""More codes than a map can hold are not classes, but measurements."""


def _listed(pixels: Mapping[str, int]) -> str:
    """Classes with their pixels, the most frequent first; of many, the first few."""
    ordered = sorted(pixels.items(), key=lambda item: -item[1])
    shown = [f"{name} ({count:,} pixels)" for name, count in ordered[:_MOST_LISTED]]
    return ", ".join(shown) + (
        f" and {len(pixels) - len(shown)} more" if len(pixels) > len(shown) else ""
    )


class ClassCount:
    """Sums pixels of truth against a map, its own classes first.

    Truth of a class that the map lacks can only be mapped wrong. Each such class gets a row of its own behind
    the map's as soon as a counted pixel holds it, so that scores do not rise by leaving classes out of a map.

    Args:
        classes: Of the map.
        positions: Position of the map's class by the truth's own code.
        names: Class by the truth's own code; None where codes have no names.
        source: Where the truth comes from, for messages.
        per: What is counted.
    """

    def __init__(
        self,
        classes: Classes,
        positions: Mapping[int, int],
        names: Mapping[int, str] | None,
        source: str,
        per: Per = "pixel",
    ) -> None:
        self.names = list(classes.names)
        self.tally = ClassTally.empty(len(classes))
        self._own = len(classes)
        self._positions = dict(positions)
        self._names = names
        self._source = source
        self._per = per

    def add_classes(self, codes: np.ndarray, mapped: np.ndarray, counted: np.ndarray) -> None:
        """Count a finished map.

        Args:
            codes: (H, W), the truth's own.
            mapped: Integers (H, W), positions 0..K-1 wherever counted.
            counted: Bool (H, W).
        """
        truth = self._place(codes, counted)
        self._add(ClassTally.of_classes(truth, mapped, len(self.names), counted))

    def add_scores(
        self,
        codes: np.ndarray,
        scores: np.ndarray,
        counted: np.ndarray,
        *,
        curves_alone: bool = False,
    ) -> None:
        """Count probabilities.

        Args:
            codes: (H, W), the truth's own.
            scores: float (K, H, W), in [0, 1].
            counted: Bool (H, W).
            curves_alone: Leave the matrix as it is, where a map has been counted into it.
        """
        truth = self._place(codes, counted)
        missing = len(self.names) - len(scores)
        padded = np.pad(scores, ((0, missing), (0, 0), (0, 0))) if missing else scores
        tally = ClassTally.of_probabilities(truth, padded, counted)
        if curves_alone:
            nothing = np.zeros_like(tally.matrix)
            tally = ClassTally(nothing, tally.histograms, tally.log_loss, tally.scored)
        self._add(tally)

    def take(self, other: ClassCount) -> None:
        """Count also what another has counted of the same map and truth; its further classes come behind."""
        positions = list(range(self._own))
        for code, position in sorted(other._positions.items(), key=lambda item: item[1]):
            if position >= self._own:
                positions.append(self._position(code))
        self._add(other.tally.placed(positions, len(self.names)))

    def report(self) -> Accuracy:
        """All figures; a warning names the classes that the map lacks.

        Raises:
            ModelError: nothing was counted.
        """
        matrix = self.tally.matrix
        if not matrix.any():
            raise ModelError(
                "no pixel has both a prediction and truth; check that they overlap and that classes match"
            )
        lacking = {
            name: int(matrix[i].sum()) for i, name in enumerate(self.names) if i >= self._own
        }
        if lacking:
            logger.warning(
                "%s holds %s, which the map does not have: these pixels count as errors. Where a code is not "
                "a class, make it the truth's nodata",
                self._source,
                _listed(lacking),
            )
        return Accuracy.of(self.tally, self.names, self._per)

    def _add(self, tally: ClassTally) -> None:
        self.tally = self.tally.widened(len(self.names)) + tally

    def _place(self, codes: np.ndarray, counted: np.ndarray) -> np.ndarray:
        """Codes as positions int64 (H, W); a class not met before gets the next one."""
        positions, known = recode(codes, self._positions)
        if (counted & ~known).any():
            for code in np.unique(codes[counted & ~known]).astype(np.int64).tolist():
                self._position(code)
            positions, _ = recode(codes, self._positions)
        return positions

    def _position(self, code: int) -> int:
        """Of the code's class; one not met before gets the next."""
        if code not in self._positions:
            self._positions[code] = len(self.names)
            self.names.append(self._name(code))
        return self._positions[code]

    def _name(self, code: int) -> str:
        if len(self.names) >= _MOST_CLASSES:
            raise ModelError(
                f"{self._source} holds more than {_MOST_CLASSES} different codes: these are not classes; "
                "give a label raster"
            )
        name = f"class {code}" if self._names is None else self._names[code]
        while name in self.names:
            name += " (truth)"
        return name


def match_classes(own: Mapping[int, str], classes: Classes, source: str) -> dict[int, int]:
    """Class positions by the code that another source uses for a class of the same name, in any case.

    Raises:
        ModelError: none match.
    """
    position = {name.casefold(): i for i, name in enumerate(classes.names)}
    matched = {c: position[n.casefold()] for c, n in own.items() if n.casefold() in position}
    if not matched:
        raise ModelError(
            f"{source} has classes {', '.join(own.values())}, the model {', '.join(classes.names)}: none in "
            "common; give both the same names"
        )
    return matched


def recode(codes: np.ndarray, positions: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Codes of any integer or float type as positions int64, and whether each code is known.

    Example:
        >>> recode(np.array([0, 7, 300]), {7: 1})[1].tolist()
        [False, True, False]
    """
    known_codes = np.array(sorted(positions))
    at = np.minimum(np.searchsorted(known_codes, codes), len(known_codes) - 1)
    known = known_codes[at] == codes
    values = np.array([positions[code] for code in known_codes.tolist()], dtype=np.int64)
    return np.where(known, values[at], 0), known
