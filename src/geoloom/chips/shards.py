"""Reading one chip of a sharded zarr array: one look into the shard's index, one read, one decompression.

zarr-python asks for the index anew at each chip and runs an event loop in a thread, which a forked worker
inherits dead. This reads the same bytes with neither.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs import blosc  # type: ignore[import-untyped]  # zarr's own, without type information

from ..core.errors import ChipError

_ABSENT = np.uint64(2**64 - 1)
_CRC_BYTES = 4


class ShardedArray:
    """A zarr 3 array (n, ...) of one chunk an item, in shards along the first axis.

    Read-only; safe to share between threads and to fork or pickle: no file stays open.

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
        self._fill = meta["fill_value"]
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
        if not 0 <= i < len(self):
            raise IndexError(f"chip {i} of {len(self)}")
        shard, slot = divmod(i, self._per_shard)
        index = self._index(shard)
        if index is None or index[slot, 0] == _ABSENT:
            return np.full(self.shape[1:], self._fill, dtype=self.dtype)
        offset, length = (int(v) for v in index[slot])
        out = np.empty(self.shape[1:], dtype=self.dtype)
        stored = self._read(shard, offset, length)
        try:
            if self._compressed:
                blosc.decompress(stored, out)
            else:
                out[...] = np.frombuffer(stored, dtype=self.dtype).reshape(out.shape)
        except (RuntimeError, ValueError) as error:
            raise ChipError(
                f"chip {i} in {self._file(shard)} is damaged ({error}); write the store again"
            ) from error
        return out

    def _index(self, shard: int) -> np.ndarray | None:
        """(slots, 2) uint64 offsets and lengths; None where the whole shard is fill and has no file."""
        if shard not in self._indices:
            size = 16 * self._per_shard
            file = self._file(shard)
            if file.exists():
                start = file.stat().st_size - size - _CRC_BYTES
                raw = self._read(shard, start, size) if start >= 0 else b""
                if len(raw) != size:
                    raise ChipError(f"{file} is cut short; write the store again")
                self._indices[shard] = np.frombuffer(raw, dtype="<u8").reshape(-1, 2)
            else:
                self._indices[shard] = None
        return self._indices[shard]

    def _file(self, shard: int) -> Path:
        return self._path.joinpath("c", str(shard), *["0"] * (len(self.shape) - 1))

    def _read(self, shard: int, offset: int, length: int) -> bytes:
        descriptor = os.open(self._file(shard), os.O_RDONLY)
        try:
            return os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)


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
