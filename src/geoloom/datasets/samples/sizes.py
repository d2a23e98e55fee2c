"""Sizes of pictures that have to be one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError


def one_size(shapes: NDArray[np.int32], purpose: str) -> tuple[int, int]:
    """Rows and columns that all of some pictures have.

    Args:
        shapes: (n, 2) rows and columns.
        purpose: What they cannot be otherwise, for the message.

    Raises:
        DatasetError: they differ, or there are none.

    Example:
        >>> one_size(np.array([[4, 5], [4, 5]]), "stacked")
        (4, 5)
    """
    if not len(shapes):
        raise DatasetError(f"there are no samples, so that none can be {purpose}")
    if (shapes != shapes[0]).any():
        counts = Counter(map(tuple, shapes.tolist())).most_common()
        shown = ", ".join(f"{h} x {w} ({count})" for (h, w), count in counts[:5])
        (high, wide), _ = counts[0]
        raise DatasetError(
            f"pictures of {len(counts)} sizes cannot be {purpose}: {shown}"
            f"{', ...' if len(counts) > 5 else ''} (rows x columns); bring them to one by "
            f"size=({high}, {wide}), or with_size(({high}, {wide})): cut and padded about the middle, or "
            'with fit="resize" resized'
        )
    return int(shapes[0, 0]), int(shapes[0, 1])
