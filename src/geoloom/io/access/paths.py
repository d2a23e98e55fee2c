"""What may name a file, and where files of the user's own cache are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from geoloom.core.errors import GeoloomError
from geoloom.core.files import LONGEST_NAME

_LONGEST_PATH = 4096
"""Bytes of a path on Linux, which allows the most."""

CACHE_VARIABLE = "GEOLOOM_CACHE"
"""Environment variable that names the cache folder."""


def cache_folder() -> Path:
    """The user's folder for caches: `$GEOLOOM_CACHE`, else the platform's place; it may be missing."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else user_cache_path("geoloom", appauthor=False, opinion=False)


def path_text(given: Any, error: type[GeoloomError]) -> str:
    """The text of a path, a pattern or an address.

    Raises:
        GeoloomError: of the class given: it is none, or no file system has such a name.
    """
    text = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise error(
            f"{_shortened(repr(given))} names no file; give a path, a pattern or an address"
        )
    if text.isascii() and len(text) <= LONGEST_NAME:
        return text
    if "://" not in text and not text.startswith("/vsi"):
        try:
            longest = max((len(os.fsencode(part)) for part in Path(text).parts), default=0)
            whole = len(os.fsencode(text))
        except UnicodeEncodeError as unwritable:
            raise error(
                f"{_shortened(ascii(text))} is not text that can name a file"
            ) from unwritable
        if longest > LONGEST_NAME or whole >= _LONGEST_PATH:
            raise error(
                f"{_shortened(repr(text))} has {whole} bytes, {longest} in one name; file systems know "
                f"at most {_LONGEST_PATH} and {LONGEST_NAME}"
            )
    return text


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
