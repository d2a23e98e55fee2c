"""From whatever names a scene to the source of its map."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ...core.errors import ConfigError
from ...io.headers.header import Header, read_header
from .file import FileSource
from .source import Source

Given: TypeAlias = str | Path | Header | Source
"""A file, its header, or any source."""


def open_source(given: Given, *, nodata: float | None = None, crs: str | None = None) -> Source:
    """What a map is made from.

    Args:
        given: A file, its header, or a source, which is taken as it is.
        nodata: Stored value that means unobserved, instead of the file's own.
        crs: Instead of the file's missing or wrong one.

    Raises:
        ConfigError: options of files are given for a source.
        ReadError: the file cannot be read.
    """
    if isinstance(given, str | Path):
        return FileSource(read_header(given, crs=crs), nodata)
    if isinstance(given, Header):
        return FileSource(given, nodata)
    if nodata is not None or crs is not None:
        raise ConfigError(
            f"nodata and crs are of files; {given.bands.uri} is a source: give them when it is made"
        )
    return given
