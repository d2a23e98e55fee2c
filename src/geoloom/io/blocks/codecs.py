"""Stored bytes to pixels: decompression, predictors and byte order of one TIFF block."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ..headers.tiff_structure import Compression, TiffImage, UnsupportedTiffError

Bytes = NDArray[np.uint8]

_STEP_ROWS = 32
"""DEFLATE blocks are decoded in steps of so many rows."""

MOST_PER_BYTE: dict[Compression, int] = {
    "none": 1,
    "deflate": 1032,
    "lzw": 4096,
    "zstd": 1 << 17,
}
"""What a stored byte can unfold to, bytes: a copy of 258 takes two bits, one of the 4,096 texts of LZW, each
a byte longer than another, nine bits or more, and a block of 128 KB three or four bytes."""

_DAMAGED = (ValueError, OSError, cast(type[Exception], isal_zlib.error))
"""What decoders raise."""


class Block:
    """A block that is decoded as far down as it is needed.

    A chip at random needs two thirds of the rows of the 512-pixel tiles that it touches. DEFLATE, the slow
    one, can stop and go on later; the other codecs decode a block at once.

    Guarantee: any number of threads may ask at once; what is decoded does not move and does not change.
    Memory is taken only where the stored bytes can explain it.

    Args:
        image: The image that the block belongs to.
        fetch: Gives the block's bytes in the file; asked for when they are needed.
        stored_bytes: How many these are.
        rows: How many of its rows lie in the image.

    Raises:
        UnsupportedTiffError: so few bytes cannot hold the block.
    """

    __slots__ = (
        "_damage",
        "_fetch",
        "_image",
        "_inflater",
        "_lock",
        "_waiting",
        "address",
        "nbytes",
        "pixels",
        "rows",
    )

    def __init__(
        self, image: TiffImage, fetch: Callable[[], bytes], stored_bytes: int, rows: int
    ) -> None:
        row_bytes = image.block_width * image.block_samples * image.dtype.itemsize
        if rows * row_bytes > (stored_bytes + 1) * MOST_PER_BYTE[image.compression]:
            raise UnsupportedTiffError(
                f"a {image.compression} block is damaged: its {stored_bytes} bytes cannot hold the "
                f"{rows * row_bytes} of its pixels; fetch the file again"
            )
        self._image, self._fetch = image, fetch
        self._lock = threading.Lock()
        self._inflater: Any = None
        self._waiting = b""
        self._damage = ""
        shape = rows, image.block_width, image.block_samples
        self.pixels: NDArray[Any] = np.empty(shape, image.dtype.newbyteorder("="))
        """(rows, block width, samples in a block), native byte order; only the first `rows` are decoded."""
        self.address = int(self.pixels.__array_interface__["data"][0])
        self.rows = 0
        # An inflater keeps a copy of what it has not decoded yet, and its window, unless one step is all.
        is_stepped = image.compression == "deflate" and rows > _STEP_ROWS
        waiting = stored_bytes + 65_536 if is_stepped else 0
        self.nbytes = self.pixels.nbytes + waiting
        """Bound of the memory used, bytes."""

    def need(self, rows: int) -> None:
        """Decode at least the first `rows`.

        Raises:
            UnsupportedTiffError: the bytes are damaged.
            ReadError: they cannot be read.
        """
        if self.rows >= rows:
            return
        with self._lock:
            if self.rows < rows:
                self._decode(min(-(-rows // _STEP_ROWS) * _STEP_ROWS, len(self.pixels)))

    def _decode(self, rows: int) -> None:
        if self._damage:  # a decoder that has failed must not go on
            raise UnsupportedTiffError(self._damage)
        if self._image.compression != "deflate":
            rows = len(self.pixels)
        if self.rows == 0:
            self._waiting = self._fetch()
        try:
            raw = self._unpacked((rows - self.rows) * self.pixels[0].nbytes)
        except _DAMAGED as error:
            self._waiting, self._inflater = b"", None
            self._damage = (
                f"a {self._image.compression} block is damaged ({error}); fetch the file again"
            )
            raise UnsupportedTiffError(self._damage) from error
        _unpredict(self._image, raw, self.pixels[self.rows : rows])
        self.rows = rows
        if rows == len(self.pixels):
            self._waiting, self._inflater = b"", None

    def _unpacked(self, size: int) -> Bytes:
        """The next `size` decompressed bytes."""
        compression = self._image.compression
        if compression == "deflate":
            if self._inflater is None:
                self._inflater = isal_zlib.decompressobj()
            raw = np.frombuffer(self._inflater.decompress(self._waiting, size), np.uint8)
            self._waiting = self._inflater.unconsumed_tail
            if self.pixels.nbytes - self.rows * self.pixels[0].nbytes == size:
                self._check_end()
        else:
            raw = _DECODERS[compression](self._waiting, size, self._image.block_bytes)
        if raw.size < size:
            raise ValueError(f"{raw.size} bytes where {size} were expected")
        raw = raw[:size]
        raw.setflags(write=False)  # as most are: the loops that follow are compiled for one kind
        return raw

    def _check_end(self) -> None:
        """Whether the stream ends with the block, and its checksum is right."""
        # The last strip of an image may be padded to the size of the others.
        padding = self._image.block_bytes - self.pixels.nbytes
        self._inflater.decompress(self._waiting, padding + 1)
        if not self._inflater.eof:
            raise ValueError("it does not end where its pixels do")


def _unpredict(image: TiffImage, raw: Bytes, out: NDArray[Any]) -> None:
    """Decompressed bytes of whole rows as pixels into `out` (rows, columns, samples)."""
    if image.predictor == 3:
        from ..loops.unpack import undo_float_bytes

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
        from ..loops.unpack import sum_differences

        unsigned = f"u{image.dtype.itemsize}"
        sum_differences(values.view(unsigned), out.view(unsigned))


def _unzstd(stored: bytes, size: int, whole: int) -> Bytes:
    # Given the size, it fills no more memory, whatever the bytes claim to hold.
    import pyarrow

    codec, pool = pyarrow.Codec("zstd"), pyarrow.system_memory_pool()
    try:
        unpacked = codec.decompress(stored, size, memory_pool=pool)
    except OSError:
        if size == whole:
            raise
        # The last strip of an image may be padded to the size of the others.
        unpacked = codec.decompress(stored, whole, memory_pool=pool)
    return np.frombuffer(unpacked, np.uint8)


def _unlzw(stored: bytes, size: int, whole: int) -> Bytes:
    from ..loops.unpack import lzw

    packed = np.frombuffer(stored, np.uint8)
    if packed.size > 1 and packed[0] == 0 and packed[1] & 1:
        raise ValueError("old-style LZW with reversed bits")
    out = np.empty(size, np.uint8)
    written = lzw(packed, out)
    if written < 0:
        raise ValueError("impossible LZW code")
    return out[:written]


def _copy(stored: bytes, size: int, whole: int) -> Bytes:
    return np.frombuffer(stored, np.uint8)


_DECODERS: dict[Compression, Callable[[bytes, int, int], Bytes]] = {
    "none": _copy,
    "lzw": _unlzw,
    "zstd": _unzstd,
}
"""Stored bytes, how many are wanted, how many a whole block has -> bytes."""
