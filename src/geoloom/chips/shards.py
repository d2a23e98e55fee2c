"""Reading one chip of a sharded zarr array: one look into the shard's index, one read, one decompression.

zarr-python asks for the index anew at each chip and runs an event loop in a thread, which a forked worker
inherits dead. This reads the same bytes with neither.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs import blosc  # type: ignore[import-untyped]  # zarr's own, without type information

from ..core.errors import ChipError

_ABSENT = np.uint64(2**64 - 1)
_CRC_BYTES = 4


class ShardedArray:
    """A zarr 3 array (n, ...) of one chunk an item, in shards along the first axis.

    Read-only; safe to share between threads and to fork or pickle: no file stays open or mapped. (Mapped
    files were measured: faster from the second epoch on, a third as fast from disk, and a file that is cut
    short under a map ends the process.)

    Args:
        path: Folder of the array, which holds `zarr.json`.

    Raises:
        ChipError: the array's codecs are not the ones that the chip writer uses.
    """

    def __init__(self, path: Path) -> None:
        meta = json.loads((path / "zarr.json").read_text())
        self._path = path
        self.shape: tuple[int, ...] = tuple(meta["shape"])
        self.dtype: np.dtype[Any] = np.dtype(meta["data_type"])
        self.fill: Any = self.dtype.type(meta["fill_value"])
        """The value of items that are not stored."""
        self._item_bytes = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        self._per_shard = int(meta["chunk_grid"]["configuration"]["chunk_shape"][0])
        self._compressed = _is_compressed(path, meta)
        self._indices: dict[int, np.ndarray | None] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_indices": {}}

    def __getitem__(self, i: int) -> np.ndarray:
        """Item `i`, a fresh array.

        Raises:
            ChipError: the shard is damaged.
        """
        out = np.empty(self.shape[1:], dtype=self.dtype)
        self.read_into(i, out)
        return out

    def read_into(self, i: int, out: np.ndarray) -> None:
        """Item `i`, cast to the dtype of `out`.

        Args:
            i: Which.
            out: C-contiguous, of an item's shape.

        Raises:
            ChipError: the shard is damaged.
        """
        if out.dtype == self.dtype:
            if not self._read(i, out):
                out[...] = self.fill
            return
        stored = self.stored(i)
        np.copyto(out, self.fill if stored is None else stored, casting="unsafe")

    def stored(self, i: int) -> np.ndarray | None:
        """Item `i` in memory that the calling thread's next read uses again; None where it is all fill.

        Raises:
            ChipError: the shard is damaged.
        """
        out = _scratch(self._item_bytes).view(self.dtype).reshape(self.shape[1:])
        return out if self._read(i, out) else None

    def _read(self, i: int, out: np.ndarray) -> bool:
        """Item `i` into an array of its shape and dtype; False, and nothing done, where it is all fill."""
        if not 0 <= i < len(self):
            raise IndexError(f"chip {i} of {len(self)}")
        shard, slot = divmod(i, self._per_shard)
        index = self._index(shard)
        if index is None or index[slot, 0] == _ABSENT:
            return False
        offset, length = index[slot].tolist()
        try:
            if self._compressed:
                blosc.decompress(self._bytes(shard, offset, length), out)
            elif length != self._item_bytes or self._fill_with(shard, offset, out) != length:
                raise ValueError(f"{self._item_bytes} bytes expected at {offset}")
        except (RuntimeError, ValueError, OSError, OverflowError) as error:
            raise ChipError(
                f"chip {i} in {self._file(shard)} is damaged ({error}); write the store again"
            ) from error
        return True

    def _index(self, shard: int) -> np.ndarray | None:
        """(slots, 2) uint64 offsets and lengths; None where the whole shard is fill and has no file."""
        if shard not in self._indices:
            size = 16 * self._per_shard
            file = self._file(shard)
            if file.exists():
                start = file.stat().st_size - size - _CRC_BYTES
                raw = self._bytes(shard, start, size) if start >= 0 else b""
                if len(raw) != size:
                    raise ChipError(f"{file} is cut short; write the store again")
                self._indices[shard] = np.frombuffer(raw, dtype="<u8").reshape(-1, 2)
            else:
                self._indices[shard] = None
        return self._indices[shard]

    def _file(self, shard: int) -> Path:
        return Path(self._name(shard))

    def _bytes(self, shard: int, offset: int, length: int) -> bytes:
        descriptor = os.open(self._name(shard), os.O_RDONLY)
        try:
            return os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)

    def _fill_with(self, shard: int, offset: int, out: np.ndarray) -> int:
        """Bytes of a shard straight into an array; how many there were."""
        descriptor = os.open(self._name(shard), os.O_RDONLY)
        try:
            return os.preadv(descriptor, [out.reshape(-1).view(np.uint8).data], offset)
        finally:
            os.close(descriptor)

    def _name(self, shard: int) -> str:
        """Of a shard's file. Written out, as a `Path` costs more than opening the file."""
        return f"{self._path}/c/{shard}" + "/0" * (len(self.shape) - 1)


_OWN = threading.local()


def _scratch(size: int) -> np.ndarray:
    """(size,) uint8 that belongs to the calling thread."""
    memory: np.ndarray | None = getattr(_OWN, "memory", None)
    if memory is None or memory.size < size:
        memory = _OWN.memory = np.empty(size, np.uint8)
    return memory[:size]


def _is_compressed(path: Path, meta: dict[str, Any]) -> bool:
    outer = meta["codecs"]
    if len(outer) == 1 and outer[0]["name"] == "sharding_indexed":
        inner = outer[0]["configuration"]
        names = [codec["name"] for codec in inner["codecs"]]
        if (
            inner.get("index_location") == "end"
            and [codec["name"] for codec in inner["index_codecs"]] == ["bytes", "crc32c"]
            and inner["chunk_shape"][0] == 1
            and names in (["bytes"], ["bytes", "blosc"])
        ):
            return "blosc" in names
    raise ChipError(
        f"{path} was rewritten with other codecs than geoloom's; write the store again with ChipWriter"
    )
