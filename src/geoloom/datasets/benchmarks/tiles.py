"""Samples that are windows of tiles, through the days on which all of them were seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...core.bands import Band
from ..samples.listing import Listing
from ..samples.stacks import BandStack, DateStack
from ..samples.windows import Windows, tiled
from .declaration import Choice
from .folders import objects

_WINDOW = ("row", "col", "height", "width")


@dataclass(frozen=True, slots=True)
class TileLayout:
    """Windows that cover each tile; the last of a row or column overlap those before them."""

    tiles: tuple[str, ...]
    """By name: the column `tile`."""
    shape: tuple[int, int]
    """Rows and columns of each, pixels."""
    side: int
    """Of a window, pixels."""
    days: tuple[str, ...]
    """Such as 20190606, oldest first; each is a column, seconds since 1970 UTC, that `times_of` names."""

    @property
    def splits(self) -> tuple[str, ...]:
        """None: nobody divides them."""
        return ()

    def find(self, root: Path, split: str | None) -> Listing:
        """All windows; no file is looked for."""
        windows = [(tile, w) for tile in self.tiles for w in tiled(self.shape, self.side)]
        columns: dict[str, Any] = {"tile": objects(tile for tile, _ in windows)}
        columns |= {name: np.array([w[k] for _, w in windows]) for k, name in enumerate(_WINDOW)}
        for column, day in zip(times_of(self.days), self.days, strict=True):
            seconds = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()
            columns[column] = np.full(len(windows), seconds)
        return Listing(root, columns)


def times_of(days: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of days."""
    return tuple(f"time_{day}" for day in days)


def chip_sizes(
    tiles: tuple[str, ...], shape: tuple[int, int], days: tuple[str, ...], *sides: int
) -> Choice:
    """Windows of several sizes to choose from, the usual one first.

    Args:
        tiles, shape, days: As of `TileLayout`.
        sides: Of windows, pixels.
    """
    changes = {
        str(side): {
            "layout": TileLayout(tiles, shape, side, days),
            "size": (side, side),
            "samples": len(tiles) * len(range(0, shape[0], side)) * len(range(0, shape[1], side)),
        }
        for side in sides
    }
    return Choice("chip_size", "side of the windows that tiles are cut into, pixels", changes)


def through(
    days: Sequence[str], bands: Sequence[Band], path: Callable[[str, Band], str], stored: str
) -> DateStack:
    """A series of files of a band each.

    Args:
        days: Oldest first.
        bands: Of each day.
        path: Given day and band, the file, as of `Windows`.
        stored: As of `Windows`.
    """
    dates = (
        BandStack(tuple(Windows((band,), path(day, band), stored) for band in bands))
        for day in days
    )
    return DateStack(tuple(dates), times_of(days))
