"""Recognising STAC among other files by their contents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import DatasetError
from ...core.suffixes import JSON_SUFFIXES, PARQUET_SUFFIXES, VECTOR_SUFFIXES
from ...io.access.finding import Paths
from .catalogs import ROOTS
from .documents import is_stac, read_json
from .tables import is_stac_table

_PEEK_BYTES = 1 << 20
_MARK = b'"stac_version"'


def are_stac(paths: Paths) -> bool:
    """Whether all of these are STAC: documents, tables, or folders of such.

    A folder is by its `catalog.json` or `collection.json`; else where it holds items, perhaps beside their
    rasters, and no vector files.

    Raises:
        DatasetError: a remote document cannot be read.
    """
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    return bool(listed) and all(_is_stac(str(path)) for path in listed)


def _is_stac(path: str) -> bool:
    name = path.lower().partition("?")[0]
    if "://" in path:
        return name.endswith(PARQUET_SUFFIXES) or (
            name.endswith(JSON_SUFFIXES) and is_stac(read_json(path))
        )
    if Path(path).is_dir():
        return _is_stac_folder(path)
    if name.endswith(PARQUET_SUFFIXES):
        return is_stac_table(path)
    return name.endswith(JSON_SUFFIXES) and _is_document(path)


def _is_stac_folder(folder: str) -> bool:
    if any(_is_document(str(Path(folder, root))) for root in ROOTS):
        return True
    is_stac_folder = False
    for file in _files_under(folder):
        suffix = Path(file).suffix.lower()
        if suffix in JSON_SUFFIXES or suffix in PARQUET_SUFFIXES:
            is_stac_folder = is_stac_folder or _is_stac(file)
        elif suffix in VECTOR_SUFFIXES:
            return False
    return is_stac_folder


def _files_under(folder: str) -> Iterator[str]:
    for inside, _, files in os.walk(folder):
        yield from (str(Path(inside, name)) for name in files)


def _is_document(path: str) -> bool:
    """A large layer of features is not read whole to see that it is none."""
    try:
        with Path(path).open("rb") as file:
            if _MARK not in file.read(_PEEK_BYTES):
                return False
        return is_stac(read_json(path))
    except (OSError, DatasetError):
        return False
