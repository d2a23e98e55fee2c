"""Writing a sharded zarr array chip by chip: the bytes that zarr would write, without holding a shard.

zarr-python takes whole shards alone, and puts one together at a tenth of the speed of the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google_crc32c import value as crc32c

from .layout import CRC_BYTES

_ABSENT = 2**64 - 1

Encode = Callable[[np.ndarray], Any]


class ShardFiles:
    """The shards of an array of one chunk per item, written one after the other.

    Guarantee: items that are all `fill` take no room, and a shard of such items alone no file.

    Args:
        folder: Of the array, which holds `zarr.json`.
        dimensions: Of the array, with the items' axis.
        per_shard: Items a shard.
        fill: The byte of which items that are not stored consist.
        encode: What makes an item's bytes; None stores them as they are. A CRC-32C comes behind either.

    Source:
        Zarr specification, sharding codec, version 1.0: chunks, then an index of offsets and lengths as
        little-endian uint64, then its CRC-32C. crc32c codec, version 1.0, for the chunks' own.
    """

    def __init__(
        self, folder: Path, dimensions: int, per_shard: int, fill: int, encode: Encode | None
    ) -> None:
        self._folder, self._tail = folder / "c", ["0"] * (dimensions - 1)
        self._per_shard, self._fill, self._encode = per_shard, fill, encode
        self._index: list[tuple[int, int]] = []
        self._file: BinaryIO | None = None
        self._length = 0
        self.sizes: list[int] = []
        """Bytes of each shard that is finished; 0 for one without a file."""
        self.checksums: list[int] = []
        """CRC-32C of each item as it is stored; 0 for one that is not."""

    def add(self, item: np.ndarray) -> None:
        """Append one item, in the array's dtype, C-contiguous."""
        data = item.reshape(-1).view(np.uint8)
        if data[0] == self._fill and (data == self._fill).all():
            self._index.append((_ABSENT, _ABSENT))
            self.checksums.append(0)
        else:
            encoded = data if self._encode is None else self._encode(item)
            start, crc = self._length, crc32c(encoded)
            self._write(encoded)
            self._write(crc.to_bytes(CRC_BYTES, "little"))
            self._index.append((start, self._length - start))
            self.checksums.append(crc)
        if len(self._index) == self._per_shard:
            self.close()

    def close(self) -> None:
        """Finish the shard that was begun; what is added next begins another."""
        if self._file is not None:
            index = np.full((self._per_shard, 2), _ABSENT, "<u8")
            index[: len(self._index)] = self._index
            data = index.tobytes()
            self._write(data)
            self._write(crc32c(data).to_bytes(CRC_BYTES, "little"))
        if self._index:
            self._index = []
            self.sizes.append(self._length)
        self._close_file()

    def abandon(self) -> None:
        """Close the file as it is, which is then removed: what cannot be written any more is of no use."""
        with suppress(OSError):
            self._close_file()

    def _close_file(self) -> None:
        file, self._file, self._length = self._file, None, 0
        if file is not None:
            file.close()  # writes what is buffered, for which a disk may have no room

    def _write(self, data: Any) -> None:
        if self._file is None:
            path = self._folder.joinpath(str(len(self.sizes)), *self._tail)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        self._length += self._file.write(data)
