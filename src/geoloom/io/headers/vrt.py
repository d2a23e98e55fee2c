"""What a VRT refers to: a file of directions, which may lead anywhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate

from rasterio.env import get_gdal_config

from geoloom.core.errors import ReadError

from ..access.handles import Stamp, stamp_of
from ..access.remote import is_remote, without_query

MOST_BYTES = 1 << 28
"""A mosaic of half a million files takes as much."""
_DEEPEST = 100
_MOST_NESTED = 8
_SOURCES = frozenset(("sourcefilename", "sourcedataset"))
_OTHER_SOURCES = frozenset(("x_dataset", "y_dataset"))
"""Items of metadata that name rasters of coordinates."""
_FREE = frozenset(("mdi", "srs", "description", "gcpprojection", "category"))
"""Elements with any text."""
_ALLOWED_SOURCE = "GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE"


def is_vrt(uri: str) -> bool:
    """Whether the name is a VRT's."""
    return uri.partition("?")[0].lower().endswith(".vrt")


def check_raw_sources(uri: str) -> None:
    """See that what a VRT takes as raw bytes, of whatever file, lies below the VRT's own folder.

    As GDAL does since 3.12, where `GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE` says nothing else.

    Raises:
        ReadError: it lies elsewhere, or the VRT cannot be understood; the message names the source.
    """
    if (get_gdal_config(_ALLOWED_SOURCE) or "SIBLING") in ("ALL", "all"):
        return
    _check_raw(uri, stamp_of(uri))


def check_sources(uri: str) -> None:
    """See that all that a VRT refers to, as sources of sources, too, are files below its own folder.

    So it must be where it was not chosen by its name: one that lies among other files may come from anyone.

    Raises:
        ReadError: something lies elsewhere, or the VRT cannot be understood; the message names it.
    """
    if is_remote(uri):
        raise ReadError(
            f"{without_query(uri)} is a VRT on a server, which may refer to anything; open it by its name"
        )
    pending = [(uri, 0)]
    known = {uri}
    while pending:
        vrt, depth = pending.pop()
        if depth > _MOST_NESTED:
            raise ReadError(f"{uri}: VRTs refer to VRTs more than {_MOST_NESTED} deep; flatten it")
        for source in _files_of(vrt, raw_only=False):
            if is_vrt(source) and source not in known:
                known.add(source)
                pending.append((source, depth + 1))


@lru_cache(maxsize=1024)
def _check_raw(uri: str, stamp: Stamp) -> None:
    _files_of(uri, raw_only=True)


def _files_of(uri: str, *, raw_only: bool) -> list[str]:
    """The files that a VRT refers to, all of which lie below its folder."""
    folder = Path(uri).absolute().parent.resolve()
    files = []
    reader = _Reader(uri)
    try:
        reader.read()
    except OSError as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{uri} cannot be read: {error.strerror or error}") from error
    for source in reader.found:
        name, raw = source.name, source.raw
        if raw_only and not raw:
            continue
        path = _below(name, folder if source.from_vrt else Path.cwd(), folder)
        if path is None:
            raise ReadError(
                f"{uri} is a VRT that refers to {without_query(name)[:200]!r}, expected a file below its own "
                f"folder {folder}: {_CURES[raw_only]}"
            )
        if not raw and not is_vrt(str(path)) and _is_text(path):
            raise ReadError(
                f"{uri} is a VRT that refers to {path}, which is not an image but directions to others; give "
                "it its format's ending, and open it by its name if you trust it"
            )
        files.append(str(path))
    return files


_CURES = {
    False: "a VRT found among other files may not; if you trust it, open it by its own name",
    True: f"raw bytes may not be taken from elsewhere; if you trust it, set {_ALLOWED_SOURCE}=ALL",
}


def _below(name: str, base: Path, folder: Path) -> Path | None:
    """The file that a name means, or None where it is none below the folder."""
    if not name or name.startswith(("/vsi", "<")) or ":" in name[2:] or "\0" in name:
        return None  # an address, or what another driver of GDAL's takes for one
    try:
        path = (base / name).resolve()
    except (OSError, RuntimeError):  # links in a circle
        return None
    return path if path.is_relative_to(folder) else None


def _is_text(path: Path) -> bool:
    """Whether a file begins as XML or JSON do."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{")
    except OSError:
        return False  # GDAL says that it is missing


@dataclass(frozen=True, slots=True)
class _Source:
    """A name in a VRT."""

    name: str
    from_vrt: bool
    """Whether it counts from the VRT's folder; else from the process's own."""
    raw: bool
    """Whether the bytes there are taken as pixels."""


class _Reader:
    """Finds the names in a VRT, as GDAL reads it: spelled large or small, in elements or attributes."""

    def __init__(self, uri: str) -> None:
        self.found: list[_Source] = []
        self._uri = uri
        self._open: list[tuple[str, bool, list[str]]] = []
        """Of each element that is open: what it is, whether names in it count from the VRT, its text."""
        self._raw = 0
        self._parser = ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self) -> None:
        try:
            with open(self._uri, "rb") as file:  # noqa: PTH123 - as GDAL names it
                if os.fstat(file.fileno()).st_size > MOST_BYTES:
                    raise self._refused(
                        f"it has more than {MOST_BYTES >> 20} MiB; cut it into several"
                    )
                self._parser.ParseFile(file)
        except ExpatError as error:
            raise self._refused(f"it cannot be understood ({error})") from error

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise self._refused(f"its elements lie more than {_DEEPEST} deep")
        if self._open and self._open[-1][0] == "source":
            raise self._refused("a name of a source holds elements")
        given = {key.lower(): value.strip() for key, value in attributes.items()}
        tag, name = tag.lower(), given.get("key", given.get("name", "")).lower()
        is_name = (
            tag in _SOURCES or name in _OTHER_SOURCES or (tag == "argument" and "filename" in name)
        )
        kind = "source" if is_name else "metadata" if tag in _FREE else tag
        raw = tag == "vrtrasterband" and given.get("subclass", "").lower() == "vrtrawrasterband"
        self._raw += raw
        self._open.append(("raw" if raw else kind, given.get("relativetovrt") == "1", []))

    def _end(self, tag: str) -> None:
        kind, from_vrt, parts = self._open.pop()
        text = "".join(parts).strip()
        self._raw -= kind == "raw"
        if kind == "source":
            self.found.append(_Source(text, from_vrt, self._raw > 0))
        elif kind != "metadata" and (text.startswith("/vsi") or "://" in text):
            self.found.append(_Source(text, False, False))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def _doctype(self, *_: object) -> None:
        raise self._refused("it declares a document type, which GDAL's own do not")

    def _refused(self, why: str) -> ReadError:
        return ReadError(f"{self._uri} is not a VRT that can be read: {why}")
