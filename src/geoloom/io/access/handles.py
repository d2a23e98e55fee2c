"""Open GDAL handles: one per file, thread and process, never shared."""

from __future__ import annotations

import os
import re
import threading
import warnings
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

from rasterio.env import ensure_env_with_credentials
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from geoloom.core.errors import ReadError, suggest

from .drivers import cure_for, drivers_for, other_driver
from .remote import gdal_name, is_remote, patiently, web_address, without_query
from .servers import why_refused

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

HANDLES_PER_THREAD = 32
"""At most; sixteen loading threads then stay within half of the usual limit of 1024 open files."""
_LIMIT_PER_HANDLE = 32
"""Descriptors that the process may have for each handle that a thread keeps, which is the same share."""

Stamp = tuple[tuple[int, int], ...]
"""(mtime in ns, size in bytes) of a file and its sidecars; empty for what is not a local file."""

Key = tuple[str, int | None]
"""A file, and which of its overviews."""

# Where a place is needed its lack is an error; pictures need none.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning, module=re.escape(__name__))

_SIDECARS = ("", ".msk", ".aux.xml")


class _Shelf(threading.local):
    """The handles of the current thread, least recently used first."""

    def __init__(self) -> None:
        self.rack = _Rack()
        with _RACKS_LOCK:
            _RACKS.add(self.rack)


class _Rack:
    """A bounded, ordered set of handles that one thread owns."""

    __slots__ = ("__weakref__", "handles")

    def __init__(self) -> None:
        self.handles: OrderedDict[Key, tuple[Stamp, Any]] = OrderedDict()


_RACKS: weakref.WeakSet[_Rack] = weakref.WeakSet()
_RACKS_LOCK = threading.Lock()
_HELD: list[OrderedDict[Key, tuple[Stamp, Any]]] = []
_ABANDONED: list[OrderedDict[Key, tuple[Stamp, Any]]] = []
_SHELF = _Shelf()


def stamp_of(uri: str) -> Stamp:
    """What changes when a local file, its external mask or its metadata is replaced."""
    stamps = []
    for suffix in _SIDECARS:
        try:
            status = os.stat(uri + suffix)  # noqa: PTH116 - hot path, a Path costs more than the call
        except (OSError, ValueError):
            if not suffix:
                return ()
            stamps.append((0, 0))
        else:
            stamps.append((status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def open_handle(uri: str, level: int | None = None) -> Any:
    """The calling thread's handle on a file, opened on first use and again when the file changes.

    Guarantee: no other thread or process holds it; it stays open until the thread ends, or more than
    `HANDLES_PER_THREAD` other files were opened after it. Do not close it.

    Args:
        uri: Path or address.
        level: Number of an overview, from 0, to open instead of the full resolution.

    Raises:
        ReadError: the file is missing, or GDAL does not recognise it; the message says which.
    """
    stamp = stamp_of(uri)
    handles = _SHELF.rack.handles
    key = uri, level
    known = handles.get(key)
    if known is not None:
        if known[0] == stamp:
            handles.move_to_end(key)
            return known[1]
        handles.pop(key)[1].close()
    handle = _open(uri, level)
    handles[key] = (stamp, handle)
    while len(handles) > _kept():
        handles.popitem(last=False)[1][1].close()
    return handle


def close_handle(uri: str) -> None:
    """Close the calling thread's handles on a file and its overviews."""
    handles = _SHELF.rack.handles
    for key in [key for key in handles if key[0] == uri]:
        handles.pop(key)[1].close()


def close_handles() -> None:
    """Close every handle of the calling thread, such as before deleting their files."""
    handles = _SHELF.rack.handles
    while handles:
        handles.popitem()[1][1].close()


def _kept() -> int:
    """How many handles a thread keeps, by the limit that the process has for descriptors."""
    if resource is None:
        return HANDLES_PER_THREAD
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < 0:  # RLIM_INFINITY
        return HANDLES_PER_THREAD
    return min(HANDLES_PER_THREAD, max(1, limit // _LIMIT_PER_HANDLE))


def _open(uri: str, level: int | None) -> Any:
    options = {} if level is None else {"overview_level": level}

    def attempt() -> Any:
        # sharing=False: GDAL would else hand one dataset to several threads, which corrupts reads.
        return _reader(gdal_name(uri), drivers_for(uri), options)

    try:
        return patiently(attempt, uri, close_handle)
    except (RasterioError, ValueError, TypeError) as error:
        raise ReadError(_why_not(uri, error)) from error


@ensure_env_with_credentials  # type: ignore[untyped-decorator]
def _reader(name: str, drivers: list[str] | None, options: dict[str, int]) -> Any:
    """As `rasterio.open`, which takes no list of drivers."""
    return DatasetReader(name, driver=drivers, sharing=False, **options)


def _why_not(uri: str, error: Exception) -> str:
    if is_remote(uri):
        address = web_address(uri)
        if address is not None:
            return f"{without_query(uri)} cannot be opened: {why_refused(address)}"
        return (
            f"{without_query(uri)} cannot be opened: {without_query(str(error))}; check the address and "
            "that you may read it"
        )
    path = Path(uri)
    if os.path.exists(path):  # noqa: PTH110 - a name too long is none, and no error
        other = other_driver(uri)
        if other is not None:
            return (
                f"{uri} is not an image but directions to other places (of GDAL's driver {other}), expected "
                f"a format that holds its own pixels; if you trust it, {cure_for(other)}"
            )
        if uri.endswith(".zip"):
            return (
                f"{uri} is an archive that GDAL cannot read as one raster; name the file inside, "
                f"such as 'zip://{uri}!inside.tif'"
            )
        return (
            f"{uri} is not a raster that GDAL can read ({error}); check that it is whole and that its "
            "format is a raster's"
        )
    if path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir()]
        near = suggest(path.name, names).split(" Known:")[0].rstrip(".")
        return f"{uri} does not exist{near}"
    return f"{uri} cannot be opened: {error}"


def _hold_before_fork() -> None:
    _RACKS_LOCK.acquire()  # released on both sides of the fork
    _HELD.extend(rack.handles for rack in list(_RACKS))


def _release_in_parent() -> None:
    _HELD.clear()
    _RACKS_LOCK.release()


def _abandon_in_child() -> None:
    # A child shares its parent's file offsets, and GDAL's locks may have been held by a thread that
    # no longer exists: the inherited handles are neither used nor closed.
    _ABANDONED.extend(_HELD)
    _HELD.clear()
    for rack in list(_RACKS):
        rack.handles = OrderedDict()
    _RACKS_LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_before_fork,
        after_in_parent=_release_in_parent,
        after_in_child=_abandon_in_child,
    )
