"""Category names of a raster's values, which rasterio does not hand out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate

from geoloom.core.errors import ReadError

CLASS_NAMES_TAG = "class_names"
"""Band tag in which geoloom's own maps carry their names, as a JSON object of value to name."""

TRANSPARENT_TAG = "transparent_codes"
"""Band tag in which geoloom's own maps carry the codes that are not drawn, as a JSON list."""

_MOST_BYTES = 1 << 28
_DEEPEST = 100
_MOST_NAMES = 1 << 16


def category_names(uri: str, band_tags: Mapping[str, str]) -> dict[int, str] | None:
    """Stored value -> name for the first band, from its tags, GDAL's sidecar or a VRT's own text.

    GDAL keeps category names in `<file>.aux.xml` for nearly all formats. Empty names are left out; None
    where there are none.

    Raises:
        ReadError: the tag is there, but is not a JSON object of whole numbers to names.
    """
    if CLASS_NAMES_TAG in band_tags:
        text = band_tags[CLASS_NAMES_TAG]
        try:
            return {int(value): str(name) for value, name in json.loads(text).items()}
        except (ValueError, AttributeError, RecursionError) as error:
            raise ReadError(
                f"{uri}: its band tag {CLASS_NAMES_TAG!r} is {text[:80]!r}, not a JSON object of values to "
                "names; correct or remove the tag"
            ) from error
    for path in (Path(uri + ".aux.xml"), Path(uri)):
        if path.suffix.lower() not in (".xml", ".vrt"):
            continue
        names = _Names().read(path)
        if names:
            return names
    return None


def transparent_codes(band_tags: Mapping[str, str]) -> frozenset[int]:
    """The codes that a map of ours does not draw; none where its tag is something else."""
    with suppress(ValueError, RecursionError):
        codes = json.loads(band_tags.get(TRANSPARENT_TAG, "[]"))
        if isinstance(codes, list):
            return frozenset(code for code in codes if type(code) is int)
    return frozenset()


class _Names:
    """Finds the category names of the first band in GDAL's XML, of which nothing else is kept.

    What cannot be understood, or holds more than GDAL writes, has no names: GDAL judges the rest of it.
    """

    _PATH = ("rasterband", "categorynames", "category")

    def __init__(self) -> None:
        self._open: list[str] = []
        self._text: list[str] = []
        self._names: dict[int, str] = {}
        self._count = 0
        self._parser = ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append
        self._parser.StartDoctypeDeclHandler = self._stop

    def read(self, path: Path) -> dict[int, str]:
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                    return {}
                self._parser.ParseFile(file)
        except (OSError, ExpatError, _Stopped):
            return {}
        return self._names

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) >= _DEEPEST or self._count > _MOST_NAMES:
            self._stop()
        if tag in ("PAMRasterBand", "VRTRasterBand"):
            tag = "rasterband" if attributes.get("band") == "1" else "other"
        self._open.append(tag.lower())
        self._text.clear()

    def _end(self, tag: str) -> None:
        if tuple(self._open[-3:]) == self._PATH:
            name = "".join(self._text)
            if name:
                self._names[self._count] = name
            self._count += 1
        self._open.pop()
        self._text.clear()

    def _stop(self, *_: object) -> None:
        raise _Stopped


class _Stopped(Exception):  # noqa: N818 - no error: there are no names
    pass
