"""Which data of one layer go with which of another, by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from numbers import Real
from typing import Literal, get_args

import numpy as np
import shapely
from shapely import STRtree

from ...core.errors import DatasetError, suggest
from ...core.interval import ALWAYS, Interval
from ..region import Region, describe_regions

Rule = Literal["overlap", "same_year", "nearest", "static"]
"""See `Pairing`."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """How the times of an intersection's parts go together.

    The first part that has an image leads; each of the others is paired with it, whatever else there is.

    - `overlap`: what shares an instant. Each part is asked with the query's own interval.
    - `same_year`: what overlaps the calendar year (UTC) that holds the middle of the leading acquisition.
    - `nearest`: the one acquisition nearest in time, at most `days` away, by `Interval.distance`; of equally
      near ones that whose ends are nearer, then the earlier.
    - `static`: everything; the parts beside the leading one have no date that matters.

    Undated data goes with everything, under each rule.

    Raises:
        DatasetError: no rule is called so, or `days` is missing, negative or out of place.

    Example:
        >>> day, years = Interval.of("2019-07-27"), [Interval.of(y) for y in ("2018", "2019", "2020")]
        >>> Pairing("same_year").partners(day, years) == (Interval.of("2019"),)
        True
    """

    rule: Rule = "overlap"
    days: float | None = None
    """Of `nearest`: the longest time between the two."""

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise DatasetError(
                f"no pairing is called {self.rule!r}{suggest(self.rule, get_args(Rule))}"
            )
        if self.rule != "nearest":
            if self.days is not None:
                raise DatasetError(
                    f"pairing {self.rule!r} with days={self.days}: only 'nearest' takes days; leave it out"
                )
        elif not (isinstance(self.days, Real) and self.days >= 0):
            raise DatasetError(f"pairing 'nearest' with days={self.days!r}; give days, 0 or more")

    @classmethod
    def of(cls, pairing: Pairing | Rule) -> Pairing:
        """The pairing, or the one of a rule's name."""
        return pairing if isinstance(pairing, Pairing) else cls(pairing)

    def choices(
        self, moment: Interval, others: Sequence[Interval]
    ) -> tuple[tuple[Interval, ...], ...]:
        """What may go with a moment, the first choice first; each is a set of moments that go together."""
        if self.rule == "static" or moment == ALWAYS:
            candidates = [tuple(others)]
        elif self.rule == "nearest":
            assert self.days is not None  # checked when it was made
            candidates = [(other,) for other in moment.nearest(others, timedelta(days=self.days))]
        else:
            span = moment.year if self.rule == "same_year" else moment
            candidates = [tuple(other for other in others if other.overlaps(span))]
        return tuple(choice for choice in candidates if choice)

    def partners(self, moment: Interval, others: Sequence[Interval]) -> tuple[Interval, ...]:
        """What goes with a moment, in the order given; nothing where nothing may."""
        return next(iter(self.choices(moment, others)), ())

    def __str__(self) -> str:
        return repr(self.rule) + ("" if self.days is None else f" within {self.days:g} days")


def newest_pair(
    pairing: Pairing, leading: Sequence[Interval], others: Sequence[Sequence[Interval]]
) -> tuple[tuple[Interval, ...], ...] | None:
    """The moments to ask each part for, so that all of them belong together.

    Args:
        pairing: The rule.
        leading: Of the leading part, oldest first.
        others: Of each of the other parts.

    Returns:
        For the leading part, the newest moment that has a partner in each of the others and those that have
        the same partners; then those partners, part by part. None where nothing goes together.
    """
    newest: tuple[tuple[Interval, ...], ...] | None = None
    members: list[Interval] = []
    for moment in reversed(leading):
        partners = tuple(pairing.partners(moment, other) for other in others)
        if not all(partners) or (newest is not None and partners != newest):
            continue
        newest = partners
        members.append(moment)
    return None if newest is None else (tuple(reversed(members)), *newest)


def meet(
    regions: Sequence[Region], others: Sequence[Region], pairing: Pairing
) -> tuple[Region, ...]:
    """Regions cut to where the others have what goes with them.

    Others that go with a region at one time act as one. Under `nearest`, each place of a region goes with
    the nearest that lies there.

    Raises:
        DatasetError: they never meet; the message says whether in space or in time.
    """
    parts, owners = shapely.get_parts([o.footprint for o in others], return_index=True)
    tree = STRtree(parts)
    met: list[Region] = []
    for region in regions:
        pieces = shapely.get_parts(region.footprint)
        near = [others[i] for i in np.unique(owners[tree.query(pieces)[1]])]
        met.extend(
            _shared(region, near) if pairing.rule == "overlap" else _paired(region, near, pairing)
        )
    if not met:
        raise DatasetError(_never_meet(regions, others, pairing))
    return tuple(met)


def _shared(region: Region, near: Sequence[Region]) -> Iterator[Region]:
    """What a region shares with others in space and time; those of one time act as one."""
    by_time: dict[object, list[Region]] = {}
    for other in near:
        cut = region & other
        if cut is not None:
            by_time.setdefault(cut.when, []).append(cut)
    return (_merged(cuts) for cuts in by_time.values())


def _paired(region: Region, near: Sequence[Region], pairing: Pairing) -> Iterator[Region]:
    """What a region shares in space with others that go with its moments."""
    times = sorted({time for other in near for time in other.times})
    by_choice: dict[tuple[tuple[Interval, ...], ...], list[Interval]] = {}
    for moment in region.times:
        by_choice.setdefault(pairing.choices(moment, times), []).append(moment)
    for choices, moments in by_choice.items():
        left: Region | None = region.at(moments) if region.moments else region
        for choice in choices:
            if left is None:
                break
            going = [other for other in near if not set(choice).isdisjoint(other.times)]
            cuts = [cut for other in going if (cut := left & _timeless(other)) is not None]
            if cuts:
                taken = _merged(cuts)
                yield taken
                left = left.without(taken)


def _timeless(region: Region) -> Region:
    return replace(region, when=ALWAYS, moments=())


def _merged(cuts: Sequence[Region]) -> Region:
    if len(cuts) == 1:
        return cuts[0]
    limits = [cut.limit for cut in cuts]
    return replace(
        cuts[0],
        limit=None if None in limits else shapely.union_all(limits),
        area=shapely.union_all([cut.area for cut in cuts]),
        footprint=shapely.union_all([cut.footprint for cut in cuts]),
    )


def _never_meet(regions: Sequence[Region], others: Sequence[Region], pairing: Pairing) -> str:
    ground = shapely.union_all([r.footprint for r in others])
    times = [time for other in others for time in other.times]
    in_space = any(r.footprint.intersects(ground) for r in regions)
    in_time = any(pairing.choices(time, times) for r in regions for time in r.times)
    rule = "" if pairing.rule == "overlap" else f" by the pairing {pairing}"
    if in_space and in_time:
        how = f"where they share a place, they share no time{rule}"
    elif in_space:
        how = f"they share places, but no time{rule}"
    elif in_time:
        how = "they share no place on Earth"
    else:
        how = f"they share neither place nor time{rule}"
    return (
        f"the intersection is empty: {how}. One holds {describe_regions(regions)}; the other holds "
        f"{describe_regions(others)}"
    )
