"""Writing a sharded zarr array chip by chip: the bytes that zarr would write, without holding a shard.

zarr-python takes whole shards alone, and puts one together at a tenth of the speed of the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_ABSENT = 2**64 - 1

Encode = Callable[[np.ndarray], Any]


class ShardFiles:
    """The shards of an array of one chunk an item, written one after the other.

    Guarantee: items that are all `fill` take no room, and a shard of such items alone no file.

    Args:
        folder: Of the array, which holds `zarr.json`.
        dimensions: Of the array, with the items' axis.
        per_shard: Items a shard.
        fill: The byte of which items that are not stored consist.
        encode: What makes an item's bytes; None stores them as they are.

    Source:
        Zarr specification, sharding codec, version 1.0: chunks, then an index of offsets and lengths as
        little-endian uint64, then its CRC-32C.
    """

    def __init__(
        self, folder: Path, dimensions: int, per_shard: int, fill: int, encode: Encode | None
    ) -> None:
        self._folder, self._tail = folder / "c", ["0"] * (dimensions - 1)
        self._per_shard, self._fill, self._encode = per_shard, fill, encode
        self._shard = 0
        self._index: list[tuple[int, int]] = []
        self._file: BinaryIO | None = None
        self._length = 0

    def add(self, item: np.ndarray) -> None:
        """Append one item, in the array's dtype, C-contiguous."""
        data = item.reshape(-1).view(np.uint8)
        if data[0] == self._fill and (data == self._fill).all():
            self._index.append((_ABSENT, _ABSENT))
        else:
            encoded = data.data if self._encode is None else self._encode(item)
            self._index.append((self._length, len(encoded)))
            self._write(encoded)
        if len(self._index) == self._per_shard:
            self.close()

    def close(self) -> None:
        """Finish the shard that was begun; what is added next begins another."""
        if self._file is not None:
            index = np.full((self._per_shard, 2), _ABSENT, "<u8")
            index[: len(self._index)] = self._index
            data = index.tobytes()
            self._write(data)
            self._write(crc32c(data).to_bytes(4, "little"))
        self.abandon()
        if self._index:
            self._index = []
            self._shard += 1

    def abandon(self) -> None:
        """Close the file as it is."""
        if self._file is not None:
            self._file.close()
        self._file, self._length = None, 0

    def _write(self, data: Any) -> None:
        if self._file is None:
            path = self._folder.joinpath(str(self._shard), *self._tail)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        self._length += self._file.write(data)


def crc32c(data: bytes) -> int:
    """Castagnoli's checksum.

    Source:
        RFC 3720, appendix B.4.

    Example:
        >>> hex(crc32c(bytes(32)))
        '0x8a9136aa'
    """
    register = 0xFFFFFFFF
    for byte in data:
        register = (register >> 8) ^ _TABLE[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_remainder(byte) for byte in range(256)]
