"""What is read of a label layer as samples hold it: whole class codes, or values, NaN where unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import DatasetError

if TYPE_CHECKING:
    from torch import Tensor


def as_codes(
    values: np.ndarray | Tensor,
    valid: np.ndarray | Tensor,
    dtype: np.dtype[Any],
    scenes: Sequence[str],
) -> np.ndarray | Tensor:
    """Labels as class codes; those that files hold as integers are what they are.

    Args:
        values: (C, H, W), as read.
        valid: (H, W) bool, True = observed.
        dtype: Of codes that files hold as floats.
        scenes: Names, for messages.

    Raises:
        DatasetError: a label is not a whole number.
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return values
    seen = np.asarray(valid)
    whole = np.isfinite(array) & (np.trunc(array) == array)
    if not whole[..., seen].all():
        raise DatasetError(
            f"labels of {', '.join(scenes[:3])} hold {array[..., seen][~whole[..., seen]][0]:g}, which is "
            'not a class code. Measured values are read with gives="value" (label_kind="values" where chips '
            "are cut, --label-kind values on the command line); were classes meant, store whole numbers"
        )
    return np.where(whole, array, 0).astype(dtype)


def as_values(
    values: np.ndarray | Tensor, valid: np.ndarray | Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Measurements as a target.

    Args:
        values: (K, H, W), physical.
        valid: Bool, True = observed: (H, W) of all values, or (K, H, W).

    Returns:
        float32 (K, H, W), NaN = unknown; and bool (H, W), True = one value at least is known.
    """
    array = np.asarray(values)
    known = np.asarray(valid) & np.isfinite(array)
    return np.where(known, array, np.nan).astype(np.float32, copy=False), known.any(axis=0)
