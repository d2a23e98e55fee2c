"""Addresses of documents and assets: local paths, web addresses, paths in object stores."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from ...core.errors import DatasetError


def is_address(text: str) -> bool:
    """Whether this names its place whole: an address, a GDAL path or an absolute local path."""
    return "://" in text or text.startswith("/vsi") or os.path.isabs(text)  # noqa: PTH117 - per asset


def joined(home: str, href: str) -> str:
    """Where an `href` inside the document at `home` leads; local paths come out absolute.

    Raises:
        DatasetError: it is not an address.

    Example:
        >>> joined("s3://bucket/2019/item.json", "../data/B04.tif")
        's3://bucket/data/B04.tif'
        >>> joined("/data/catalog.json", "./item/item.json")
        '/data/item/item.json'
    """
    if href.startswith("file:"):
        return url2pathname(urlsplit(href).path)
    if "://" in href or href.startswith("/vsi"):
        return href
    if home.startswith(("http://", "https://")):
        try:
            return urljoin(home, href)
        except ValueError as error:
            raise DatasetError(
                f"the href {href[:80]!r} in {home} is not an address: {error}"
            ) from error
    if "://" in home:
        scheme, _, rest = home.partition("://")
        return f"{scheme}://{_normal(rest, href)}"
    if home.startswith("/vsi"):
        return _normal(home, href)
    return os.path.normpath(os.path.join(os.path.dirname(home), href))  # noqa: PTH118, PTH120 - per asset


def located(path: str | Path) -> str:
    """A path or address as documents are known by: local ones absolute."""
    text = str(path)
    if text.startswith("file:"):
        return joined("", text)
    return text if "://" in text else str(Path(text).absolute())


def in_memory() -> str:
    """Where a document in memory counts as standing: relative addresses start from the working folder."""
    return str(Path.cwd() / "document in memory")


def _normal(home: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(home), href))
