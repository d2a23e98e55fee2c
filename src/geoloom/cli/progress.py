"""Progress: a bar on a terminal, a plain line now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .streams import on_a_terminal, tell

Advance = Callable[[int, int], None]
"""Called with (done, total), counts of the same thing."""

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def tracking(label: str, *, quiet: bool = False) -> Iterator[Advance]:
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
def _bar(label: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

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
        tell(f"{self._label}: {done}/{total}{share}")
