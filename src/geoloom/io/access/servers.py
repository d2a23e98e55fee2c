"""What GDAL does not ask of a web server: whether it answers the range asked for, and why it refuses."""

from __future__ import annotations

import re
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from geoloom.core.errors import ReadError

from .remote import without_query

_TIMEOUT_S = 30.0
_PROBE_BYTES = 16
_RANGE = re.compile(r"bytes (\d+)-(\d+)/")
_HINTS = {
    401: "it wants to know who asks: set GDAL_HTTP_USERPWD or GDAL_HTTP_BEARER, or give a signed address",
    403: "you may not read it: check your rights; a signed address may have expired",
    404: "nothing is there: check the address",
    410: "it is gone: check the address",
    429: "too many requests: wait, or read with fewer workers",
}


def check_ranges(address: str, first: int) -> None:
    """Ask for a few bytes, and see that just these are answered.

    GDAL takes what it gets for what it asked for, so that a server which answers another range gives other
    pixels where nothing is compressed. A server that does not answer now is left for GDAL to meet.

    Args:
        address: Of a file, http or https.
        first: Where the bytes begin, inside the file.

    Raises:
        ReadError: other bytes are answered; the message names both.
    """
    wanted = f"{first}-{first + _PROBE_BYTES - 1}"
    try:
        with _asked(address, wanted) as answer:
            answered_range = _RANGE.match(answer.headers.get("Content-Range", ""))
            answered = answer.status == 206
    except (OSError, HTTPException, ValueError):
        return
    if (
        answered
        and answered_range is not None
        and f"{answered_range[1]}-{answered_range[2]}" != wanted
    ):
        raise ReadError(
            f"{without_query(address)}: asked for the bytes {wanted}, the server answers "
            f"{answered_range[1]}-{answered_range[2]}, so its pixels would be others; fetch the whole file, "
            "read it from disk"
        )


def why_refused(address: str) -> str:
    """What a server says to a request for a file's first bytes, as a sentence's end."""
    try:
        with _asked(address, f"0-{_PROBE_BYTES - 1}") as answer:
            start = answer.read(_PROBE_BYTES)
    except HTTPError as error:
        return refused(error)
    except (URLError, HTTPException, OSError, ValueError) as error:
        return f"the server cannot be reached ({error}); check the address and your connection"
    return f"what the server sends is not a raster that GDAL can read: it begins with {start!r}"


def refused(error: HTTPError) -> str:
    """What a server answers instead of a file, and what to do, as a sentence's end."""
    hint = _HINTS.get(error.code)
    if hint is None:
        hint = "the server has a fault: try later" if error.code >= 500 else "check the address"
    return f"the server answers {error.code} ({error.reason}); {hint}"


def _asked(address: str, wanted: str) -> Any:
    return urlopen(Request(address, headers={"Range": f"bytes={wanted}"}), timeout=_TIMEOUT_S)
