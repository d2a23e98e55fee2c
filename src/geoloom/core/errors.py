"""The exception tree.

Every message says what was found, what was expected, which file or band it concerns, and what to change.
Each class also derives from the built-in that a caller would have expected, so `except ValueError` works.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GeoloomError(Exception):
    """Root of every error that geoloom raises on purpose."""


class GridError(GeoloomError, ValueError):
    """A grid is impossible, lacks a CRS, or cannot be combined with another."""


class IntervalError(GeoloomError, ValueError):
    """A time interval is empty, reversed or unreadable."""


class BandError(GeoloomError, ValueError):
    """A band is unknown, missing, or out of range."""


class RoiError(GeoloomError, ValueError):
    """An area of interest is none, or has no place where it is asked for."""


class ReadError(GeoloomError, OSError):
    """A file cannot be read as what it claims to be."""


class WriteError(GeoloomError, OSError):
    """A product cannot be written, or would replace one that may not be replaced."""


class VectorError(GeoloomError, ValueError):
    """A vector layer lacks a field, a class or a CRS, or has no usable feature."""


class QueryError(GeoloomError, LookupError):
    """A query asks for a place or time that the dataset does not hold."""


class DatasetError(GeoloomError, ValueError):
    """A dataset is empty, or two datasets do not compose."""


class SamplerError(GeoloomError, ValueError):
    """A sampler cannot fulfil its order."""


class ChipError(GeoloomError, ValueError):
    """A chip store is missing, incompatible or incomplete."""


class ModelError(GeoloomError, ValueError):
    """A model or a model folder does not fit what is asked of it."""


class ConfigError(GeoloomError, ValueError):
    """A configuration has a wrong key or value."""


class UsageError(GeoloomError, ValueError):
    """The command line is wrong."""


class MissingExtraError(GeoloomError, ImportError):
    """An optional library is not installed; the message names the extra."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"{library} is not installed; this feature needs it: pip install 'geoloom[{extra}]'"
        )


def suggest(wrong: object, known: Iterable[object]) -> str:
    """The tail of a message about an unknown name: the nearest right one, then all of them.

    Example:
        >>> suggest("ndiv", ["ndvi", "evi"])
        "; did you mean 'ndvi'? Known: evi, ndvi"
    """
    names = sorted(str(name) for name in known)
    if not names:
        return "; there are none"
    near = difflib.get_close_matches(str(wrong), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} Known: {', '.join(names)}"
