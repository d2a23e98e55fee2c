"""What samples teach beside what is known of each as a whole, and the frame that it is brought into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...io.pictures.fit import Fit, fit_codes_into, fitted_transform
from .listing import Listing

LABELLED = "labelled"
"""The key under which a target says which pixels it labels, (H, W) bool; it becomes part of `valid`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How a sample's stored pixels become those that are given."""

    stored: tuple[int, int]
    """Rows and columns of the file, pixels."""
    size: tuple[int, int]
    """Of the sample."""
    fit: Fit = "crop"

    def codes(
        self, codes: NDArray[Any], labelled: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Class codes (H, W) and their validity, brought to the sample's size; no code is mixed of two."""
        out = np.empty(self.size, np.int64)
        valid = np.empty(self.size, np.bool_)
        fit_codes_into(codes, labelled, self.fit, out, valid)
        return out, valid

    def points(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Pixel corners (n, 2) of (x, y) in the file, as those of the sample."""
        if self.stored == self.size:
            return np.asarray(xy, np.float64)
        a, b, c, d, e, f = (~fitted_transform(self.stored, self.size, self.fit))[:6]
        x, y = np.asarray(xy, np.float64).T
        return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)


class TargetSource(Protocol):
    """How a part of what samples teach is read. It holds no file and no row: both are the listing's."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Of a sample, that it gives; they are fixed by `core.outputs`."""
        ...

    def given(self, listing: Listing) -> bool:
        """Whether any of the samples has it."""
        ...

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """Of one sample, by key, and `LABELLED` where it labels pixels.

        Raises:
            ReadError: a file is missing, damaged or another one.
        """
        ...
