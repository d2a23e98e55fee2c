"""Answers that wait for their pixels, so that those of a whole batch are read together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from ...core.query import Sample
from ...io.batch import ReadOrder, read_batch
from ...io.explain import FileRead, explain_order

_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What must be read for one query, and what becomes of it then."""

    orders: Sequence[ReadOrder]
    """To be filled before `finish` is called; none where `finish` reads by itself."""
    finish: Callable[[], Sample | None]
    """Makes the sample; None where nothing lies near the query. Called once."""
    waits: bool = False
    """Whether finishing is mostly waiting, for a server perhaps; such plans finish side by side."""
    describe: Callable[[], Iterable[FileRead]] | None = None
    """What finishing reads, where that is not in the orders."""

    def reads(self) -> Iterator[FileRead]:
        """Which windows of which files this will read, and how; no pixel is read."""
        for order in self.orders if self.describe is None else ():
            yield from explain_order(order)
        if self.describe is not None:
            yield from self.describe()


def fulfil(plans: Iterable[Plan | None], *, threads: int | None) -> None:
    """Read what the plans need, all together.

    Args:
        plans: None stands for a query without an answer.
        threads: As `read_batch`.
    """
    orders = [order for plan in plans if plan is not None for order in plan.orders]
    if orders:
        read_batch(orders, threads=threads)


def at_once(plans: Sequence[Plan | None]) -> list[Plan | None]:
    """Plans of which those that wait all finish together, by threads, when the first of them is finished."""
    waiting = [plan for plan in plans if plan is not None and plan.waits]
    if len(waiting) < 2:
        return list(plans)
    group = _Group([plan.finish for plan in waiting])
    numbers = iter(range(len(waiting)))
    return [
        replace(plan, finish=partial(group.finish, next(numbers)))
        if plan is not None and plan.waits
        else plan
        for plan in plans
    ]


class _Group:
    """Calls that are made together once the result of one is wanted."""

    def __init__(self, calls: Sequence[Callable[[], Sample | None]]) -> None:
        self._calls = calls
        self._made: list[Future[Sample | None]] | None = None
        self._lock = threading.Lock()

    def finish(self, number: int) -> Sample | None:
        with self._lock:
            if self._made is None:
                # Threads of this batch's own, as they wait for those that read.
                pool = ThreadPoolExecutor(min(_AT_ONCE, len(self._calls)))
                self._made = [pool.submit(call) for call in self._calls]
                pool.shutdown(wait=False)
        return self._made[number].result()


def answered(plan: Plan | None) -> Sample | None:
    """The sample of one plan, read by the calling thread."""
    fulfil([plan], threads=1)
    return None if plan is None else plan.finish()
