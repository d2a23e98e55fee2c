"""How a chip store lies on disk: one zarr 3 group whose arrays are sharded, one chip a chunk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from google_crc32c import value as crc32c

from ...core.errors import ChipError, WriteError
from ...core.files import clear_scratch, may_replace, scratch_path
from ...core.jsonfile import JsonValue, read_bounded
from ...core.publish import publish_folder, restore_folder

NO_SPLIT = 255
"""In the `split` array, where a chip belongs to none; else positions in `SPLITS`."""

CRC_BYTES = 4
"""Of a CRC-32C, Castagnoli's checksum (RFC 3720, appendix B.4), which zarr puts behind indices and chunks."""

AGAIN = "copy the store again, or write it again"
"""What to do about a damaged store."""

FORMAT = "geoloom-chips"
VERSION = 4
"""Of the layout. 1 had no checksums, 2 only the names of bands, 3 no labels but classes: of pre-releases."""

Compression = Literal["none", "lz4", "zstd"]

CODECS: dict[Compression, tuple[str, int] | None] = {
    "none": None,
    "lz4": ("lz4", 5),
    "zstd": ("zstd", 3),
}
"""Name and level of the compressor inside blosc, which puts bytes of one rank together first."""

# A shard is one file: large enough that thousands of chips are few files, small enough to buffer whole.
SHARD_BYTES = 32 << 20
MAX_CHIPS_PER_SHARD = 1024

MAX_CHIP_BYTES = 1 << 30
"""Of one plane of one chip; blosc's limit is twice that."""

PLANES: dict[str, tuple[str, ...]] = {
    "image": ("chip", "band", "y", "x"),
    "mask": ("chip", "y", "x"),
    "value": ("chip", "quantity", "y", "x"),
    "valid": ("chip", "y", "x"),
    "observed": ("chip", "y", "x"),
}
"""Arrays of pixels, and their axes."""

LABEL_PLANES: tuple[str, ...] = ("mask", "value")
"""Of which a store has one, or none."""

COLUMNS: dict[str, str] = {
    "split": "uint8",
    "source": "int32",
    "crs": "int32",
    "row": "int64",
    "col": "int64",
    "transform": "float64",
    "crc32c": "uint32",
    "start": "int64",
    "stop": "int64",
}
"""Arrays of one value per chip, and their types. `transform` has six; `crc32c` one per plane, in the order of
`PLANES`: the checksum of what is stored, 0 where that is nothing. `start` and `stop` may be missing."""

WIDE = {"transform": "affine", "crc32c": "plane"}
"""Second axis of columns that have one."""

_SEALED = (
    "format", "version", "complete", "bands", "outputs", "labels", "columns", "splits", "sources", "crs",
    "files", "provenance",
)  # fmt: skip


def seal(attributes: Mapping[str, Any]) -> int:
    """A checksum over the attributes that geoloom writes; what users add is passed over."""
    sealed = {key: attributes[key] for key in _SEALED if key in attributes}
    return int(crc32c(json.dumps(sealed, sort_keys=True).encode()))


def chips_per_shard(chip_bytes: int) -> int:
    """How many chips make one shard file."""
    return max(1, min(MAX_CHIPS_PER_SHARD, SHARD_BYTES // max(chip_bytes, 1)))


def is_store(path: Path) -> bool:
    """Whether a chip store is at `path`: whole or not, of any version."""
    try:
        return bool(metadata(path)["attributes"]["format"].value == FORMAT)
    except ChipError:
        return False


def metadata(folder: Path, crc: int | None = None) -> JsonValue:
    """The `zarr.json` of a group or an array.

    Args:
        folder: Of the group or array.
        crc: CRC-32C of the file as it was written; None where that is not known.

    Raises:
        ChipError: it is missing, no JSON, or not what was written.
    """
    file = folder / "zarr.json"
    try:
        raw = read_bounded(file, ChipError, AGAIN)
    except FileNotFoundError as error:
        raise ChipError(f"{file} is missing; {AGAIN}") from error
    if crc is not None and crc32c(raw) != crc:
        raise ChipError(f"{file} is damaged: it is not what was written; {AGAIN}")
    return JsonValue.parse(raw, file, ChipError, AGAIN)


def part_path(path: Path) -> Path:
    """Where a store is written until it is whole."""
    return scratch_path(path)


def old_path(path: Path) -> Path:
    """Where the store that is replaced lies for a moment."""
    return scratch_path(path, ".old")


def store_attributes(path: Path) -> JsonValue:
    """The attributes of a whole chip store, as they were written.

    Raises:
        ChipError: nothing is there, it is not a chip store, of another version, damaged, or it was never
            finished.
    """
    if not path.exists():
        raise ChipError(f"no chip store at {path}{_left_behind(path)}")
    if not is_store(path):
        raise ChipError(
            f"{path} is not a chip store (expected a folder with a zarr 3 group of format {FORMAT!r}); "
            "make one with `geoloom chips`"
        )
    attributes = metadata(path)["attributes"]
    version = attributes["version"].whole(1)
    if version < VERSION:
        raise ChipError(
            f"chip store {path} has layout {version}, expected {VERSION}: it was made by a pre-release; cut "
            "the chips again"
        )
    if version > VERSION:
        raise ChipError(
            f"chip store {path} has layout {version}, this geoloom reads {VERSION}; install a newer geoloom"
        )
    if not attributes["complete"].truth():
        raise ChipError(
            f"chip store {path} is incomplete: writing it was cut short; write it again"
        )
    try:
        sealed = seal(attributes.table())
    except RecursionError:
        sealed = -1
    if attributes["seal"].whole() != sealed:
        raise ChipError(
            f"{path / 'zarr.json'} is damaged: its attributes are not those that were written; {AGAIN}"
        )
    return attributes


def _left_behind(path: Path) -> str:
    if is_store(old_path(path)):
        return (
            f"; replacing it was cut short, and the store that was there is whole: run the command again, "
            f"or rename {old_path(path)}"
        )
    if part_path(path).exists():
        return f"; writing it was cut short ({part_path(path)}): write it again"
    return ""


def check_target(path: Path, *, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse a target that exists, unless it is a chip store and may be replaced.

    Args:
        path: The store to make.
        overwrite: Whether a chip store of that name may be replaced.
        inputs: What the chips are cut from, which no store replaces.

    Raises:
        WriteError: it exists and `overwrite` is False, it is not a chip store, an input lies in it, or it has
            no place.
    """
    may_replace(path, overwrite=overwrite, inputs=inputs, folder=True)
    if not overwrite and (path.exists() or is_store(old_path(path))):
        raise WriteError(f"{path} exists; pass overwrite=True (--overwrite) to replace it")
    if path.exists() and not is_store(path):
        raise WriteError(
            f"{path} exists and is not a chip store: not replaced; choose another name"
        )


def clear_way(path: Path) -> None:
    """Undo what a writer that was killed left; call it while holding `path`."""
    if is_store(old_path(path)):
        restore_folder(path, old_path(path))
    clear_scratch(path)


def publish(path: Path) -> None:
    """Give the finished store its name, replacing a store of that name; call it while holding `path`."""
    publish_folder(part_path(path), path, old_path(path))
