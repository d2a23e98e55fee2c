"""When samples were taken, from what lies beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ...core.errors import DatasetError
from ..samples.listing import Listing
from .declaration import Layout


@dataclass(frozen=True, slots=True)
class DatedLayout:
    """Another layout, with columns of dates."""

    layout: Layout
    columns: tuple[str, ...]
    """That are added, one for each date of a sample: seconds since 1970 UTC."""
    dates: Callable[[Listing, int], Sequence[float]]
    """Given the samples and the number of one, its dates; raises `DatasetError`."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Of the layout."""
        return self.layout.splits

    def find(self, root: Path, split: str | None) -> Listing:
        """See `Layout.find`."""
        listing = self.layout.find(root, split)
        dates = np.array([self.dates(listing, row) for row in range(len(listing))], np.float64)
        columns = dict(zip(self.columns, dates.T, strict=True))
        return replace(listing, columns={**listing.columns, **columns})


def day_seconds(day: str, listing: Listing, row: int) -> float:
    """The start of a day such as 20190105, seconds since 1970 UTC.

    Args:
        day: As it is told.
        listing: The samples, and
        row: which of them it is told of, for the message.

    Raises:
        DatasetError: it is no such day.
    """
    try:
        return datetime.fromisoformat(day.strip()).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise DatasetError(
            f"sample {listing.name(row)} in {listing.root} is dated {day.strip()!r}, expected a day such as "
            "20190105; its files are damaged or others: fetch them again"
        ) from error


def lines(listing: Listing, row: int, column: str) -> list[str]:
    """Of the text file that a column names.

    Raises:
        DatasetError: it cannot be read.
    """
    path = Path(listing.path(row, column))
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as text: {error}; fetch it again") from error
