"""Pictures brought to one size: cut and padded about their middle, or resized."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray

Fit = Literal["crop", "resize"]
"""`crop` keeps values as they are; `resize` shows the whole picture, and changes its pixels' size."""


def fitted_transform(shape: tuple[int, int], size: tuple[int, int], fit: Fit) -> Affine:
    """Pixel corners (col, row) of the picture made -> pixel corners of the picture that it is made of."""
    if fit == "resize":
        return Affine.scale(shape[1] / size[1], shape[0] / size[0])
    top, left = _start(shape[0], size[0]), _start(shape[1], size[1])
    return Affine.translation(left, top)


def fit_into(
    values: NDArray[Any],
    valid: NDArray[np.bool_],
    fit: Fit,
    out: NDArray[Any],
    out_valid: NDArray[np.bool_],
) -> None:
    """Bring a picture to the size of the arrays that it is written into.

    Guarantee: cropping copies values; what lies beside the picture is 0 and not valid. Resizing is bilinear,
    widened where it shrinks, so that nothing aliases; pixels that are not valid take part in no value.

    Args:
        values: (C, H, W).
        valid: (H, W), True = observed.
        fit: How.
        out: (C, H', W'), wholly overwritten; values are cast, and rounded where they are whole numbers.
        out_valid: (H', W'), wholly overwritten.
    """
    if values.shape[1:] == out.shape[1:]:
        out[:], out_valid[:] = values, valid
    elif fit == "resize":
        _resize(values, valid, out, out_valid)
    else:
        _crop(values, valid, out, out_valid)


def fit_codes_into(
    codes: NDArray[Any],
    valid: NDArray[np.bool_],
    fit: Fit,
    out: NDArray[Any],
    out_valid: NDArray[np.bool_],
) -> None:
    """As `fit_into`, of class codes: each pixel made takes the code of the pixel that its centre lies in.

    Args:
        codes: (H, W).
        valid: (H, W), True = labelled.
        fit: How.
        out: (H', W'), wholly overwritten.
        out_valid: (H', W'), wholly overwritten.
    """
    if fit == "resize" and codes.shape != out.shape:
        rows, cols = (_centres(n, m) for n, m in zip(codes.shape, out.shape, strict=True))
        out[:], out_valid[:] = codes[rows[:, None], cols], valid[rows[:, None], cols]
    else:
        fit_into(codes[None], valid, fit, out[None], out_valid)


def _start(length: int, wanted: int) -> int:
    """Where a side of `wanted` pixels about the middle begins; below 0 where it is longer."""
    return (length - wanted) // 2


def _crop(
    values: NDArray[Any],
    valid: NDArray[np.bool_],
    out: NDArray[Any],
    out_valid: NDArray[np.bool_],
) -> None:
    taken, given = [], []
    for length, wanted in zip(valid.shape, out_valid.shape, strict=True):
        start = _start(length, wanted)
        taken.append(slice(max(start, 0), min(start + wanted, length)))
        given.append(slice(max(-start, 0), max(-start, 0) + min(length, wanted)))
    if valid.shape[0] < out_valid.shape[0] or valid.shape[1] < out_valid.shape[1]:
        out[:], out_valid[:] = 0, False
    out[:, given[0], given[1]] = values[:, taken[0], taken[1]]
    out_valid[given[0], given[1]] = valid[taken[0], taken[1]]


def _resize(
    values: NDArray[Any],
    valid: NDArray[np.bool_],
    out: NDArray[Any],
    out_valid: NDArray[np.bool_],
) -> None:
    rows, cols = (_centres(n, m) for n, m in zip(valid.shape, out_valid.shape, strict=True))
    out_valid[:] = valid[rows[:, None], cols]
    whole = bool(valid.all())
    weights = None if whole else _resized(valid, out_valid.shape)
    for band, target in zip(values, out, strict=True):
        resized = _resized(band if whole else np.where(valid, band, 0), out_valid.shape)
        if weights is not None:
            resized = np.divide(resized, weights, out=np.zeros_like(resized), where=weights > 0)
        target[:] = np.rint(resized) if out.dtype.kind in "iu" else resized


def _centres(length: int, wanted: int) -> NDArray[np.int64]:
    """The pixel in which the centre of each new one lies."""
    centres = (np.arange(wanted) + 0.5) * (length / wanted)
    return np.minimum(centres.astype(np.int64), length - 1)


def _resized(band: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(band, np.float32))
    resized: NDArray[np.float32] = np.asarray(
        image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    )
    return resized
