"""Which band of which asset answers to a name."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...core.bands import Band
from ...core.errors import BandError, DatasetError, ReadError, suggest
from ...io.headers.header import Header
from .assets import AssetBand, AssetKind, data_assets
from .items import Item

log = logging.getLogger(__name__)

Read = Callable[[str], Header]
"""Address -> header."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One channel of a dataset, in one kind of item."""

    key: str
    """The asset."""
    index: int
    """Number of the band in its file, from 1."""
    band: Band
    dtype: str | None = None
    """In which its values are stored, where the item says it."""


class Choices:
    """The bands of items, sort by sort; equal sorts are looked at once.

    Args:
        wanted: Names, in order: of bands, of assets (all of whose bands are meant), or common names. None
            means all bands of the assets that hold data.
        read: For assets whose items do not say which bands they hold: the first file decides for all.
    """

    def __init__(self, wanted: Sequence[str] | None, read: Read) -> None:
        self._wanted, self._read = wanted, read
        self._known: dict[tuple[int, ...], tuple[tuple[AssetKind, ...], tuple[Choice, ...]]] = {}
        self._read_kinds: dict[AssetKind, AssetKind] = {}

    def of(self, item: Item) -> tuple[Choice, ...]:
        """The channels of an item.

        Raises:
            BandError: a name is unknown or means several bands; the message lists what there is.
        """
        sort = tuple(map(id, item.kinds))
        known = self._known.get(sort)
        if known is None:
            # The kinds are kept beside their choice, so that their identities stay their own.
            known = self._known[sort] = item.kinds, self._choose(item)
        return known[1]

    def _choose(self, item: Item) -> tuple[Choice, ...]:
        if self._wanted is None:
            kinds = [self._whole(kind, item) for kind in data_assets(item.kinds)]
            return tuple(choice for kind in kinds for choice in _all_of(kind))
        return tuple(choice for name in self._wanted for choice in self._named(name, item))

    def _named(self, name: str, item: Item) -> tuple[Choice, ...]:
        by_key = {kind.key: kind for kind in item.kinds}
        if name in by_key:
            kind = self._whole(by_key[name], item)
            alone = len(kind.bands) == 1
            first = kind.bands[0]
            return (Choice(name, 1, _called(first, name), first.dtype),) if alone else _all_of(kind)
        for kinds in (data_assets(item.kinds), item.kinds):
            matches = _called_so(name, kinds, by_own_name=True) or _called_so(name, kinds)
            if len(matches) > 1:
                raise BandError(
                    f"item {item.name!r} of {item.home} has several bands {name!r}: in the assets "
                    f"{', '.join(choice.key for choice in matches)}; name one of these"
                )
            if matches:
                return matches
        known = {band.band.name for kind in item.kinds for band in kind.bands} | set(by_key)
        common = {n for kind in item.kinds for band in kind.bands for n in band.names}
        raise BandError(
            f"item {item.name!r} of {item.home} has no band {name!r}{suggest(name, known | common)}"
        )

    def _whole(self, kind: AssetKind, item: Item) -> AssetKind:
        """The asset with its bands, taken from its file where the item does not describe them."""
        if kind.bands:
            return kind
        if kind not in self._read_kinds:
            header = self._header(kind, item)
            log.info("items do not say which bands asset %r holds: one header read", kind.key)
            numbers = header.data_bands
            named = [header.descriptions[i - 1] or f"{kind.key}_{i}" for i in numbers]
            names = [kind.key] if len(numbers) == 1 else named
            self._read_kinds[kind] = replace(
                kind, bands=tuple(AssetBand(Band(name), ()) for name in names)
            )
        return self._read_kinds[kind]

    def _header(self, kind: AssetKind, item: Item) -> Header:
        try:
            return self._read(item.located(kind.key).href)
        except ReadError as error:
            raise ReadError(
                f"item {item.name!r} does not say which bands its asset {kind.key!r} holds, and its file "
                f"cannot be read: {error}; leave it out by naming others with bands=[...]"
            ) from error


def _called_so(
    name: str, kinds: Sequence[AssetKind], *, by_own_name: bool = False
) -> tuple[Choice, ...]:
    """The bands of a name, or of another name that is theirs too."""
    return tuple(
        Choice(kind.key, i, _called(band, name), band.dtype)
        for kind in kinds
        for i, band in enumerate(kind.bands, 1)
        if (name == band.band.name if by_own_name else name in band.names)
    )


def _all_of(kind: AssetKind) -> tuple[Choice, ...]:
    return tuple(Choice(kind.key, i, b.band, b.dtype) for i, b in enumerate(kind.bands, 1))


def _called(band: AssetBand, name: str) -> Band:
    return band.band if band.band.name == name else replace(band.band, name=name)


def common_bands(chosen: Sequence[tuple[Choice, ...]]) -> tuple[str, ...]:
    """The bands that all items have, in the order of the first; the log names those that are left out.

    Raises:
        DatasetError: there are none, or two bands of an item have one name.
    """
    sorts = list({id(choices): choices for choices in chosen}.values())
    names = [[choice.band.name for choice in choices] for choices in sorts]
    for each in names:
        twice = sorted(name for name, count in Counter(each).items() if count > 1)
        if twice:
            raise DatasetError(
                f"the assets of an item have several bands {', '.join(twice)}; choose with bands=[...], by "
                "the assets' names"
            )
    common = frozenset(names[0]).intersection(*names[1:])
    kept = tuple(name for name in names[0] if name in common)
    if not kept:
        other = next((e for e in names if not set(e) & set(names[0])), names[-1])
        raise DatasetError(
            f"the items have no band in common: some hold {', '.join(names[0]) or 'no data asset'}, others "
            f"{', '.join(other) or 'no data asset'}; open them apart with collections=, or choose "
            "bands=[...] by common names such as 'red'"
        )
    dropped = sorted({name for each in names for name in each} - set(kept))
    if dropped:
        log.warning("not in all items, so left out: %s", ", ".join(dropped))
    return kept


def require_same_bands(items: Sequence[Item], chosen: Sequence[tuple[Choice, ...]]) -> None:
    """Hold the bands of items against each other, where an asset's name may mean several.

    Raises:
        DatasetError: two items differ; the message names both.
    """
    first = [choice.band.name for choice in chosen[0]]
    for choices, item in {
        id(choices): (choices, item) for choices, item in zip(chosen, items, strict=True)
    }.values():
        names = [choice.band.name for choice in choices]
        if names != first:
            raise DatasetError(
                f"the names asked for mean {', '.join(first)} in item {items[0].name!r} and "
                f"{', '.join(names)} in {item.name!r}; name the bands one by one, or open the "
                "items apart with collections="
            )
