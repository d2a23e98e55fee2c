"""How a chip store lies on disk: one zarr 3 group whose arrays are sharded, one chip a chunk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal, get_args

from ..core.errors import ChipError, WriteError

Split = Literal["train", "test", "valid"]

SPLITS: tuple[Split, ...] = get_args(Split)
"""Codes 0, 1, 2 of the `split` array; `NO_SPLIT` elsewhere."""

NO_SPLIT = 255

FORMAT = "geoloom-chips"
VERSION = 1
"""Additions that older readers pass over keep the number: times, labels without classes."""

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


def chips_per_shard(chip_bytes: int) -> int:
    """How many chips make one shard file."""
    return max(1, min(MAX_CHIPS_PER_SHARD, SHARD_BYTES // max(chip_bytes, 1)))


def read_attributes(path: Path) -> dict[str, Any]:
    """The attributes of a chip store's group; empty where `path` is something else."""
    try:
        attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return attributes if attributes.get("format") == FORMAT else {}


def part_path(path: Path) -> Path:
    """Where a store is written until it is whole."""
    return path.with_name(path.name + ".part")


def store_attributes(path: Path) -> dict[str, Any]:
    """The attributes of a whole chip store.

    Raises:
        ChipError: nothing is there, it is no chip store, of a later version, or it was never finished.
    """
    attributes = read_attributes(path)
    if not path.exists():
        unfinished = part_path(path).exists()
        raise ChipError(
            f"no chip store at {path}"
            + (
                f"; writing it was cut short ({part_path(path)}): write it again"
                if unfinished
                else ""
            )
        )
    if not attributes:
        raise ChipError(
            f"{path} is no chip store (expected a folder with a zarr 3 group of format {FORMAT!r}); "
            "make one with `geoloom chips`"
        )
    if not attributes.get("complete"):
        raise ChipError(
            f"chip store {path} is incomplete: writing it was cut short; write it again"
        )
    if attributes["version"] > VERSION:
        raise ChipError(
            f"chip store {path} has layout {attributes['version']}, this geoloom reads up to {VERSION}; "
            "install a newer geoloom"
        )
    return attributes


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuse a target that exists, unless it is a chip store and may be replaced.

    Raises:
        WriteError: it exists and `overwrite` is False, or it is not a chip store.
    """
    if not path.exists():
        return
    if not overwrite:
        raise WriteError(f"{path} exists; pass overwrite=True (--overwrite) to replace it")
    if not read_attributes(path):
        raise WriteError(f"{path} exists and is no chip store: not replaced; choose another name")


def remove_part(path: Path) -> None:
    """Remove what a writer that was cut short left beside `path`."""
    part = part_path(path)
    if not part.exists():
        return
    if not read_attributes(part):
        raise WriteError(f"{part} is in the way and is no unfinished chip store; move it")
    shutil.rmtree(part)


def publish(path: Path) -> None:
    """Give the finished store its name, replacing a store of that name."""
    part = part_path(path)
    if path.exists():
        old = path.with_name(path.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        part.rename(path)
        shutil.rmtree(old)
    else:
        part.rename(path)
