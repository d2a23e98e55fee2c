"""Answers that wait for their pixels, so that those of a whole batch are read together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..core.query import Sample
from ..io.batch import Order, read_batch


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What must be read for one query, and what becomes of it then."""

    orders: Sequence[Order]
    """To be filled before `finish` is called; none where `finish` reads by itself."""
    finish: Callable[[], Sample | None]
    """Makes the sample; None where nothing lies near the query. Called once."""


def fulfil(plans: Iterable[Plan | None], *, threads: int | None) -> None:
    """Read what the plans need, all together.

    Args:
        plans: None stands for a query without an answer.
        threads: As `read_batch`.
    """
    orders = [order for plan in plans if plan is not None for order in plan.orders]
    if orders:
        read_batch(orders, threads=threads)


def answered(plan: Plan | None) -> Sample | None:
    """The sample of one plan, read by the calling thread."""
    fulfil([plan], threads=1)
    return None if plan is None else plan.finish()
