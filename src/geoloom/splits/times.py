"""Training, test and validation apart in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from ..core.errors import ConfigError, DatasetError, suggest
from ..core.interval import ALWAYS, Instant, Interval
from ..datasets.region import Region
from .names import SPLITS, Split


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
