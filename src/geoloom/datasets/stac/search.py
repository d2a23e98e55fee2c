"""Searching a STAC API, page by page."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.errors import DatasetError
from ...core.interval import Interval
from ...core.roi import Roi
from .addresses import joined
from .documents import home_of, read_json
from .json_values import fields, records, text
from .reach import Reach

log = logging.getLogger(__name__)

MOST_FOUND = 1_000_000
"""Items of one search; no index of scenes holds more in memory with ease."""

_PAGE = 250
"""Items asked for at once; servers give fewer where that is too many for them."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search that is made when its items are asked for.

    Source:
        STAC API 1.0, item search: POST /search, pages by links whose `rel` is `next`.
    """

    url: str
    """Address of the API's root, such as `https://example.org/stac/v1`."""
    collections: tuple[str, ...] = ()
    roi: Roi | None = None
    """Of which the box is asked for: APIs need not know outlines."""
    when: Interval | None = None
    limit: int | None = None
    """The most items in all; None means every one."""
    query: Mapping[str, Any] | None = field(default=None, hash=False)
    """Of the query extension, for servers that have it, such as `{"eo:cloud_cover": {"lt": 10}}`."""

    def body(self) -> dict[str, Any]:
        """What is posted."""
        asked: dict[str, Any] = {"limit": min(_PAGE, self.limit or _PAGE)}
        if self.collections:
            asked["collections"] = list(self.collections)
        if self.roi is not None:
            asked["bbox"] = list(self.roi.lonlat_bounds)
        if self.when is not None:
            asked["datetime"] = f"{_rfc3339(self.when.start)}/{_rfc3339(self.when.stop)}"
        if self.query:
            asked["query"] = dict(self.query)
        return asked

    def documents(self, reach: Reach | None = None) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The items found, as JSON has them, and from where their relative addresses start.

        Args:
            reach: Where pages may lead. Default: where it is safe.

        Raises:
            DatasetError: the server refuses, answers with something else, or repeats a page for ever.
        """
        address, body = f"{self.url.rstrip('/')}/search", self.body()
        posted: Any = body
        given, asked = 0, []
        while True:
            asked.append((address, posted))
            page = read_json(address, posted=posted, linked=" (search)", reach=reach)
            features = page.get("features") if isinstance(page, dict) else None
            if not isinstance(features, list):
                raise DatasetError(
                    f"{address} did not answer a search with items; give the root of a STAC API, whose "
                    "search is at /search below it"
                )
            for item in records(features, "features", address):
                yield item, home_of(item, address)
                given += 1
                if self.limit is not None and given >= self.limit:
                    return
            log.info("%d items found at %s", given, self.url)
            if given > MOST_FOUND:
                raise DatasetError(
                    f"{address} gave {given:,} items and names more; set limit, or narrow the search down"
                )
            following = _next_page(page, address, body)
            if following is None or not features:
                return
            (reach or Reach()).require(following[0], self.url, "the next page of a search")
            address, posted = following
            if following in asked:
                raise DatasetError(
                    f"{address} names a page as next that was asked for before, after {given} items; set "
                    "limit to stop before it"
                )


def _next_page(page: Mapping[str, Any], address: str, body: Any) -> tuple[str, Any] | None:
    for link in records(page.get("links"), "links", address):
        if link.get("rel") == "next":
            url = joined(
                address, text(link.get("href"), "the href of the next page", address) or ""
            )
            if str(link.get("method", "GET")).upper() != "POST":
                return url, None
            own = fields(link.get("body"), "the body of the next page", address)
            return url, {**body, **own} if link.get("merge") else own
    return None


def _rfc3339(instant: Any) -> str:
    return str(instant.isoformat()).replace("+00:00", "Z")
