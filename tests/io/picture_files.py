"""Pictures written byte by byte, so that what is read of them is compared with what the standards say."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = {"gray": 0, "color": 2, "palette": 3, "gray_alpha": 4, "color_alpha": 6}
# Adam7: first row, first column, step down, step across.
PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(samples: np.ndarray, depth: int) -> bytes:
    """Rows (H, W, C) of samples, each behind filter 0."""
    out = b""
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        elif depth == 8:
            packed = row.astype("u1").tobytes()
        else:
            bits = np.unpackbits(row.astype("u1")[:, None], axis=1)[:, 8 - depth :]
            packed = np.packbits(bits.reshape(-1)).tobytes()
        out += b"\0" + packed
    return out


def png(
    samples: np.ndarray,
    kind: str,
    depth: int,
    *,
    interlaced: bool = False,
    before: Iterable[tuple[bytes, bytes]] = (),
    claimed: tuple[int, int] | None = None,
) -> bytes:
    """A PNG of samples (H, W, C); `claimed` are the height and width that its header claims instead."""
    height, width = claimed or samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, KINDS[kind], 0, 0, interlaced)
    if interlaced:
        parts = (samples[top::down, left::across] for top, left, down, across in PASSES)
        data = b"".join(rows(part, depth) for part in parts if part.size)
    else:
        data = rows(samples, depth)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def jpeg(pixels: np.ndarray, **options) -> bytes:
    """A JPEG of (H, W) or (H, W, 3) bytes, as Pillow writes it."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def photograph(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth bytes (H, W, C), as JPEG keeps them well."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-height // 16), -(-width // 16), channels), dtype=np.uint8)
    bands = [
        np.asarray(
            Image.fromarray(coarse[..., i]).resize((width, height), Image.Resampling.BICUBIC)
        )
        for i in range(channels)
    ]
    return np.stack(bands, axis=-1)


def save(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
