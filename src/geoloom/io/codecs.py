"""Stored bytes to pixels: decompression, predictors and byte order of one TIFF block."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from geoloom.core.errors import ReadError

from .tiff import Compression, TiffImage

Bytes = NDArray[np.uint8]

_STEP_ROWS = 32
"""DEFLATE blocks are decoded in steps of so many rows."""


class Block:
    """A block that is decoded as far down as it is needed.

    A chip at random needs two thirds of the rows of the 512-pixel tiles that it touches. DEFLATE, the slow
    one, can stop and go on later; the other codecs decode a block at once.

    Guarantee: any number of threads may ask at once; what is decoded does not move and does not change.

    Args:
        image: The image that the block belongs to.
        stored: The block's bytes in the file.
        rows: How many of its rows lie in the image.
    """

    __slots__ = (
        "_image",
        "_inflater",
        "_lock",
        "_stored",
        "_taken",
        "address",
        "nbytes",
        "pixels",
        "rows",
    )

    def __init__(self, image: TiffImage, stored: memoryview, rows: int) -> None:
        self._image, self._stored = image, stored
        self._lock = threading.Lock()
        self._inflater = isal_zlib.decompressobj() if image.compression == "deflate" else None
        self._taken = 0
        shape = rows, image.block_width, image.block_samples
        self.pixels: NDArray[Any] = np.empty(shape, image.dtype.newbyteorder("="))
        """(rows, block width, samples in a block), native byte order; only the first `rows` are decoded."""
        self.address = int(self.pixels.__array_interface__["data"][0])
        self.rows = 0
        # An inflater keeps a copy of what it has not decoded yet, and its window, unless one step is all.
        is_stepped = self._inflater is not None and rows > _STEP_ROWS
        waiting = len(stored) + 65_536 if is_stepped else 0
        self.nbytes = self.pixels.nbytes + waiting
        """Bound of the memory held, bytes."""

    def need(self, rows: int) -> None:
        """Decode at least the first `rows`.

        Raises:
            ReadError: the bytes are damaged.
        """
        if self.rows >= rows:
            return
        with self._lock:
            if self.rows < rows:
                try:
                    self._decode(min(-(-rows // _STEP_ROWS) * _STEP_ROWS, len(self.pixels)))
                except Exception as error:
                    raise ReadError(
                        f"a {self._image.compression} block is damaged ({error}); fetch the file again"
                    ) from error

    def _decode(self, rows: int) -> None:
        row_bytes = self.pixels[0].nbytes
        if self._inflater is None:
            rows = len(self.pixels)
            raw = _DECODERS[self._image.compression](self._stored, self._image.block_bytes)
        else:
            size = (rows - self.rows) * row_bytes
            raw = np.frombuffer(
                self._inflater.decompress(self._stored[self._taken :], size), np.uint8
            )
            self._taken = len(self._stored) - len(self._inflater.unconsumed_tail)
            if rows == len(self.pixels):
                self._inflater = None
        needed = (rows - self.rows) * row_bytes
        if raw.size < needed:
            raise ValueError(f"{raw.size} bytes where {needed} were expected")
        _unpredict(self._image, raw[:needed], self.pixels[self.rows : rows])
        self.rows = rows


def _unpredict(image: TiffImage, raw: Bytes, out: NDArray[Any]) -> None:
    """Decompressed bytes of whole rows as pixels into `out` (rows, columns, samples)."""
    if image.predictor == 3:
        from .unpack import undo_float_bytes

        packed = raw.reshape(len(out), -1).copy()
        unpacked = np.empty_like(packed)
        undo_float_bytes(packed, unpacked, image.block_samples, image.dtype.itemsize)
        out[:] = unpacked.view(image.dtype.newbyteorder("<")).reshape(out.shape)
        return
    values: NDArray[Any] = raw.view(image.dtype).reshape(out.shape)
    if image.predictor != 2 or not image.dtype.isnative:
        out[:] = values
        values = out
    if image.predictor == 2:
        from .unpack import sum_differences

        unsigned = f"u{image.dtype.itemsize}"
        sum_differences(values.view(unsigned), out.view(unsigned))


def _unzstd(stored: memoryview, capacity: int) -> Bytes:
    from numcodecs import zstd  # type: ignore[import-untyped]  # it publishes no types

    return np.frombuffer(zstd.decompress(stored), np.uint8)[:capacity]


def _unlzw(stored: memoryview, capacity: int) -> Bytes:
    from .unpack import lzw

    packed = np.frombuffer(stored, np.uint8)
    if packed.size > 1 and packed[0] == 0 and packed[1] & 1:
        raise ValueError("old-style LZW with reversed bits")
    out = np.empty(capacity, np.uint8)
    written = lzw(packed, out)
    if written < 0:
        raise ValueError("impossible LZW code")
    return out[:written]


def _copy(stored: memoryview, capacity: int) -> Bytes:
    return np.frombuffer(stored, np.uint8)[:capacity]


_DECODERS: dict[Compression, Callable[[memoryview, int], Bytes]] = {
    "none": _copy,
    "lzw": _unlzw,
    "zstd": _unzstd,
}
