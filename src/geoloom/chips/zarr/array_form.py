"""The forms that a store's arrays may have, as their `zarr.json` declares them: the writer's."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from google_crc32c import value as crc32c

from ...core.errors import ChipError
from ...core.jsonfile import JsonValue
from .layout import AGAIN, COLUMNS, MAX_CHIP_BYTES, WIDE, metadata
from .sample_columns import DTYPES as SAMPLE_DTYPES

_LITTLE = {"endian": "little"}
_DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
    "float64",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlaneForm:
    """An array (n, ...) of one chunk per item, in shards along the first axis."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    per_shard: int
    """Items a shard."""
    compressed: bool
    """Whether chunks are packed by blosc."""

    @property
    def item_bytes(self) -> int:
        """Of one item, unpacked."""
        return prod(self.shape[1:]) * self.dtype.itemsize


def plane_form(folder: Path, crc: int) -> PlaneForm:
    """The form of an array of pixels.

    Args:
        folder: Of the array.
        crc: CRC-32C of its `zarr.json` as it was written.

    Raises:
        ChipError: it is not what was written, has other codecs, or no chip could be so large.
    """
    declared = _metadata(folder, crc)
    shape = declared["shape"].wholes(least=1)
    form = PlaneForm(
        shape,
        _dtype(declared),
        _outer(declared, shape),
        _compressed(declared, shape),
    )
    declared["fill_value"].equals(form.dtype == np.bool_)
    if form.item_bytes > MAX_CHIP_BYTES:
        raise ChipError(
            f"{folder} has chips of {shape[1:]} {form.dtype}, {form.item_bytes:,} bytes each; at most "
            f"{MAX_CHIP_BYTES:,} are read"
        )
    return form


def _outer(declared: JsonValue, shape: tuple[int, ...]) -> int:
    """Items a shard."""
    extents = declared["chunk_grid"]["configuration"]["chunk_shape"]
    extent = extents.wholes(len(shape), least=1)
    if extent[1:] != shape[1:]:
        extents.equals([extent[0], *shape[1:]])
    return extent[0]


def _compressed(declared: JsonValue, shape: tuple[int, ...]) -> bool:
    outer = declared["codecs"].entries()
    if len(outer) != 1 or outer[0]["name"].value != "sharding_indexed":
        raise _other_codecs(declared)
    inner = outer[0]["configuration"]
    inner["chunk_shape"].equals([1, *shape[1:]])
    names = [codec["name"].value for codec in inner["codecs"].entries()]
    index = [codec["name"].value for codec in inner["index_codecs"].entries()]
    if (
        inner["index_location"].value != "end"
        or index != ["bytes", "crc32c"]
        or names not in (["bytes", "crc32c"], ["bytes", "blosc", "crc32c"])
    ):
        raise _other_codecs(declared)
    for numbers in (inner["codecs"].entries()[0], inner["index_codecs"].entries()[0]):
        order = numbers.get("configuration")
        if order is not None:
            order.equals(_LITTLE)
    return "blosc" in names


def _other_codecs(declared: JsonValue) -> ChipError:
    return ChipError(
        f"{Path(declared.file).parent} was rewritten with other codecs than geoloom's; write the store again "
        "with ChipWriter"
    )


def read_column(folder: Path, metadata_crc: int, crc: int, *, own: bool = True) -> np.ndarray:
    """An array of one value per chip, or several: (n,) or (n, k).

    Args:
        folder: Of the array, one unpacked chunk.
        metadata_crc: CRC-32C of its `zarr.json` as it was written.
        crc: Of its values.
        own: Whether it is one of `COLUMNS`, whose types are known; else what a sample holds.

    Raises:
        ChipError: either is not what was written.
    """
    declared = _metadata(folder, metadata_crc)
    types = (COLUMNS[folder.name],) if own else SAMPLE_DTYPES
    dtype = np.dtype(declared["data_type"].one_of(types)).newbyteorder("<")
    axes = len(declared["shape"].entries(most=2))
    shape = declared["shape"].wholes(1 + (folder.name in WIDE) if own else axes, least=1)
    declared["chunk_grid"]["configuration"]["chunk_shape"].equals(list(shape))
    names = [codec["name"].value for codec in declared["codecs"].entries()]
    if names != ["bytes"]:
        raise _other_codecs(declared)
    file = folder.joinpath("c", *("0" for _ in shape))
    size = prod(shape) * dtype.itemsize
    try:
        with file.open("rb") as opened:
            size_now = file.stat().st_size
            raw = opened.read(size) if size_now == size else b""
    except OSError as error:
        raise ChipError(f"{file} cannot be read ({error.strerror or error}); {AGAIN}") from error
    if size_now != size:
        raise ChipError(f"{file} has {size_now} bytes, and {size} were written; {AGAIN}")
    if crc32c(raw) != crc:
        raise ChipError(f"{file} is damaged: it does not have the checksum noted; {AGAIN}")
    return np.frombuffer(raw, dtype).reshape(shape)


def _dtype(declared: JsonValue) -> np.dtype[Any]:
    return np.dtype(declared["data_type"].one_of(_DTYPES)).newbyteorder("<")


def _metadata(folder: Path, crc: int) -> JsonValue:
    declared = metadata(folder, crc)
    declared["chunk_key_encoding"].equals({"name": "default", "configuration": {"separator": "/"}})
    return declared
