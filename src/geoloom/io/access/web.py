"""Requests to web servers: made again while the trouble may pass, none where geoloom is to stay offline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import TypeVar
from urllib.error import HTTPError, URLError

from geoloom.core.errors import ReadError

from .remote import without_query

T = TypeVar("T")

OFFLINE = "GEOLOOM_OFFLINE"
"""Environment variable; 1 forbids every request for documents and downloads."""

TIMEOUT_S = 60.0
"""Without a single byte."""

FAILURES = (URLError, HTTPException, ConnectionError, TimeoutError)
"""What a request raises that is not answered, or not to its end."""

_TRIES = 4
_FIRST_WAIT_S = 0.5
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which a server may do better soon."""


def is_offline() -> bool:
    """Whether the user has forbidden requests.

    Raises:
        ReadError: the variable is neither 0 nor 1.
    """
    said = os.environ.get(OFFLINE, "0")
    if said not in ("", "0", "1"):
        raise ReadError(f"{OFFLINE} is {said!r}; expected 1 (make no requests) or 0")
    return said == "1"


def refuse_offline(address: str) -> None:
    """Refuse a request where geoloom is to stay offline.

    Raises:
        ReadError: the message names the address.
    """
    if is_offline():
        raise ReadError(
            f"{without_query(address)} would be asked for, and {OFFLINE}=1 forbids it; fetch it where "
            "there is a connection, or unset the variable"
        )


def persist(call: Callable[[], T], got: Callable[[], int] = lambda: 0) -> T:
    """The result of a call that asks a server, made again while the trouble may pass.

    Args:
        call: Raises one of `FAILURES`, which are raised here when there is no more hope.
        got: How far all tries together have come, in bytes. A try that came further is not counted.
    """
    tries, before = 1, got()
    while True:
        try:
            return call()
        except FAILURES as error:
            if isinstance(error, HTTPError) and error.code not in _PASSING:
                raise
            if got() > before:
                tries, before = 0, got()
            if tries == _TRIES:
                raise
            time.sleep(_FIRST_WAIT_S * 2 ** max(0, tries - 1))
            tries += 1
