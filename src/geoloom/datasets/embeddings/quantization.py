"""How embeddings are stored in whole numbers, and what these numbers mean.

Legend: C bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError, suggest
from .codes import LinearCodes, SignedPower


@runtime_checkable
class Quantization(Protocol):
    """From stored codes to values. Frozen and of plain fields, so that datasets can be compared by it."""

    @property
    def bands(self) -> int | None:
        """For how many bands it says something each; None where all are alike."""
        ...

    @property
    def nodata(self) -> float | None:
        """Code that means unobserved, instead of what the files say; None keeps that."""
        ...

    @property
    def codes(self) -> tuple[int, int] | None:
        """First and last code that has a value; None where all have."""
        ...

    @property
    def is_linear(self) -> bool:
        """Whether a mean of codes means the mean of their values, so that either may be resampled."""
        ...

    def decode(self, codes: NDArray[Any], bands: Sequence[int]) -> NDArray[np.float32]:
        """The values of stored codes.

        Args:
            codes: (C, ...), any numbers.
            bands: (C,) which bands these are, from 0.

        Returns:
            float32 of the same shape.
        """
        ...


Known = Literal["alphaearth"]
"""Products whose codes are known by name."""

_KNOWN: dict[Known, Quantization] = {"alphaearth": SignedPower(127.5, 2.0, nodata=-128)}


def quantization_of(given: Quantization | str | None) -> Quantization | None:
    """What an option means: a product by its name, `linear:SCALE,OFFSET`, `power:SCALE,POWER`, or itself.

    `alphaearth` is that of the Satellite Embedding V1 layers of Google's AlphaEarth Foundations: int8, -128
    unobserved, sign(code) * (code / 127.5)^2 else.

    Raises:
        DatasetError: it is none of these; the message says which there are.

    Source:
        Satellite Embedding V1 in Google Cloud Storage: the de-quantisation of its README.

    Example:
        >>> quantization_of("linear:0.004,-0.5")
        LinearCodes(scale=0.004, offset=-0.5, nodata=None)
    """
    if given is None or (not isinstance(given, str) and isinstance(given, Quantization)):
        return given
    if not isinstance(given, str):
        raise DatasetError(
            f"quantization is {given!r:.100}; give a LinearCodes, SignedPower or CodeTable, a name "
            f"({', '.join(get_args(Known))}), or None for what the files declare"
        )
    if given in _KNOWN:
        return _KNOWN[given]
    rule, _, listed = given.partition(":")
    try:
        numbers = [float(number) for number in listed.split(",")]
    except ValueError:
        numbers = []
    if rule == "linear" and len(numbers) in (1, 2):
        return LinearCodes(*numbers)
    if rule == "power" and len(numbers) == 2:
        return SignedPower(*numbers)
    raise DatasetError(
        f"no quantization is called {given!r}{suggest(given, get_args(Known))}; give a name, "
        "linear:SCALE,OFFSET (value = code * scale + offset), or power:SCALE,POWER"
    )
