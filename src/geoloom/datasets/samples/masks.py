"""Masks of classes, as datasets store them: codes, colours, or 255 for true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.classes import Classes
from ...core.errors import ReadError
from .listing import Listing
from .pixels import ImageSource
from .target import LABELLED, Frame


class Coding(Protocol):
    """How stored values say which class a pixel is of."""

    @property
    def is_plain(self) -> bool:
        """Whether stored values are the positions of classes themselves, all of them."""
        ...

    def classes_of(
        self, values: NDArray[Any], where: str
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Class positions (H, W) of values (C, H, W), and which pixels have one.

        Args:
            values: As stored.
            where: The file, for messages.

        Raises:
            ReadError: a value has no meaning.
        """
        ...


@dataclass(frozen=True, slots=True)
class Codes:
    """One channel whose values mean classes.

    Example:
        >>> mask, labelled = Codes({0: 0, 255: 1}).classes_of(np.array([[[0, 255]]], np.uint8), "a.png")
        >>> mask.tolist(), bool(labelled.all())
        ([[0, 1]], True)
    """

    table: dict[int, int] | range = field(hash=False)
    """Stored value -> position of its class; a range of positions that are stored as they are."""
    unlabelled: tuple[int, ...] = ()
    """Stored values of pixels that nobody labelled."""
    others: Literal["error", "unlabelled"] = "error"
    """What a value is that is in neither: a damaged file, or a pixel that nobody labelled."""

    @property
    def is_plain(self) -> bool:
        """Whether values are stored as they are."""
        return isinstance(self.table, range) and not self.unlabelled and self.others == "error"

    def classes_of(
        self, values: NDArray[Any], where: str
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """See `Coding.classes_of`."""
        stored = _whole(values[0], where)
        codes, labelled, odd = self._looked_up(stored)
        if odd.any() and self.others == "error":
            raise ReadError(
                f"{where} holds the value {stored[odd][0]}, expected only {self._shown()}; it is damaged or "
                "another file: fetch it again"
            )
        return codes, labelled & ~odd

    def _looked_up(
        self, stored: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Position of each pixel, whether it is labelled, and whether its value means nothing."""
        if isinstance(self.table, range) and not self.unlabelled:
            odd = (stored < self.table.start) | (stored >= self.table.stop)
            return np.where(odd, 0, stored).astype(np.int64), ~odd, odd
        table = {code: code for code in self.table} if isinstance(self.table, range) else self.table
        known = np.array(sorted({*table, *self.unlabelled}))
        at = np.minimum(np.searchsorted(known, stored), len(known) - 1)
        codes = np.array([table.get(value, 0) for value in known.tolist()], np.int64)
        labelled = np.array([value in table for value in known.tolist()])
        odd = known[at] != stored
        return np.where(odd, 0, codes[at]), labelled[at], odd

    def _shown(self) -> str:
        """Values that mean something, in words."""
        if isinstance(self.table, range) and len(self.table) > 20:
            return f"{self.table.start} to {self.table.stop - 1}"
        return ", ".join(map(str, sorted({*self.table, *self.unlabelled})[:20]))


def _whole(stored: NDArray[Any], where: str) -> NDArray[Any]:
    """Codes as whole numbers, which some files keep as floats."""
    if stored.dtype.kind != "f":
        return stored
    whole: NDArray[np.int64] = np.nan_to_num(stored, nan=-1.0).astype(np.int64)
    if (whole != np.nan_to_num(stored, nan=-1.0)).any():
        raise ReadError(f"{where} holds fractions, expected codes of classes; it is another file")
    return whole


@dataclass(frozen=True, slots=True)
class Colors:
    """Three channels whose colours mean classes, by position; pixels of other colours are not labelled.

    Example:
        >>> water = Colors(((0, 0, 0), (0, 0, 255)))
        >>> mask, labelled = water.classes_of(np.array([[[0, 9]], [[0, 9]], [[255, 9]]], np.uint8), "a.tif")
        >>> mask.tolist(), labelled.tolist()
        ([[1, 0]], [[True, False]])
    """

    colors: tuple[tuple[int, int, int], ...]
    """Red, green and blue of each class, 0..255."""

    @property
    def is_plain(self) -> bool:
        """False: colours are no codes."""
        return False

    def classes_of(
        self, values: NDArray[Any], where: str
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """See `Coding.classes_of`."""
        if len(values) != 3:
            raise ReadError(
                f"{where} has {len(values)} channels, expected the three of its classes' colours; it is "
                "another file: fetch it again"
            )
        red, green, blue = values.astype(np.int64)
        packed = (red << 16) | (green << 8) | blue
        codes = np.zeros(packed.shape, np.int64)
        labelled = np.zeros(packed.shape, np.bool_)
        for code, (r, g, b) in enumerate(self.colors):
            here = packed == (r << 16) | (g << 8) | b
            codes[here] = code
            labelled |= here
        return codes, labelled


@dataclass(frozen=True, slots=True)
class Masks:
    """A class for each pixel, read from files."""

    source: ImageSource
    """Of one channel, or of three of colours."""
    coding: Coding
    key: str = "mask"
    """Of a sample; `mask:NAME` of further layers."""
    column: str = "mask"
    """Of the listing; where it has None, a sample has no mask, and no pixel of it is labelled."""
    classes: Classes | None = None
    """What positions mean in a further layer; of `mask`, the dataset's outputs say it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """One."""
        return (self.key,)

    def given(self, listing: Listing) -> bool:
        """Whether any of the samples has a mask."""
        files: Sequence[Any] = listing.columns[self.column].tolist()
        return any(file is not None for file in files)

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`."""
        if listing.columns[self.column][row] is None:
            unlabelled = np.zeros(frame.size, np.bool_)
            return {self.key: np.zeros(frame.size, np.int64), LABELLED: unlabelled}
        pixels = self.source.read(listing, row)
        where = str(listing.columns[self.column][row])
        shape = pixels.values.shape[-2:]
        if shape != frame.stored:
            raise ReadError(
                f"{where} in {listing.root} has {' x '.join(map(str, shape))} pixels, its image "
                f"{' x '.join(map(str, frame.stored))}; one of them is another file: fetch both again"
            )
        codes, labelled = self.coding.classes_of(pixels.values, where)
        mask, valid = frame.codes(codes, labelled & pixels.valid)
        return {self.key: mask, LABELLED: valid}
