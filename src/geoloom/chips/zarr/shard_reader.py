"""Reading one chip of a sharded zarr array: one look into the shard's index, one read, one decompression.

zarr-python asks for the index again at each chip and runs an event loop in a thread, which a forked worker
inherits dead. This reads the same bytes with neither.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google_crc32c import value as crc32c
from numcodecs import blosc  # type: ignore[import-untyped]  # zarr's own, without type information

from ...core.errors import ChipError
from .array_form import PlaneForm
from .layout import AGAIN, CRC_BYTES

_ABSENT = np.uint64(2**64 - 1)
_ENTRY_BYTES = 16

_BLOSC_HEADER = struct.Struct("<4xI4xI")
"""Of c-blosc 1: bytes unpacked, bytes packed; between them versions, flags and the size of blocks."""

_Entry = tuple[int, int] | None
"""Offset and length of an item; None where it is all fill."""


class ShardedArray:
    """A zarr 3 array (n, ...) of one chunk per item, in shards along the first axis.

    Read-only; safe to share between threads and to fork or pickle: no file stays open or mapped. (Mapped
    files were measured: faster from the second epoch on, a third as fast from disk, and a file that is cut
    short under a map ends the process.)

    Guarantee: what is given is what was written. Sizes of files are compared when the array is opened,
    an index's checksum when it is first used, an item's when it is first read.

    Args:
        folder: Of the array.
        form: Of its items and shards.
        sizes: Bytes of each shard as written; 0 for one of fill alone, which has no file.
        checksums: (n,) uint32 CRC-32C of each item as written; 0 for one of fill, which is not stored.

    Raises:
        ChipError: a shard is missing or has another size.
    """

    def __init__(
        self, folder: Path, form: PlaneForm, sizes: Sequence[int], checksums: np.ndarray
    ) -> None:
        self._folder, self._form, self._sizes = folder, form, tuple(sizes)
        self._checksums = np.ascontiguousarray(checksums)
        self.shape, self.dtype = form.shape, form.dtype
        self.fill: Any = self.dtype.type(self.dtype == np.bool_)
        """The value of items that are not stored: True of truths, which mostly are, else 0."""
        self._indices: dict[int, list[_Entry] | None] = {}
        self._checked = np.zeros(len(self), bool)
        """Items whose checksum was right."""
        self._check_files()

    def __len__(self) -> int:
        return self.shape[0]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_indices": {}, "_checked": np.zeros(len(self), bool)}

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
        if stored is not None and self.dtype == np.uint16 and out.dtype == np.float32:
            from .widen import widen  # loads numba, which others do not need

            widen(stored.reshape(-1), out.reshape(-1))
        else:
            np.copyto(out, self.fill if stored is None else stored, casting="unsafe")

    def stored(self, i: int) -> np.ndarray | None:
        """Item `i` in memory that the calling thread's next read uses again; None where it is all fill.

        Raises:
            ChipError: the shard is damaged.
        """
        out = _scratch(self._form.item_bytes).view(self.dtype).reshape(self.shape[1:])
        return out if self._read(i, out) else None

    def _read(self, i: int, out: np.ndarray) -> bool:
        """Item `i` into an array of its shape and dtype; False, and nothing done, where it is all fill."""
        if not 0 <= i < len(self):
            raise IndexError(f"chip {i} of {len(self)}")
        shard, slot = divmod(i, self._form.per_shard)
        index = self._index(shard)
        entry = None if index is None else index[slot]
        if entry is None:
            return False
        try:
            if self._form.compressed:
                self._unpack(i, shard, entry, out)
            else:
                self._copy(i, shard, entry, out)
            if not self._checked[i] and self.dtype == np.bool_ and out.view(np.uint8).max() > 1:
                raise ValueError(
                    "truths other than 0 and 1"
                )  # of which NumPy and torch make odd things
        except (RuntimeError, ValueError, OSError, OverflowError) as error:
            raise ChipError(
                f"chip {i} in {self._name(shard)} is damaged ({error}); {AGAIN}"
            ) from error
        self._checked[i] = True
        return True

    def _copy(self, i: int, shard: int, entry: tuple[int, int], out: np.ndarray) -> None:
        data = out.reshape(-1).view(np.uint8)
        if _read_at(self._name(shard), entry[0], data) != data.size:
            raise ValueError("the file was cut short")
        self._check(i, data)

    def _unpack(self, i: int, shard: int, entry: tuple[int, int], out: np.ndarray) -> None:
        packed = self._bytes(shard, entry[0], entry[1] - CRC_BYTES)
        self._check(i, packed)
        # blosc itself takes the lengths in its header for those of its buffers.
        if packed.size < _BLOSC_HEADER.size or (
            _BLOSC_HEADER.unpack_from(packed.data) != (out.nbytes, packed.size)
        ):
            raise ValueError(f"not {out.nbytes} bytes packed by blosc")
        blosc.decompress(packed, out)

    def _check(self, i: int, data: np.ndarray) -> None:
        """Compare an item's bytes with the checksum noted, unless that was done before."""
        if not self._checked[i] and crc32c(data) != self._checksums[i]:
            raise ValueError("the bytes are not those written: their checksum differs")

    def _index(self, shard: int) -> list[_Entry] | None:
        """Where each item lies; None where the whole shard is fill and has no file."""
        if shard not in self._indices:
            self._indices[shard] = self._read_index(shard) if self._sizes[shard] else None
        return self._indices[shard]

    def _read_index(self, shard: int) -> list[_Entry]:
        size = _ENTRY_BYTES * self._form.per_shard
        end = self._sizes[shard] - size - CRC_BYTES
        try:
            raw = self._bytes(shard, end, size + CRC_BYTES) if end >= 0 else np.empty(0, np.uint8)
            if raw.size != size + CRC_BYTES:
                raise ValueError("the file was cut short")
            if crc32c(raw[:size]) != raw[size:].view("<u4"):
                raise ValueError("the checksum differs")
        except (ValueError, OSError) as error:
            raise ChipError(
                f"{self._name(shard)} is damaged: of its index, {error}; {AGAIN}"
            ) from error
        index = raw[:size].view("<u8").reshape(-1, 2)
        absent = (index == _ABSENT).all(axis=1)
        offsets, lengths = index[~absent].T
        whole = self._form.item_bytes + CRC_BYTES
        # Compared without a sum, which could overflow.
        wrong = (offsets > end) | (lengths > end - np.minimum(offsets, end))
        wrong |= lengths <= CRC_BYTES if self._form.compressed else lengths != whole
        first = shard * self._form.per_shard
        noted = self._checksums[first : first + self._form.per_shard]
        if wrong.any() or noted[absent[: len(noted)]].any():
            raise ChipError(
                f"{self._name(shard)} is damaged: its index does not lead to its chips; {AGAIN}"
            )
        return [
            None if fill else (offset, length)
            for fill, (offset, length) in zip(absent.tolist(), index.tolist(), strict=True)
        ]

    def _check_files(self) -> None:
        if len(self._sizes) != -(-len(self) // self._form.per_shard):
            raise ChipError(
                f"{self._folder} has {len(self._sizes)} shards noted, too few or too many for {len(self)} "
                f"chips; {AGAIN}"
            )
        for shard, size in enumerate(self._sizes):
            name = self._name(shard)
            try:
                size_now = Path(name).stat().st_size
            except FileNotFoundError:
                size_now = 0
            except OSError as error:
                raise ChipError(f"{name} cannot be read ({error.strerror or error})") from error
            first = shard * self._form.per_shard
            stored = self._checksums[first : first + self._form.per_shard].any()
            if size_now != size or (stored and not size):
                raise ChipError(
                    f"{name} has {size_now:,} bytes, and {size:,} were written: it is lost or cut "
                    f"short; {AGAIN}"
                )

    def _bytes(self, shard: int, offset: int, length: int) -> np.ndarray:
        memory = np.empty(length, np.uint8)
        return memory[: _read_at(self._name(shard), offset, memory)]

    def _name(self, shard: int) -> str:
        """Of a shard's file. Written out, as a `Path` costs more than opening the file."""
        return f"{self._folder}/c/{shard}" + "/0" * (len(self.shape) - 1)


def _read_at(name: str, offset: int, memory: np.ndarray) -> int:
    """Bytes of a file into memory (n,) uint8; how many there were."""
    if not hasattr(os, "preadv"):  # Windows
        with Path(name).open("rb", buffering=0) as file:
            file.seek(offset)
            return int(file.readinto(memory.data))
    descriptor = os.open(name, os.O_RDONLY)
    try:
        return os.preadv(descriptor, [memory.data], offset)
    finally:
        os.close(descriptor)


_OWN = threading.local()


def _scratch(size: int) -> np.ndarray:
    """(size,) uint8 that belongs to the calling thread."""
    memory: np.ndarray | None = getattr(_OWN, "memory", None)
    if memory is None or memory.size < size:
        memory = _OWN.memory = np.empty(size, np.uint8)
    return memory[:size]
