"""From documents to items: item collections, folders of items, static catalogues link by link."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import DatasetError
from ...io.finding import INDEX_FOLDER
from ...io.remote import LANES, without_query
from .addresses import joined, located
from .documents import home_of, is_stac, read_json
from .filters import Filters
from .items import Item, parse_item
from .search import Search
from .tables import TABLES, is_stac_table, table_items

log = logging.getLogger(__name__)

Source = str | Mapping[str, Any] | Search
"""Address of a document, table or folder; a document in memory; a search."""
ROOTS = ("catalog.json", "collection.json")
JSON = (".json", ".geojson")


@dataclass(frozen=True, slots=True)
class _Link:
    """Where a document is, and what led to it."""

    address: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look through some sources gave."""

    items: list[Item]
    """Each once, in the order of their names."""
    documents: list[str]
    """The local documents and folders on which it depends."""


def found_items(sources: Sequence[Source], filters: Filters) -> Found:
    """The items wanted of some sources.

    Raises:
        DatasetError: a document is missing or no STAC, or no item is wanted; the message says which.
    """
    items: dict[tuple[str | None, str], Item] = {}
    seen = repeated = 0
    documents: list[str] = []
    for source in sources:
        for item in _items_of(source, filters, documents):
            seen += 1
            repeated += (item.collection, item.name) in items
            items.setdefault((item.collection, item.name), item)
    if not items:
        raise DatasetError(
            f"no item of {_named(sources)} is wanted; widen bbox, when, collections or where, or check that "
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


def _items_of(source: Source, filters: Filters, documents: list[str]) -> Iterator[Item]:
    """The items wanted of one source; what was read is added to the documents."""
    if isinstance(source, Search):
        for document, home in source.documents():
            yield from _wanted([document], home, filters)
    elif not isinstance(source, str):
        yield from _items_in(source, located("."), filters, inside=True)
    elif "://" not in source and Path(source).is_dir():
        yield from _items_under(Path(source), filters, documents)
    elif source.lower().partition("?")[0].endswith(TABLES):
        documents.append(source)
        yield from table_items(source, filters)
    else:
        yield from _walked([_Link(source)], filters, documents)


def _items_under(folder: Path, filters: Filters, documents: list[str]) -> Iterator[Item]:
    """Of a folder: by its catalogue, where it has one, else of all documents below."""
    roots = [_Link(str(folder / name)) for name in ROOTS if (folder / name).is_file()]
    if roots:
        yield from _walked(roots[:1], filters, documents)
        return
    below = sorted(path for path in folder.rglob("*") if INDEX_FOLDER not in path.parts)
    files = [path for path in below if path.suffix.lower() in JSON]
    tables = [path for path in below if path.name.lower().endswith(TABLES)]
    documents += map(str, [folder, *files, *tables, *(path for path in below if path.is_dir())])
    with ThreadPoolExecutor(LANES) as pool:
        for path, document in zip(files, pool.map(_json_or_none, files), strict=True):
            if is_stac(document) and document["type"].startswith("Feature"):
                yield from _items_in(document, str(path), filters)
    for table in tables:
        if is_stac_table(str(table)):
            yield from table_items(str(table), filters)


def _json_or_none(path: Path) -> Any:
    try:
        return read_json(str(path))
    except DatasetError:
        return None


def _walked(links: Sequence[_Link], filters: Filters, documents: list[str]) -> Iterator[Item]:
    """Follow links, level by level, as many at once as there are lanes; no document twice."""
    seen: set[str] = set()
    with ThreadPoolExecutor(LANES) as pool:
        while links:
            links = list({n.address: n for n in links if n.address not in seen}.values())
            seen.update(link.address for link in links)
            documents += (link.address for link in links)
            below: list[_Link] = []
            for link, document in zip(links, pool.map(_read, links), strict=True):
                if document["type"].startswith("Feature"):
                    yield from _items_in(document, link.address, filters)
                else:
                    below += _links_of(document, link.address, filters)
            links = below


def _read(link: _Link) -> Any:
    document = read_json(link.address, linked=link.told)
    if not is_stac(document):
        raise DatasetError(
            f"{without_query(link.address)}{link.told} is JSON, but no STAC item, item collection, catalogue "
            "or collection (version 1.0 or later)"
        )
    return document


def _links_of(document: Mapping[str, Any], home: str, filters: Filters) -> Iterator[_Link]:
    """The links from a catalogue or collection that may lead to wanted items."""
    collection = document["type"] == "Collection"
    if collection and not filters.may_hold(document.get("extent") or {}):
        return
    other = filters.collections is not None and document.get("id") not in filters.collections
    rels = {link.get("rel") for link in document["links"]}
    if not rels & {"child", "item"} and rels & {"items", "search"}:
        raise DatasetError(
            f"{without_query(home)} belongs to a STAC API, whose items are found by a search: "
            f"StacDataset.search({_root(document, home)!r}, collections=...)"
        )
    for link in document["links"]:
        rel = link.get("rel")
        if not link.get("href"):
            raise DatasetError(f"{without_query(home)} has a link ({rel}) without href; correct it")
        if rel == "child" or (rel == "item" and not (collection and other)):
            told = f" (linked as {rel} from {without_query(home)})"
            yield _Link(joined(home, str(link["href"])), told)


def _root(document: Mapping[str, Any], home: str) -> str:
    """Where the catalogue begins to which a document belongs."""
    roots = [joined(home, link["href"]) for link in document["links"] if link.get("rel") == "root"]
    return roots[0] if roots else home


def _items_in(
    document: Mapping[str, Any], home: str, filters: Filters, *, inside: bool = False
) -> Iterator[Item]:
    """Of an item or item collection. `inside`: it is no file, so that its own links tell its place."""
    if document["type"] == "FeatureCollection":
        for one in document["features"]:
            yield from _wanted([one], home_of(one, home), filters)
    else:
        yield from _wanted([document], home_of(document, home) if inside else home, filters)


def _wanted(documents: Iterable[Mapping[str, Any]], home: str, filters: Filters) -> Iterator[Item]:
    for document in documents:
        item = parse_item(document, home)
        if filters.takes(item, document.get("properties") or {}):
            yield item
