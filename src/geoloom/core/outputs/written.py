"""How answers are written: what a raster or a vector file of them looks like.

Legend: K channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..classes import Classes

Rule = Literal["largest", "each", "numbers"]
"""How answers become stored values: the code of the largest score, each score as 0 or 1, or unchanged."""

THRESHOLD = 0.5
"""From which probability on one of several classes counts as present."""


@dataclass(frozen=True, slots=True)
class WrittenRaster:
    """A raster of answers."""

    bands: tuple[str, ...]
    """Descriptions, one per band."""
    units: tuple[str | None, ...]
    """Of each band's values; None where they have none."""
    dtype: str
    """numpy's name."""
    nodata: float
    """Stored where there is no answer."""
    rule: Rule
    """How answers become stored values."""
    classes: Classes | None = None
    """Names and colours of the stored codes, where the one band holds codes."""

    @classmethod
    def of_numbers(
        cls, bands: tuple[str, ...], units: tuple[str | None, ...] | None = None
    ) -> WrittenRaster:
        """Answers as they are: float32, NaN where there is none."""
        return cls(bands, units or (None,) * len(bands), "float32", nan, "numbers")

    @property
    def categorical(self) -> bool:
        """Whether a value between two stored ones means nothing, so that overviews must not average."""
        return self.rule != "numbers"

    @property
    def class_names(self) -> dict[int, str]:
        """Name by code; empty where no band holds codes."""
        known = self.classes
        return {} if known is None else dict(zip(known.codes, known.names, strict=True))

    @property
    def colormap(self) -> dict[int, tuple[int, int, int, int]] | None:
        """Colour by code, each (red, green, blue, alpha) 0..255; None where no band holds codes."""
        return None if self.classes is None else self.classes.colormap()

    def encode(self, answers: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[Any]:
        """Finished answers as stored values.

        Args:
            answers: (K, H, W) after activation and scaling, where `valid`.
            valid: (H, W), True = observed.

        Returns:
            (bands, H, W) of `dtype`, nodata where not valid or where an answer is not finite.

        Example:
            >>> scores = np.array([[[0.7, 0.2]], [[0.3, 0.8]]], np.float32)
            >>> seen = np.array([[True, False]])
            >>> WrittenRaster.of_numbers(("a", "b")).encode(scores, seen)[:, 0].tolist()
            [[0.699999988079071, nan], [0.30000001192092896, nan]]
        """
        if self.rule == "largest":
            assert self.classes is not None  # rasters of codes are made with their classes
            return _codes_of_largest(answers, valid, self.classes)[None]
        if self.rule == "numbers":
            return np.where(valid & np.isfinite(answers), answers, np.float32(self.nodata))
        present = (answers >= THRESHOLD).astype(self.dtype)
        present[:, ~(valid & np.isfinite(answers).all(axis=0))] = self.nodata
        return present


def _codes_of_largest(
    scores: NDArray[np.float32], valid: NDArray[np.bool_], classes: Classes
) -> NDArray[np.uint8]:
    """The code of the largest score, the first one where equal, (H, W)."""
    best = scores[0].copy()
    codes = np.full(best.shape, classes.codes[0], dtype=np.uint8)
    for layer, code in zip(scores[1:], classes.codes[1:], strict=True):
        better = layer > best
        codes[better] = code
        np.maximum(best, layer, out=best)  # hands on NaN, which then marks the pixel
    codes[~(valid & np.isfinite(best))] = classes.nodata
    return codes


@dataclass(frozen=True, slots=True)
class WrittenFeatures:
    """Vector features, one an answer."""

    fields: tuple[tuple[str, str], ...]
    """Name and numpy's type name (`str` for text) of each column."""
    outline: Literal["box", "mask"]
    """What a feature's polygon is: the box, or the outline of the instance's mask."""
    classes: Classes
    """Names and colours of the features."""
