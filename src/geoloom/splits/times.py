"""Training, test and validation apart in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ConfigError, DatasetError, suggest
from ..core.interval import ALWAYS, Instant, Interval
from ..datasets.region import Region
from .gaps.moments import Moments
from .names import SPLITS, Split
from .sample_ground import Codes, Grids, split_names
from .stratify.classes import Columns, SampleClasses, warn_of_lacking


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Times given to each split, such as the past to train and the last year to test.

    Places may be the same in all: what is tested is whether a network holds in another season or year.

    Raises:
        ConfigError: there is no time, a split is unknown, or times of two splits overlap.
        IntervalError: a time is none.

    Example:
        >>> years = TimeSplit({"train": ("2018", "2020"), "val": "2021", "test": "2022"})
        >>> str(years.times["val"])
        '[2021-01-01T00:00:00+00:00, 2022-01-01T00:00:00+00:00)'
    """

    times: Mapping[Split, Interval | Instant | tuple[Instant, Instant]] = field(hash=False)
    """As `Interval.of` reads them; what lies in none belongs to no split."""
    column: str | None = None
    """Of numbered samples: what says when each was seen; None: `start` and `stop`, or `time`, `date`,
    `when` or `year`."""

    def __post_init__(self) -> None:
        if not self.times:
            raise ConfigError("a split by time needs at least one time")
        for name in self.times:
            if name not in SPLITS:
                raise ConfigError(f"unknown split {name!r}{suggest(name, SPLITS)}")
        intervals = {name: Interval.of(when) for name, when in self.times.items()}
        for (one, first), (other, second) in combinations(intervals.items(), 2):
            if first.overlaps(second):
                raise ConfigError(
                    f"the times of {one} ({first}) and {other} ({second}) overlap; give times apart"
                )
        object.__setattr__(self, "times", intervals)

    def regions(self, regions: Sequence[Region]) -> dict[Split, list[Region]]:
        """What of a dataset's regions lies in the time of each split.

        Raises:
            DatasetError: a region has no date, or lies in the times of two splits.
        """
        divided: dict[Split, list[Region]] = {name: [] for name in self.times}
        for region in regions:
            for moment in region.times:
                self._check(region, moment)
            for name, when in self.times.items():
                part = region.during(Interval.of(when))
                if part is not None:
                    divided[name].append(part)
        return divided

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each numbered sample, (n,) objects; None where its time is in none.

        Args:
            columns: What is known of each sample.
            grids: Where each lies, which does not matter here.

        Raises:
            ConfigError: nothing tells when a sample was seen, or one lies in the times of two splits.
        """
        moments = Moments.of_columns(columns, self.column)
        if moments is None:
            raise ConfigError(
                "nothing tells when the samples were seen: they have no column start and stop, time, date, "
                f"when or year (known: {', '.join(columns) or 'nothing'}); name one by "
                "TimeSplit(..., column=)"
            )
        if moments.undated.any():
            number = int(moments.owner[moments.undated.argmax()])
            raise ConfigError(
                f"{int(moments.undated.sum())} samples have no date, such as number {number}, so that they "
                "cannot be divided by time"
            )
        codes: Codes = np.full(len(moments.start), -1, np.int8)
        for name, when in self.times.items():
            inside = moments.during(Interval.of(when))
            both = np.flatnonzero(inside & (codes >= 0))
            if len(both):
                raise ConfigError(
                    f"sample {int(both[0])} lies in the times of {SPLITS[codes[both[0]]]} and {name}; give "
                    "times that hold whole samples"
                )
            codes[inside] = SPLITS.index(name)
        wanted = [SPLITS.index(name) for name in self.times]
        warn_of_lacking(SampleClasses.of_columns(columns), codes, wanted)
        return split_names(codes)

    def _check(self, region: Region, moment: Interval) -> None:
        if moment == ALWAYS:
            raise DatasetError(
                f"{region.name or 'a scene'} has no date, so that it cannot be divided by time; dates come "
                "from file names (filename_regex)"
            )
        met = [name for name, when in self.times.items() if moment.overlaps(Interval.of(when))]
        if len(met) > 1:
            raise DatasetError(
                f"{region.name or 'a scene'} ({moment}) lies in the times of {' and '.join(met)}, which "
                "would share its pixels; give times that hold whole scenes"
            )
