"""Fetching JSON documents and recognising STAC."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from ...core.errors import DatasetError, suggest
from ...io.access.remote import without_query
from ...io.access.web import TIMEOUT_S, persist, refuse_offline
from .addresses import joined
from .json_values import records
from .reach import Reach

MOST_BYTES = 1 << 28
"""Of one document. Ten thousand items of Sentinel-2 have some 1e8."""

_PIECE_BYTES = 1 << 20
_STORES = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "abfs", "abfs": "abfs"}
"""Scheme of an object store -> Arrow's own."""


def read_json(
    address: str, *, posted: Any = None, linked: str = "", reach: Reach | None = None
) -> Any:
    """A JSON document.

    Args:
        address: Absolute local path, web address, or path in an object store.
        posted: What to POST, as JSON; None asks for the document with a GET.
        linked: For messages: what led here.
        reach: Where servers may send us on to. Default: where it is safe.

    Raises:
        DatasetError: it is not there, not allowed, or no JSON; the message says what led to it.
    """
    content = read_bytes(address, posted=posted, linked=linked, reach=reach)
    try:
        return json.loads(content)
    except ValueError as error:
        raise DatasetError(f"{without_query(address)}{linked} is not JSON: {error}") from error
    except RecursionError as error:
        raise too_deep(f"{without_query(address)}{linked}") from error


def too_deep(whose: str) -> DatasetError:
    """The error of a document that no reader should follow to its end."""
    return DatasetError(f"{whose} is nested too deeply to be STAC; check where it comes from")


def read_bytes(
    address: str,
    *,
    posted: Any = None,
    linked: str = "",
    most: int | None = None,
    reach: Reach | None = None,
) -> bytes:
    """The bytes of a document, `most` of them (default: `MOST_BYTES`); see `read_json`."""
    scheme, separator, rest = address.partition("://")
    most = MOST_BYTES if most is None else most
    try:
        if scheme in ("http", "https"):
            content = _over_http(address, posted, most, reach or Reach())
        elif separator and scheme in _STORES:
            with _opened_in_store(scheme, rest) as stream:
                content = _some(stream, most + 1)
        else:
            content = _of_file(Path(address), most + 1)
    except (OSError, ValueError, URLError, HTTPException) as error:
        raise DatasetError(
            f"{without_query(address)}{linked} cannot be read: {_reason(address, error)}"
        ) from error
    if len(content) > most:
        raise DatasetError(
            f"{without_query(address)}{linked} has more than {most:,} bytes, too many for one document; open "
            "its items from a stac-geoparquet table, or part by part"
        )
    return content


def _of_file(path: Path, most: int) -> bytes:
    """At most so many bytes of a file; not of a pipe or device, which may never give any."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a file")
    with path.open("rb") as file:
        return _some(file, most)


def _some(stream: Any, most: int) -> bytes:
    """At most so many bytes of a stream: one of unknown length may have no end."""
    parts, left = [], most
    while left > 0 and (part := bytes(stream.read(min(left, _PIECE_BYTES)))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def open_seekable(address: str) -> Any:
    """A document that is read in pieces: a local path as it is, else a file of an object store."""
    scheme, separator, rest = address.partition("://")
    return _opened_in_store(scheme, rest) if separator and scheme in _STORES else address


def _over_http(address: str, posted: Any, most: int, reach: Reach) -> bytes:
    headers = {"Accept": "application/json, application/geo+json, */*", "User-Agent": "geoloom"}
    data = None
    if posted is not None:
        data = json.dumps(posted).encode()
        headers["Content-Type"] = "application/json"
    refuse_offline(address)
    opener = _opener(reach)

    def asked() -> bytes:
        with opener.open(Request(address, data, headers), timeout=TIMEOUT_S) as answer:
            return _some(answer, most + 1)

    return persist(asked)


class _Redirects(HTTPRedirectHandler):
    """Follows a server elsewhere, as far as documents may lead."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        self._reach.require(newurl, req.full_url, "a redirect")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@lru_cache(maxsize=64)
def _opener(reach: Reach) -> OpenerDirector:
    return build_opener(_Redirects(reach))


def _opened_in_store(scheme: str, rest: str) -> Any:
    from pyarrow import fs

    store, path = fs.FileSystem.from_uri(f"{_STORES[scheme]}://{rest}")
    return store.open_input_file(path)


def _reason(address: str, error: Exception) -> str:
    path = Path(address)
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir()]
        near = suggest(path.name, names).split(" Known:")[0].rstrip(".")
        return f"it does not exist{near}"
    if isinstance(error, HTTPError) and error.code in (401, 403):
        return f"{error}; fetch the catalogue with your credentials, or open a copy of it"
    return str(error)


def is_stac(document: Any) -> bool:
    """Whether a JSON document is a STAC item, item collection, catalogue or collection."""
    if not isinstance(document, Mapping):
        return False
    kind = document.get("type")
    if kind in ("Catalog", "Collection"):
        return "stac_version" in document and "links" in document
    if kind == "Feature":
        return "assets" in document and "properties" in document
    if kind == "FeatureCollection":
        features = document.get("features") or ()
        if not isinstance(features, list | tuple):
            return False
        return is_stac(features[0]) if features else "stac_version" in document
    return False


def is_empty(document: Any) -> bool:
    """Whether a JSON document is an item collection without items: any GeoJSON without features is."""
    if not isinstance(document, Mapping) or document.get("type") != "FeatureCollection":
        return False
    return document.get("features") in ([], ())


def home_of(document: Mapping[str, Any], found_at: str) -> str:
    """Where relative addresses in an item start that came inside another document."""
    for link in records(document.get("links"), "links", f"an item of {without_query(found_at)}"):
        href = link.get("href")
        if link.get("rel") == "self" and isinstance(href, str) and "://" in href:
            return joined("", href)
    return found_at
