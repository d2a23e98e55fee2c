"""Fetching JSON documents and telling whether they are STAC."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ...core.errors import DatasetError, suggest
from ...io.remote import without_query
from .addresses import joined

_TRIES = 4
_FIRST_WAIT_S = 0.5
_TIMEOUT_S = 60.0
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which a server may do better soon."""
_STORES = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "abfs", "abfs": "abfs"}
"""Scheme of an object store -> Arrow's own."""


def read_json(address: str, *, posted: Any = None, linked: str = "") -> Any:
    """A JSON document.

    Args:
        address: Absolute local path, web address, or path in an object store.
        posted: What to POST, as JSON; None asks for the document with a GET.
        linked: For messages: what led here.

    Raises:
        DatasetError: it is not there, not allowed, or no JSON; the message says what led to it.
    """
    text = read_bytes(address, posted=posted, linked=linked)
    try:
        return json.loads(text)
    except ValueError as error:
        raise DatasetError(f"{without_query(address)}{linked} is no JSON: {error}") from error


def read_bytes(address: str, *, posted: Any = None, linked: str = "") -> bytes:
    """The bytes of a document; see `read_json`."""
    scheme, found, rest = address.partition("://")
    try:
        if scheme in ("http", "https"):
            return _over_http(address, posted)
        if found and scheme in _STORES:
            with _opened_in_store(scheme, rest) as stream:
                return bytes(stream.read())
        return Path(address).read_bytes()
    except (OSError, URLError, HTTPException) as error:
        raise DatasetError(
            f"{without_query(address)}{linked} cannot be read: {_reason(address, error)}"
        ) from error


def open_seekable(address: str) -> Any:
    """A document that is read in pieces: a local path as it is, else a file of an object store."""
    scheme, found, rest = address.partition("://")
    return _opened_in_store(scheme, rest) if found and scheme in _STORES else address


def _over_http(address: str, posted: Any) -> bytes:
    headers = {"Accept": "application/json, application/geo+json, */*", "User-Agent": "geoloom"}
    data = None
    if posted is not None:
        data = json.dumps(posted).encode()
        headers["Content-Type"] = "application/json"
    for attempt in range(_TRIES):
        try:
            with urlopen(Request(address, data, headers), timeout=_TIMEOUT_S) as answer:
                found: bytes = answer.read()
                return found
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            status = error.code if isinstance(error, HTTPError) else None
            if attempt == _TRIES - 1 or (status is not None and status not in _PASSING):
                raise
            time.sleep(_FIRST_WAIT_S * 2**attempt)
    raise AssertionError("the last try returns or raises")


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
        return all(is_stac(f) for f in features[:1]) if features else "stac_version" in document
    return False


def home_of(document: Mapping[str, Any], found_at: str) -> str:
    """Where relative addresses in an item start that came inside another document."""
    for link in document.get("links") or ():
        if link.get("rel") == "self" and "://" in str(link.get("href")):
            return joined("", str(link["href"]))
    return found_at
