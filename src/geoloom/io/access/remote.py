"""Files on web servers and in object stores: what GDAL calls them, and the threads that read them."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import rasterio
from rasterio.env import get_gdal_config
from rasterio.errors import RasterioError

T = TypeVar("T")
log = logging.getLogger(__name__)

LANES = 16
"""Files read at once; most of their time is waiting."""

_SCHEMES = {
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "ftp": "/vsicurl/ftp://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
    "oss": "/vsioss/",
}
_PREFIXES = ("/vsicurl", "/vsis3/", "/vsigs/", "/vsiaz/", "/vsiadls/", "/vsioss/", "/vsiswift/")

_PAUSES_S = (0.1, 0.5)
"""Before each further attempt at what broke off."""
_ANSWERED = re.compile(r"HTTP response code(?: on .*)?: \d\d\d")
"""GDAL itself asks again where that may help."""

_ALWAYS = {
    # Neither list the folder nor ask for .aux.xml, .msk and .ovr beside each file.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}
_UNLESS_SET = {
    # The first request brings the header whole, where it is a cloud-optimised GeoTIFF's.
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "CPL_VSIL_CURL_CACHE_SIZE": str(1 << 26),
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "GDAL_HTTP_CONNECTTIMEOUT": "30",
    # A transfer that stands still, not one that is large, counts as failed.
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_LOW_SPEED_TIME": "60",
}
"""GDAL's settings for reading ranges, where neither the user nor the environment has set them."""


def is_remote(uri: str) -> bool:
    """Whether a file is reached over a network."""
    return uri.partition("://")[0] in _SCHEMES or uri.startswith(_PREFIXES)


def gdal_name(uri: str) -> str:
    """What GDAL calls a file: `s3://bucket/a.tif` is `/vsis3/bucket/a.tif`; others keep their names.

    Example:
        >>> gdal_name("https://example.org/a.tif")
        '/vsicurl/https://example.org/a.tif'
    """
    scheme, separator, rest = uri.partition("://")
    return _SCHEMES[scheme] + rest if separator and scheme in _SCHEMES else uri


def without_query(uri: str) -> str:
    """An address for messages: without its query, which may hold a signature."""
    return uri.partition("?")[0] if is_remote(uri) else uri


def web_address(uri: str) -> str | None:
    """The http address of a file that GDAL reads over the web; None of any other."""
    bare = uri.removeprefix("/vsicurl/")
    return bare if bare.startswith(("http://", "https://")) else None


def patiently(call: Callable[[], T], uri: str, forget: Callable[[str], None]) -> T:
    """The result of a call that reads a file, made again where it is remote and the connection broke.

    GDAL asks again after some answers, but not after one that breaks off, and remembers what it has of it.

    Args:
        call: Raises rasterio's errors.
        uri: The file.
        forget: Closes what the calling thread has open of it.
    """
    for pause in _PAUSES_S if is_remote(uri) else ():
        try:
            return call()
        except RasterioError as error:
            if _ANSWERED.search(_all_said(error)):
                raise
            log.info("%s is asked for again: %s", without_query(uri), without_query(str(error)))
            forget(uri)
            name = gdal_name(uri)
            with rasterio.Env(CPL_VSIL_CURL_NON_CACHED=name), suppress(RasterioError):
                rasterio.open(name, driver="GTiff", sharing=False).close()
            time.sleep(pause)
    return call()


def _all_said(error: BaseException) -> str:
    """The texts of an error and of what it comes from."""
    return str(error) if error.__cause__ is None else f"{error}: {_all_said(error.__cause__)}"


def remotely(call: Callable[..., T], *arguments: Any) -> T:
    """The result of a call, made by one of the threads that read remote files.

    rasterio sets GDAL's options for all threads where the main thread asks, and for one thread alone
    elsewhere. What suits remote files (no looking for sidecars) would be wrong for local ones, so remote
    files are read in threads of their own.
    """
    if _IN_LANE.here:
        return call(*arguments)
    return _submit(call, *arguments).result()


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of calls, in order, made at the same time by the threads that read remote files.

    Where one fails, what it raised is raised here, and calls not yet begun are dropped.
    """
    if _IN_LANE.here:
        return [call() for call in calls]
    futures = [_submit(call) for call in calls]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()


class _InLane(threading.local):
    here = False


_IN_LANE = _InLane()
_POOL: ThreadPoolExecutor | None = None
_POOL_LOCK = threading.Lock()


def _submit(call: Callable[..., T], *arguments: Any) -> Future[T]:
    global _POOL
    with _POOL_LOCK:
        if _POOL is None:
            _POOL = ThreadPoolExecutor(LANES, "geoloom-remote", _enter_lane)
        return _POOL.submit(_with_options, call, *arguments)


def _enter_lane() -> None:
    _IN_LANE.here = True


def _with_options(call: Callable[..., T], *arguments: Any) -> T:
    with rasterio.Env():
        unset = {n: value for n, value in _UNLESS_SET.items() if get_gdal_config(n) is None}
    with rasterio.Env(**_ALWAYS, **unset):
        return call(*arguments)


def _forget_in_child() -> None:
    # A child has none of its parent's threads.
    global _POOL, _POOL_LOCK
    _POOL, _POOL_LOCK = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
