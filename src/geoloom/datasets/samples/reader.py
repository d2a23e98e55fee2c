"""How rows of a listing become samples: which channels, in which size and type, with what they teach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.query import Sample
from ...io.pictures.fit import Fit, fitted_transform
from ...io.threads import reading_threads, usable_cpus
from .batch import SampleBatch
from .listing import Listing
from .pixels import ImageSource, PixelArray
from .target import LABELLED, Frame, TargetSource

_PIECES = 4
"""Into which each thread's share of a batch is cut, so that none waits long for another."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleReader:
    """Reads rows of any listing that its sources can read."""

    source: ImageSource
    targets: tuple[TargetSource, ...]
    channels: tuple[int, ...] | None
    """Positions of the bands wanted among those of the source; None: all."""
    size: tuple[int, int] | None
    """Rows and columns of every sample, pixels; None: those of its file."""
    fit: Fit
    """How samples are brought to `size`."""
    dtype: np.dtype[Any]
    """Of images."""
    placed: bool
    """Whether samples have a place on Earth."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the image, in channel order."""
        known = self.source.bands
        return known if self.channels is None else tuple(known[i] for i in self.channels)

    def read(
        self, listing: Listing, rows: Sequence[int], size: tuple[int, int], take: Callable[..., Any]
    ) -> list[Sample]:
        """The samples of some rows, read together by threads.

        Args:
            listing: Whose rows.
            rows: Numbers from 0.
            size: Of all of them.
            take: Given shape and dtype, memory of them.

        Raises:
            ReadError: a file is missing, damaged or another one.
        """
        dates, channels = self.source.dates, len(self.bands)
        batch = SampleBatch.of(len(rows), dates, channels, size, self.dtype, take)

        def fill(k: int) -> None:
            pixels = self.pixels(listing, rows[k])
            frame = Frame(pixels.values.shape[-2:], size, self.fit)
            grid = self._framed(pixels.grid) if self.placed and pixels.grid is not None else None
            taught = _answers(listing, rows[k]) | self._taught(listing, rows[k], frame)
            batch.fill(k, pixels, frame, taught, grid)

        def fill_some(some: range) -> None:
            for k in some:
                fill(k)

        threads = 1 if _in_worker() else min(usable_cpus(), len(rows))
        # Few pieces a thread: handing over a small sample takes longer than reading it.
        step = -(-len(rows) // (_PIECES * threads)) if threads > 1 else len(rows)
        pieces = [range(len(rows))[at : at + step] for at in range(0, len(rows), step or 1)]
        if len(pieces) <= 1:
            fill_some(range(len(rows)))
        else:
            for done in reading_threads(threads).map(fill_some, pieces):
                assert done is None
        return batch.samples()

    def pixels(self, listing: Listing, row: int) -> PixelArray:
        """Of one sample, as stored; raises as `ImageSource.read`."""
        return self.source.read(listing, row, self.channels)

    def labels(self, listing: Listing, row: int) -> dict[str, NDArray[Any]]:
        """What one sample teaches, with `valid` where it labels pixels; raises as `TargetSource.read`."""
        taught = _answers(listing, row)
        if self.targets:
            stored = self.source.shape(listing, row)
            taught |= self._taught(listing, row, Frame(stored, self.size or stored, self.fit))
        labelled = taught.pop(LABELLED, None)
        return taught if labelled is None else {**taught, "valid": labelled}

    def shapes(self, listing: Listing, rows: Sequence[int]) -> NDArray[np.int32]:
        """(n, 2) rows and columns as stored; headers are read where the listing knows none."""
        if listing.shapes is not None:
            return listing.shapes[list(rows)]
        threads = reading_threads(usable_cpus())
        shapes = threads.map(lambda row: self.source.shape(listing, row), rows)
        return np.array(list(shapes), np.int32).reshape(-1, 2)

    def grid(self, listing: Listing, row: int) -> GeoBox | None:
        """Where one sample lies; None where it has no place on Earth."""
        grid = self.source.grid(listing, row) if self.placed else None
        return None if grid is None else self._framed(grid)

    def _framed(self, grid: GeoBox) -> GeoBox:
        """Where the pixels of a sample lie, of where those of its file do."""
        size = self.size or tuple(grid.shape)
        if size == tuple(grid.shape):
            return grid
        moved = grid.affine @ fitted_transform(tuple(grid.shape), size, self.fit)
        return GeoBox(size, Affine(*moved[:6]), grid.crs)

    def _taught(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """What is read of a sample beside its image."""
        taught: dict[str, NDArray[Any]] = {}
        for target in self.targets:
            read = target.read(listing, row, frame)
            if LABELLED in taught and LABELLED in read:
                read[LABELLED] = read[LABELLED] & taught[LABELLED]
            taught |= read
        return taught


def _answers(listing: Listing, row: int) -> dict[str, NDArray[Any]]:
    """What the listing knows that a sample teaches as a whole."""
    return {
        key: np.asarray(answers[row])
        for key, answers in listing.answers.items()
        if answers.dtype != object
    }


def _in_worker() -> bool:
    """Whether this is a loader's worker process, beside which others already use the processors."""
    from torch.utils.data import get_worker_info

    return get_worker_info() is not None
