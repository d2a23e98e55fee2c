"""Progress: a bar on a terminal, a plain line now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .streams import on_a_terminal, report

if TYPE_CHECKING:
    from ..core.progress import Progress

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def tracking(label: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show how far `label` has come, on stderr, for as long as the block runs.

    Example:
        >>> with tracking("tiles", quiet=True) as advance:
        ...     advance(1, 10)
    """
    if quiet:
        yield lambda done, total: None
    elif on_a_terminal():
        with _bar(label) as advance:
            yield advance
    else:
        yield _Lines(label)


@contextmanager
def _bar(label: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


class _Lines:
    """A line at the start, every ten seconds, and at the end: what a log file can bear."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._last = -SECONDS_BETWEEN_LINES

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        share = f" ({100 * done // total} %)" if total else ""
        report(f"{self._label}: {done}/{total}{share}")
