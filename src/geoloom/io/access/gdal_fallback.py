"""What the direct engine leaves to GDAL, which reads it all right, but several times slower: logged once."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from geoloom.core.errors import ReadError

log = logging.getLogger(__name__)

_REMEMBERED = 4096
_FILES: OrderedDict[tuple[str, str], None] = OrderedDict()
_REASONS: OrderedDict[str, None] = OrderedDict()


class LeftToGdalError(ReadError):
    """A file, or a part of it, that the direct engine leaves to GDAL; the message says why."""


def leave(uri: str, reason: str | LeftToGdalError) -> None:
    """Log why a file is left to GDAL: each reason once at level INFO, each further file at DEBUG.

    Args:
        uri: The file.
        reason: What the direct engine cannot do, or the error that says so.
    """
    if isinstance(reason, LeftToGdalError):
        # Where the damage lies differs from read to read; what it is does not.
        reason = str(reason.__cause__ if isinstance(reason.__cause__, LeftToGdalError) else reason)
    if _is_new(_FILES, (uri, reason)):
        level = logging.INFO if _is_new(_REASONS, reason) else logging.DEBUG
        log.log(level, "%s is read through GDAL, which is slower: %s", uri, reason)


def _is_new(known: OrderedDict[Any, None], name: object) -> bool:
    if name in known:
        return False
    known[name] = None
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
    return True
