"""Datasets made of datasets: what lies in both, and what lies in either."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

import shapely
from shapely import STRtree

from ..core.bands import Band
from ..core.classes import Classes
from ..core.errors import DatasetError
from ..core.query import Query, Sample
from .bandmatch import match_bands
from .base import GeoDataset, Layer, describe
from .plan import Plan, answered
from .region import Region
from .sample import filled, joined, picked


class IntersectionDataset(GeoDataset):
    """Layers that share places and times: `imagery & labels`.

    A sample holds the image and the mask of its parts on the query's grid; several images are concatenated
    along their channels. A pixel is valid where it is valid in all parts. Regions are those of the first
    part that has an image, cut to where the others have data at the same time: labels come to the imagery's
    pixels, whichever is named first. Make one with `&`, which flattens and drops duplicates.

    Args:
        parts: At least two datasets.

    Raises:
        DatasetError: the parts never meet; the message says whether in space or in time.
    """

    def __init__(self, *parts: GeoDataset) -> None:
        self.parts = _distinct(_flattened(parts, IntersectionDataset))
        lead = next((p for p in self.parts if "image" in p.layers), self.parts[0])
        self._order = (lead, *(p for p in self.parts if p is not lead))
        self.regions  # noqa: B018 - found now, so that datasets that never meet are refused now

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the images, in channel order; of the first mask where there is no image."""
        imagery = [band for p in self.parts if "image" in p.layers for band in p.bands]
        return tuple(imagery) or self.parts[0].bands

    @property
    def layers(self) -> frozenset[Layer]:
        """Those of all parts."""
        return frozenset().union(*(p.layers for p in self.parts))

    @property
    def classes(self) -> Classes | None:
        """Of the first part that has classes."""
        return next((p.classes for p in self.parts if p.classes is not None), None)

    def _identity(self) -> Hashable:
        return self.parts

    def _find_regions(self) -> tuple[Region, ...]:
        regions = self._order[0].regions
        for part in self._order[1:]:
            met = _meet(regions, part.regions)
            if not met:
                raise DatasetError(_never_meet(regions, part.regions))
            regions = met
        return regions

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        return answered(self._plan([query], channels)[0])

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        by_part = [part.plan(queries) for part in self.parts]
        return [_all_or_none(plans, channels) for plans in zip(*by_part, strict=True)]

    def __repr__(self) -> str:
        return " & ".join(_bracketed(p) for p in self.parts)


class UnionDataset(GeoDataset):
    """Datasets of one kind side by side: `landsat7 | landsat8`.

    Where several hold a pixel, the one with the newest data under the query gives it, then the next ones
    fill what it did not observe. Sensors with different bands are matched by what the bands measure. Make
    one with `|`, which flattens, drops duplicates, and gives back a dataset that stands alone.

    Args:
        parts: Different datasets with the same layers.

    Raises:
        DatasetError: one part has images and another has masks.
        BandError: the bands cannot be matched.
    """

    def __init__(self, *parts: GeoDataset) -> None:
        self.parts = _distinct(_flattened(parts, UnionDataset))
        if any(p.layers != self.parts[0].layers for p in self.parts):
            kinds = "; ".join(
                f"{type(p).__name__} gives {', '.join(sorted(p.layers))}" for p in self.parts
            )
            raise DatasetError(
                f"a union needs datasets of one kind, found {kinds}; to stack imagery and labels use &"
            )
        self._bands = self.parts[0].bands
        self._channels: list[tuple[int, ...] | None] = [None] * len(self.parts)
        if "image" in self.layers:
            named = [(type(p).__name__, p.bands) for p in self.parts]
            self._bands, self._channels = match_bands(named)

    @property
    def bands(self) -> tuple[Band, ...]:
        """Those that all parts share, as the first one describes them."""
        return self._bands

    @property
    def layers(self) -> frozenset[Layer]:
        """Those of every part."""
        return self.parts[0].layers

    @property
    def classes(self) -> Classes | None:
        """Of the parts; they must agree.

        Raises:
            DatasetError: codes mean different classes in different parts.
        """
        known = list(dict.fromkeys(p.classes for p in self.parts if p.classes is not None))
        if len(known) > 1:
            meanings = " and ".join(
                str(dict(zip(k.codes, k.names, strict=True))) for k in known[:2]
            )
            raise DatasetError(
                f"the union's parts give codes different meanings: {meanings}; give all the same classes"
            )
        return known[0] if known else None

    def _identity(self) -> Hashable:
        return self.parts

    def _find_regions(self) -> tuple[Region, ...]:
        return tuple(dict.fromkeys(region for part in self.parts for region in part.regions))

    def _newest(self, query: Query) -> float:
        return max(part._newest(query) for part in self.parts)

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        return answered(self._plan([query], channels)[0])

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        """Only the first part that has something is read with the batch; seldom is another needed."""
        ranked = [self._ranked(query) for query in queries]
        plans: list[Plan | None] = [None] * len(queries)
        waiting = list(range(len(queries)))
        for rank in range(len(self.parts)):
            for number, part in enumerate(self.parts):
                members = [i for i in waiting if ranked[i][rank] == number]
                own = _through(self._channels[number], channels)
                drawn = part.plan([queries[i] for i in members], own) if members else []
                for i, plan in zip(members, drawn, strict=True):
                    if plan is not None:
                        rest = ranked[i][rank + 1 :]
                        finish = partial(self._completed, plan, rest, queries[i], channels)
                        plans[i] = Plan(plan.orders, finish)
            waiting = [i for i in waiting if plans[i] is None]
        return plans

    def _ranked(self, query: Query) -> list[int]:
        """Numbers of the parts, the one with the newest data under the query first."""
        newest = [part._newest(query) for part in self.parts]
        return sorted(range(len(self.parts)), key=lambda number: newest[number], reverse=True)

    def _completed(
        self, plan: Plan, rest: Sequence[int], query: Query, channels: tuple[int, ...] | None
    ) -> Sample | None:
        """The planned sample, its gaps filled from the rest of the parts."""
        whole = plan.finish()
        for number in rest:
            if whole is not None and whole["valid"].numpy().all():
                break
            sample = self.parts[number].answer(query, _through(self._channels[number], channels))
            if sample is not None:
                whole = sample if whole is None else filled(whole, sample)
        return whole

    def __repr__(self) -> str:
        return " | ".join(_bracketed(p) for p in self.parts)


def intersection(*datasets: GeoDataset) -> GeoDataset:
    """What lies in all datasets; one that stands alone (`a & a`) is given back itself.

    Raises:
        DatasetError: they never meet; the message says whether in space or in time.
    """
    parts = _distinct(_flattened(datasets, IntersectionDataset))
    return parts[0] if len(parts) == 1 else IntersectionDataset(*parts)


def union(*datasets: GeoDataset) -> GeoDataset:
    """What lies in either dataset; one that stands alone (`a | a`) is given back itself.

    Raises:
        DatasetError: one has images and another has masks.
        BandError: the bands cannot be matched.
    """
    parts = _distinct(_flattened(datasets, UnionDataset))
    return parts[0] if len(parts) == 1 else UnionDataset(*parts)


def _all_or_none(plans: Sequence[Plan | None], channels: tuple[int, ...] | None) -> Plan | None:
    """One plan of those of all layers; None where a layer has nothing."""
    known = [plan for plan in plans if plan is not None]
    if len(known) < len(plans):
        return None
    orders = [order for plan in known for order in plan.orders]
    return Plan(orders, partial(_joined, known, channels))


def _joined(plans: Sequence[Plan], channels: tuple[int, ...] | None) -> Sample | None:
    samples = []
    for plan in plans:
        sample = plan.finish()
        if sample is None:
            return None
        samples.append(sample)
    return picked(joined(samples), channels)


def _flattened(parts: tuple[GeoDataset, ...], kind: type) -> tuple[GeoDataset, ...]:
    """Parts of parts of the same kind, unless transforms hold them together."""
    flat: list[GeoDataset] = []
    for part in parts:
        if type(part) is kind and part.transforms is None:
            flat.extend(part.parts)  # type: ignore[attr-defined]
        else:
            flat.append(part)
    return tuple(flat)


def _distinct(parts: tuple[GeoDataset, ...]) -> tuple[GeoDataset, ...]:
    return tuple(dict.fromkeys(parts))


def _bracketed(part: GeoDataset) -> str:
    return f"({part!r})" if isinstance(part, (IntersectionDataset, UnionDataset)) else repr(part)


def _through(
    own: tuple[int, ...] | None, channels: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    if own is None or channels is None:
        return own if channels is None else channels
    return tuple(own[i] for i in channels)


def _meet(regions: tuple[Region, ...], others: tuple[Region, ...]) -> tuple[Region, ...]:
    """Regions cut to the others; those of the others that share one interval with a region act as one."""
    parts, owners = shapely.get_parts([o.footprint for o in others], return_index=True)
    tree = STRtree(parts)
    met: list[Region] = []
    for region in regions:
        pieces = shapely.get_parts(region.footprint)
        near = sorted({int(owners[i]) for i in tree.query(pieces)[1]})
        by_time: dict[object, list[Region]] = {}
        for other in (others[i] for i in near):
            cut = region & other
            if cut is not None:
                by_time.setdefault(cut.when, []).append(cut)
        met.extend(_merged(cuts) for cuts in by_time.values())
    return tuple(met)


def _merged(cuts: list[Region]) -> Region:
    if len(cuts) == 1:
        return cuts[0]
    first = cuts[0]
    return Region(
        frame=first.frame,
        area=shapely.union_all([cut.area for cut in cuts]),
        crs=first.crs,
        when=first.when,
        footprint=shapely.union_all([cut.footprint for cut in cuts]),
        name=first.name,
    )


def _never_meet(regions: tuple[Region, ...], others: tuple[Region, ...]) -> str:
    ground = shapely.union_all([r.footprint for r in others])
    in_space = any(r.footprint.intersects(ground) for r in regions)
    in_time = any(r.when.overlaps(o.when) for r in regions for o in others)
    if in_space and in_time:
        how = "where they share a place, they share no time"
    elif in_space:
        how = "they share places, but no time"
    elif in_time:
        how = "they share no place on Earth"
    else:
        how = "they share neither place nor time"
    return (
        f"the intersection is empty: {how}. One holds {describe(regions)}; the other holds "
        f"{describe(others)}"
    )
