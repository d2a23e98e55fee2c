"""Stored bytes to pixels: decompression, predictors and byte order of one TIFF block."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import deflate
import numpy as np
from numpy.typing import NDArray

from geoloom.core.errors import ReadError

from .tiff import Compression, TiffImage

Bytes = NDArray[np.uint8]


def decode_block(image: TiffImage, stored: memoryview, rows: int) -> NDArray[Any]:
    """The pixels of one block.

    Args:
        image: The image that the block belongs to.
        stored: The block's bytes in the file.
        rows: How many of its rows lie in the image.

    Returns:
        (rows, block width, samples in a block), C-contiguous, native byte order, read-only.

    Raises:
        ReadError: the bytes are damaged.
    """
    width, samples = image.block_width, image.block_samples
    row_bytes = width * samples * image.dtype.itemsize
    needed = rows * row_bytes
    try:
        raw = _DECODERS[image.compression](stored, image.block_bytes)
    except Exception as error:
        raise ReadError(
            f"a {image.compression} block is damaged ({error}); fetch the file again"
        ) from error
    if raw.size < needed:
        raise ReadError(
            f"a {image.compression} block holds {raw.size} bytes where {needed} were expected; "
            "fetch the file again"
        )
    block = _unpredict(image, raw[:needed], rows)
    block.setflags(write=False)
    return block


def _unpredict(image: TiffImage, raw: Bytes, rows: int) -> NDArray[Any]:
    shape = (rows, image.block_width, image.block_samples)
    if image.predictor == 3:
        from .unpack import undo_float_bytes

        packed = raw.reshape(rows, -1)
        out = np.empty_like(packed)
        undo_float_bytes(packed, out, image.block_samples, image.dtype.itemsize)
        return (
            out.view(image.dtype.newbyteorder("<"))
            .astype(image.dtype.newbyteorder("="), copy=False)
            .reshape(shape)
        )
    block = raw.view(image.dtype).reshape(shape)
    if not image.dtype.isnative:
        block = block.astype(image.dtype.newbyteorder("="))
    if image.predictor == 2:
        from .unpack import undo_differences

        undo_differences(block.view(f"u{image.dtype.itemsize}"))
    return block


def _inflate(stored: memoryview, capacity: int) -> Bytes:
    try:
        return np.frombuffer(deflate.zlib_decompress(stored, capacity), np.uint8)
    except deflate.DeflateError:
        # Damage, or more bytes than the block holds: libtiff cuts those off too.
        return np.frombuffer(bytearray(zlib.decompressobj().decompress(stored, capacity)), np.uint8)


def _unzstd(stored: memoryview, capacity: int) -> Bytes:
    from numcodecs import zstd  # type: ignore[import-untyped]  # it publishes no types

    raw = np.frombuffer(bytearray(zstd.decompress(stored)), np.uint8)
    return raw[:capacity]


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
    return np.frombuffer(stored, np.uint8)[:capacity].copy()


_DECODERS: dict[Compression, Callable[[memoryview, int], Bytes]] = {
    "none": _copy,
    "deflate": _inflate,
    "lzw": _unlzw,
    "zstd": _unzstd,
}
