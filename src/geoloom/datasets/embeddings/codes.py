"""Rules by which stored codes become values.

Legend: C bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError

Vector: TypeAlias = float | tuple[float, ...]
"""One number for all bands, or one each."""


@dataclass(frozen=True, slots=True)
class LinearCodes:
    """value = code * scale + offset.

    Raises:
        DatasetError: a number is not finite, a scale is 0, or there are not as many scales as offsets.

    Example:
        >>> LinearCodes(scale=0.5, offset=(0.0, 1.0)).decode(np.array([[2], [4]]), [0, 1]).tolist()
        [[1.0], [3.0]]
    """

    scale: Vector
    offset: Vector = 0.0
    nodata: float | None = None
    """Code that means unobserved, instead of what the files say."""

    def __post_init__(self) -> None:
        for name in ("scale", "offset"):
            object.__setattr__(self, name, _vector(name, getattr(self, name)))
        if not all(_listed(self.scale)):
            raise DatasetError(f"scale is {self.scale}; 0 makes all values alike, give another")
        counts = {len(v) for v in (self.scale, self.offset) if isinstance(v, tuple)}
        if len(counts) > 1:
            raise DatasetError(
                f"{len(_listed(self.scale))} scales and {len(_listed(self.offset))} offsets are given; give "
                "one each a band, or one for all"
            )

    @property
    def bands(self) -> int | None:
        """As many as there are scales or offsets."""
        return next((len(v) for v in (self.scale, self.offset) if isinstance(v, tuple)), None)

    @property
    def is_linear(self) -> bool:
        """Yes."""
        return True

    @property
    def codes(self) -> None:
        """All have a value."""
        return

    def decode(self, codes: NDArray[Any], bands: Sequence[int]) -> NDArray[np.float32]:
        """See `Quantization`."""
        values = codes.astype(np.float32)
        values *= _per_band(self.scale, bands, values.ndim)
        values += _per_band(self.offset, bands, values.ndim)
        return values


@dataclass(frozen=True, slots=True)
class SignedPower:
    """value = sign(code) * (abs(code) / scale) ** power: fine steps near 0, coarse ones far from it.

    Raises:
        DatasetError: scale or power is not above 0.

    Example:
        >>> SignedPower(127.5, 2).decode(np.array([[-127, 0, 51]], np.int8), [0]).round(4).tolist()
        [[-0.9922000169754028, 0.0, 0.1599999964237213]]
    """

    scale: float
    power: float
    nodata: float | None = None
    """Code that means unobserved, instead of what the files say."""

    def __post_init__(self) -> None:
        for name in ("scale", "power"):
            number = getattr(self, name)
            if not _is_number(number) or number <= 0:
                raise DatasetError(f"{name} is {number!r}; give a number above 0")

    @property
    def bands(self) -> None:
        """All are alike."""
        return

    @property
    def is_linear(self) -> bool:
        """Of power 1 alone."""
        return self.power == 1

    @property
    def codes(self) -> None:
        """All have a value."""
        return

    def decode(self, codes: NDArray[Any], bands: Sequence[int]) -> NDArray[np.float32]:
        """See `Quantization`."""
        if codes.dtype in (np.int8, np.uint8):  # few codes, many pixels: work each out once
            every = np.arange(256, dtype=np.uint8).view(codes.dtype)
            return self._values(every)[codes.view(np.uint8)]
        return self._values(codes)

    def _values(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        numbers = codes.astype(np.float64)
        values = np.sign(numbers) * (np.abs(numbers) / self.scale) ** self.power
        return values.astype(np.float32)


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A value for each code: `values[code - first]`.

    Raises:
        DatasetError: values are missing, not finite, or of different number from band to band.

    Example:
        >>> CodeTable((-1.0, -0.1, 0.1, 1.0)).decode(np.array([[0, 3]], np.uint8), [0]).tolist()
        [[-1.0, 1.0]]
    """

    values: tuple[float, ...] | tuple[tuple[float, ...], ...]
    """Of all bands; or a table for each band."""
    first: int = 0
    """The code of the first value; -128 of a whole table of int8."""
    nodata: float | None = None
    """Code that means unobserved, instead of what the files say."""

    def __post_init__(self) -> None:
        try:
            table = np.asarray(self.values, dtype=np.float64)
        except (TypeError, ValueError):  # also rows of different lengths
            table = np.empty(0)
        if table.ndim not in (1, 2) or not table.size or not np.isfinite(table).all():
            raise DatasetError(
                f"values is {self.values!r:.200}; give a finite number for each code, or such a row for each "
                "band, all of one length, and name the code that means unobserved as nodata"
            )
        rows = table.tolist()
        plain = tuple(rows) if table.ndim == 1 else tuple(map(tuple, rows))
        object.__setattr__(self, "values", plain)

    @property
    def bands(self) -> int | None:
        """As many as there are tables, where they are several."""
        return len(self.values) if isinstance(self.values[0], tuple) else None

    @property
    def is_linear(self) -> bool:
        """No: the mean of two codes has a value of its own."""
        return False

    @property
    def codes(self) -> tuple[int, int]:
        """Those of the table."""
        return self.first, self.first + np.atleast_2d(np.asarray(self.values)).shape[1] - 1

    def decode(self, codes: NDArray[Any], bands: Sequence[int]) -> NDArray[np.float32]:
        """See `Quantization`. Codes outside the table have the value of its nearer end: see `check`."""
        tables = np.atleast_2d(np.asarray(self.values, np.float32))
        positions = np.clip(codes.astype(np.int64) - self.first, 0, tables.shape[1] - 1)
        rows = bands if len(tables) > 1 else [0] * len(codes)
        return np.stack([tables[row][at] for row, at in zip(rows, positions, strict=True)])


def _vector(name: str, given: Any) -> Vector:
    numbers = given if isinstance(given, Sequence | np.ndarray) else [given]
    if not len(numbers) or not all(map(_is_number, numbers)):
        raise DatasetError(f"{name} is {given!r:.100}; give a finite number, or one for each band")
    return float(given) if numbers is not given else tuple(map(float, numbers))


def _is_number(value: Any) -> bool:
    try:
        return isfinite(float(value)) and not isinstance(value, bool | str)
    except (TypeError, ValueError):
        return False


def _listed(given: Vector) -> tuple[float, ...]:
    return given if isinstance(given, tuple) else (given,)


def _per_band(given: Vector, bands: Sequence[int], ndim: int) -> NDArray[np.float32]:
    """(C, 1, ...)."""
    numbers = [given[band] for band in bands] if isinstance(given, tuple) else [given] * len(bands)
    return np.asarray(numbers, np.float32).reshape(-1, *[1] * (ndim - 1))
