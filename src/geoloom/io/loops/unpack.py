"""Compiled loops of decoding: LZW and predictors."""

from __future__ import annotations

import numpy as np

from .jit import compiled

_CLEAR, _END, _FIRST, _CODES = 256, 257, 258, 4096


@compiled
def lzw(packed: np.ndarray, out: np.ndarray) -> int:
    """Decode TIFF's LZW (most significant bit first) into `out`; both uint8 (n,).

    Returns the number of bytes written, or -1 where the codes are impossible.

    Each table entry is the text of the entry before it and one byte more, and that text already stands in
    the output: an entry is its place and length there, no strings are kept.

    Source: TIFF 6.0, section 13.
    """
    start = np.empty(_CODES, np.int64)
    length = np.empty(_CODES, np.int64)
    bits, bit_count, width = np.uint64(0), 0, 9
    at, written, following = 0, 0, _FIRST
    previous_start, previous_length = 0, 0
    while written < out.size:
        while bit_count < width and at < packed.size:
            bits = (bits << np.uint64(8)) | np.uint64(packed[at])
            at += 1
            bit_count += 8
        if bit_count < width:
            break
        code = np.int64((bits >> np.uint64(bit_count - width)) & np.uint64((1 << width) - 1))
        bit_count -= width
        if code == _END:
            break
        if code == _CLEAR:
            width, following, previous_length = 9, _FIRST, 0
            continue
        if previous_length > 0 and following < _CODES:
            start[following] = previous_start
            length[following] = previous_length + 1
            following += 1
        here = written
        if code < _CLEAR:
            out[written] = code
            written += 1
        else:
            if code >= following or previous_length == 0:
                return -1
            origin = start[code]
            count = min(length[code], out.size - written)
            for i in range(count):
                out[written + i] = out[origin + i]
            written += count
        previous_start, previous_length = here, written - here
        # TIFF widens one code early: 511, 1023 and 2047 are the first of the wider ones.
        if following >= (1 << width) - 1 and width < 12:
            width += 1
    return written


@compiled
def sum_differences(packed: np.ndarray, out: np.ndarray) -> None:
    """Predictor 2 undone: unsigned integers (rows, columns, samples), each a difference to its left.

    `out` may be `packed` itself.
    """
    rows, cols, samples = packed.shape
    for row in range(rows):
        for sample in range(samples):
            # A sum in a register is four times as fast as one that is read back from memory.
            total = np.uint64(0)
            for col in range(cols):
                total += np.uint64(packed[row, col, sample])
                out[row, col, sample] = total


@compiled
def undo_float_bytes(packed: np.ndarray, out: np.ndarray, samples: int, item: int) -> None:
    """Predictor 3 undone: byte differences in planes, most significant plane first.

    Args:
        packed: uint8 (rows, row bytes); changed.
        out: uint8 (rows, row bytes), little-endian values.
        samples: Values a pixel.
        item: Bytes a value.

    Source: TIFF technical note 3.
    """
    rows, width = packed.shape
    values = width // item
    for row in range(rows):
        for i in range(samples, width):
            packed[row, i] += packed[row, i - samples]
        for value in range(values):
            for byte in range(item):
                out[row, value * item + byte] = packed[row, (item - 1 - byte) * values + value]
