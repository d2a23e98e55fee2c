"""From documents to items: item collections, folders of items, static catalogues link by link."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ...core.errors import DatasetError
from ...core.suffixes import JSON_SUFFIXES, PARQUET_SUFFIXES
from ...io.access.finding import INDEX_FOLDER
from ...io.access.remote import LANES, without_query
from .addresses import in_memory, joined
from .documents import home_of, is_empty, is_stac, read_json, too_deep
from .filters import Filters
from .items import Item, Located, parse_item
from .json_values import records, text
from .reach import IN_MEMORY, Reach
from .search import Search
from .tables import is_stac_table, table_items

log = logging.getLogger(__name__)

Source = str | Mapping[str, Any] | Search
"""Address of a document, table or folder; a document in memory; a search."""
ROOTS = ("catalog.json", "collection.json")

MOST_LEVELS = 32
"""Of links, from a catalogue to its items. Those of whole missions have six or seven."""

MOST_CATALOGS, MOST_DOCUMENTS = 10_000, 1_000_000
"""Of one source: catalogues and collections, and documents in all."""


@dataclass(frozen=True, slots=True)
class _Link:
    """Where a document is, and what led to it."""

    address: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look through some sources gave."""

    items: list[Item]
    """Each once, in the order of their names."""
    documents: list[str]
    """The local documents and folders on which it depends."""


def found_items(sources: Sequence[Source], filters: Filters, reach: Reach | None = None) -> Found:
    """The items wanted of some sources.

    Args:
        sources: Where to look.
        filters: What to take.
        reach: Where addresses inside may lead. Default: where it is safe.

    Raises:
        DatasetError: a document is missing or no STAC, leads too far, or no item is wanted; the message says
            which.
    """
    reach = Reach() if reach is None else reach
    items: dict[tuple[str | None, str], Item] = {}
    seen = repeated = 0
    documents: list[str] = []
    for source in sources:
        for item in _items_of(source, filters, reach, documents):
            seen += 1
            repeated += (item.collection, item.name) in items
            items.setdefault((item.collection, item.name), item)
    if not items:
        raise DatasetError(
            f"no item of {_named(sources)} is wanted; widen roi, when, collections or where, or check that "
            "the catalogue has items"
        )
    if repeated:
        log.info("%d of %d items came more than once", repeated, seen)
    ordered = sorted(items.values(), key=lambda item: (item.name, item.collection or ""))
    return Found(ordered, sorted({d for d in documents if "://" not in d}))


def _named(sources: Sequence[Source]) -> str:
    first = sources[0]
    shown = without_query(first) if isinstance(first, str) else str(first)[:80]
    return shown if len(sources) == 1 else f"{shown} and {len(sources) - 1} others"


def _items_of(
    source: Source, filters: Filters, reach: Reach, documents: list[str]
) -> Iterator[Item]:
    """The items wanted of one source; what was read is added to the documents."""
    if isinstance(source, Search):
        for document, home in source.documents(reach):
            yield from _wanted([document], home, filters, reach, source.url)
    elif not isinstance(source, str):
        if not (is_stac(source) and source["type"].startswith("Feature")) and not is_empty(source):
            raise DatasetError(
                f"a document in memory with the fields {', '.join(map(str, list(source)[:8]))[:200]} is not "
                "a STAC item or item collection (version 1.0 or later); give a catalogue by its address"
            )
        yield from _items_in(source, in_memory(), filters, reach, IN_MEMORY, inside=True)
    elif "://" not in source and Path(source).is_dir():
        yield from _items_under(Path(source), filters, reach, documents)
    elif source.lower().partition("?")[0].endswith(PARQUET_SUFFIXES):
        documents.append(source)
        yield from _table(source, filters, reach)
    else:
        yield from _walked([_Link(source)], filters, reach, documents)


def _items_under(
    folder: Path, filters: Filters, reach: Reach, documents: list[str]
) -> Iterator[Item]:
    """Of a folder: by its catalogue, where it has one, else of all documents below."""
    roots = [_Link(str(folder / name)) for name in ROOTS if (folder / name).is_file()]
    if roots:
        yield from _walked(roots[:1], filters, reach, documents)
        return
    below = sorted(path for path in folder.rglob("*") if INDEX_FOLDER not in path.parts)
    files = [path for path in below if path.suffix.lower() in JSON_SUFFIXES]
    tables = [path for path in below if path.name.lower().endswith(PARQUET_SUFFIXES)]
    documents += map(str, [folder, *files, *tables, *(path for path in below if path.is_dir())])
    with ThreadPoolExecutor(LANES) as pool:
        for path, document in zip(files, pool.map(_json_or_none, files), strict=True):
            if is_stac(document) and document["type"].startswith("Feature"):
                yield from _items_in(document, str(path), filters, reach, str(path))
    for table in tables:
        if is_stac_table(str(table)):
            yield from _table(str(table), filters, reach)


def _json_or_none(path: Path) -> Any:
    try:
        return read_json(str(path))
    except DatasetError:
        return None


def _table(address: str, filters: Filters, reach: Reach) -> Iterator[Item]:
    for item in table_items(address, filters, reach):
        yield _within_reach(item, reach, address)


def _walked(
    links: Sequence[_Link], filters: Filters, reach: Reach, documents: list[str]
) -> Iterator[Item]:
    """Follow links, level by level, as many at once as there are lanes; no document twice.

    Raises:
        DatasetError: a catalogue has no end: more levels or documents than any that was made to be read.
    """
    root, seen, without_items = links[0].address, set[str](), 0
    with ThreadPoolExecutor(LANES) as pool:
        for _ in range(MOST_LEVELS):
            links = list({n.address: n for n in links if n.address not in seen}.values())
            if not links:
                return
            seen.update(link.address for link in links)
            documents += (link.address for link in links)
            below: list[_Link] = []
            for link, document in zip(links, pool.map(partial(_read, reach), links), strict=True):
                if document["type"].startswith("Feature"):
                    yield from _items_in(document, link.address, filters, reach, link.address)
                    continue
                without_items += 1
                below += _links_of(document, link.address, filters, reach)
                if without_items > MOST_CATALOGS or len(seen) + len(below) > MOST_DOCUMENTS:
                    raise _endless(root, f"{len(seen) + len(below):,} documents")
            links = below
    raise _endless(root, f"{MOST_LEVELS} levels of links")


def _endless(root: str, address: str) -> DatasetError:
    return DatasetError(
        f"{without_query(root)} leads on after {address}, as if it had no end; narrow it down with "
        "collections, roi or when, or open a collection, a table of its items or its API's search"
    )


def _read(reach: Reach, link: _Link) -> Any:
    document = read_json(link.address, linked=link.origin, reach=reach)
    if not is_stac(document) and not is_empty(document):
        raise DatasetError(
            f"{without_query(link.address)}{link.origin} is JSON, but no STAC item, item collection, "
            "catalogue or collection (version 1.0 or later)"
        )
    return document


def _links_of(
    document: Mapping[str, Any], home: str, filters: Filters, reach: Reach
) -> Iterator[_Link]:
    """The links from a catalogue or collection that may lead to wanted items."""
    shown = without_query(home)
    collection = document["type"] == "Collection"
    if collection and not filters.may_hold(document.get("extent"), shown):
        return
    name = text(document.get("id"), "the id", shown)
    other = filters.collections is not None and name not in filters.collections
    links = [
        (text(link.get("rel"), "the rel of a link", shown), link)
        for link in records(document["links"], "links", shown)
    ]
    rels = {rel for rel, _ in links}
    if not rels & {"child", "item"} and rels & {"items", "search"}:
        roots = [link for rel, link in links if rel == "root"]
        root = _address(roots[0], home, "root") if roots else home
        raise DatasetError(
            f"{shown} belongs to a STAC API, whose items are found by a search: "
            f"StacDataset.search({root!r}, collections=...)"
        )
    for rel, link in links:
        if rel == "child" or (rel == "item" and not (collection and other)):
            address = _address(link, home, rel)
            reach.require(address, home, f"a link ({rel}) of {shown}")
            yield _Link(address, f" (linked as {rel} from {shown})")


def _address(link: Mapping[str, Any], home: str, rel: str) -> str:
    href = link.get("href")
    if not href or not isinstance(href, str):
        raise DatasetError(f"{without_query(home)} has a link ({rel}) without href; correct it")
    return joined(home, href)


def _items_in(
    document: Mapping[str, Any],
    home: str,
    filters: Filters,
    reach: Reach,
    origin: str,
    *,
    inside: bool = False,
) -> Iterator[Item]:
    """Of an item or item collection. `inside`: it is not a file, so that its own links give its address."""
    if document["type"] == "FeatureCollection":
        for record in records(document["features"], "features", without_query(home)):
            yield from _wanted([record], home_of(record, home), filters, reach, origin)
    else:
        place = home_of(document, home) if inside else home
        yield from _wanted([document], place, filters, reach, origin)


def _wanted(
    documents: Iterable[Mapping[str, Any]], home: str, filters: Filters, reach: Reach, origin: str
) -> Iterator[Item]:
    """Items of documents that were found at `origin`, and say that they are at `home`."""
    for document in documents:
        try:
            item = parse_item(document, home)
        except RecursionError as error:
            raise too_deep(f"an item of {without_query(home)}") from error
        if filters.takes(item, document.get("properties") or {}):
            yield _within_reach(item, reach, origin)


def _within_reach(item: Item, reach: Reach, origin: str) -> Item:
    """The item, whose assets lie where its document may lead."""

    def located(key: str) -> Located:
        asset = item.located(key)
        reach.require(asset.href, origin, f"asset {key!r} of item {item.name!r}")
        return asset

    return replace(item, located=located)
