"""What file names say: which scene, which band, when."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import PurePath

from ...core.errors import DatasetError, IntervalError
from ...core.interval import ALWAYS, Interval

_FINE = re.compile(r"%[HMSfIcXsT]")
_DAILY = re.compile(r"%[djxDFu]")
_MONTHLY = re.compile(r"%[mbBh]")


@dataclass(frozen=True, slots=True)
class Naming:
    """How a provider names its files.

    Raises:
        DatasetError: the regular expression does not compile.
    """

    filename_glob: str = "*"
    """Shell pattern of the names wanted."""
    filename_regex: str = ".*"
    """Verbose regular expression that a whole name must match from its start. Known groups: `date`, or
    `start` and `stop`; `band`; `resolution` (of several copies of a band the finest is taken)."""
    date_format: str = "%Y%m%d"
    """`strptime` format of the date groups."""
    separate_files: bool = False
    """Whether each band has a file of its own."""

    def __post_init__(self) -> None:
        for name in ("filename_glob", "filename_regex", "date_format"):
            if not isinstance(getattr(self, name), str):
                raise DatasetError(f"{name} is {getattr(self, name)!r}; give a text")
        try:
            groups = re.compile(self.filename_regex, re.VERBOSE).groupindex
        except re.error as error:
            raise DatasetError(
                f"filename_regex {self.filename_regex!r} is not a regular expression: {error}"
            ) from error
        if self.separate_files and "band" not in groups:
            raise DatasetError(
                "separate_files=True needs a (?P<band>...) group in filename_regex, to say which band a "
                f"file holds; found the groups {sorted(groups) or 'none'}"
            )

    def parse(self, uri: str) -> FileName | None:
        """What the file's name says, or None where it does not match."""
        folder, name = os.path.split(uri)
        match = re.match(self.filename_regex, name, re.VERBOSE)
        if match is None:
            return None
        groups = match.groupdict()
        when = self._when(groups, name)
        if not self.separate_files:
            return FileName(uri, os.path.splitext(name)[0], None, when)  # noqa: PTH122 - per file
        spans = [match.span(g) for g in ("band", "resolution") if groups.get(g) is not None]
        scene = name
        for start, stop in sorted(spans, reverse=True):
            scene = f"{scene[:start]}*{scene[stop:]}"
        if groups.get("resolution") is None:
            # Bands of one scene share a folder, except where the provider sorts them by resolution.
            scene = str(PurePath(folder, scene))
        return FileName(uri, scene, groups["band"], when)

    def _when(self, groups: dict[str, str | None], name: str) -> Interval:
        try:
            if groups.get("date"):
                return interval_from(str(groups["date"]), self.date_format)
            if groups.get("start") and groups.get("stop"):
                first = interval_from(str(groups["start"]), self.date_format)
                return Interval(
                    first.start, interval_from(str(groups["stop"]), self.date_format).stop
                )
        except (ValueError, IntervalError) as error:
            raise DatasetError(
                f"cannot read the date in {name!r} with date_format {self.date_format!r}: {error}"
            ) from error
        return ALWAYS


@dataclass(frozen=True, slots=True)
class FileName:
    """One file, by its name."""

    uri: str
    scene: str
    """What the files of one scene have in common."""
    band: str | None
    when: Interval


@lru_cache(maxsize=4096)
def interval_from(text: str, date_format: str) -> Interval:
    """The year, month, day or second that a date text means, by the finest part of its format.

    Example:
        >>> str(interval_from("2019", "%Y"))
        '[2019-01-01T00:00:00+00:00, 2020-01-01T00:00:00+00:00)'
    """
    instant = datetime.strptime(text, date_format)
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    if _FINE.search(date_format):
        return Interval.of(instant)
    if _DAILY.search(date_format):
        return Interval.of(instant.date())
    return Interval.of(f"{instant:%Y-%m}" if _MONTHLY.search(date_format) else f"{instant:%Y}")
