"""Where chips may lie: pure functions of shapes and points, no pixel read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.errors import ChipError
from ...core.grid import crs_name, transformer

Accept = Callable[[np.ndarray], np.ndarray]
"""Windows (n, 3) of source, row, col -> stratum of each, int; -1 where a window may not be used."""


def sequential_windows(
    shape: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]
) -> np.ndarray:
    """Upper-left pixels (n, 2) of windows that cover a scene, row by row.

    Every window is whole and every pixel is covered: the last row and column of windows are shifted inward.

    Args:
        shape: Rows and columns of the scene.
        size: Rows and columns of a window.
        stride: Rows and columns from one window to the next, at most `size`.

    Raises:
        ChipError: the scene is smaller than a window, or the stride leaves gaps.

    Example:
        >>> sequential_windows((5, 4), (2, 4), (2, 4)).tolist()
        [[0, 0], [2, 0], [3, 0]]
    """
    check_fits(shape, size)
    if not all(0 < step <= extent for step, extent in zip(stride, size, strict=True)):
        raise ChipError(
            f"stride {tuple(stride)} must be from 1 to the chip's size {tuple(size)}, or pixels are left out"
        )
    rows, cols = (
        np.unique(np.append(np.arange(0, total - extent, step), total - extent))
        for total, extent, step in zip(shape, size, stride, strict=True)
    )
    return np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1).reshape(-1, 2)


def random_windows(
    shapes: Sequence[tuple[int, int]],
    size: tuple[int, int],
    quotas: Sequence[int],
    accept: Accept,
    rng: np.random.Generator,
    *,
    rounds: int = 400,
    batch: int = 4096,
) -> list[np.ndarray]:
    """Distinct windows drawn uniformly over all sources, until each stratum has its quota.

    Args:
        shapes: Rows and columns of each source; larger ones are drawn more often.
        size: Rows and columns of a window.
        quotas: Windows wanted of each stratum.
        accept: Gives each window's stratum.
        rng: Source of randomness.
        rounds, batch: Give up after so many draws of so many windows.

    Returns:
        Windows (m, 3) of source, row, col for each stratum, m <= its quota, in random order.
    """
    positions = np.array([[h - size[0] + 1, w - size[1] + 1] for h, w in shapes], dtype=np.int64)
    weights = positions.clip(min=0).prod(axis=1).astype(float)
    drawn: list[np.ndarray] = [np.empty((0, 3), dtype=np.int64) for _ in quotas]
    if not weights.any():
        return drawn
    for _ in range(rounds):
        source = rng.choice(len(shapes), size=batch, p=weights / weights.sum())
        corners = (rng.random((batch, 2)) * positions[source]).astype(np.int64)
        windows = np.column_stack([source, corners])
        stratum_of = accept(windows)
        for stratum, quota in enumerate(quotas):
            if len(drawn[stratum]) < quota:
                both = np.concatenate([drawn[stratum], windows[stratum_of == stratum]])
                _, first = np.unique(both, axis=0, return_index=True)
                drawn[stratum] = both[np.sort(first)][:quota]
        if all(len(own) >= quota for own, quota in zip(drawn, quotas, strict=True)):
            break
    return drawn


def centred_windows(
    points_xy: np.ndarray, crs: str, grid: GeoBox, size: tuple[int, int]
) -> np.ndarray:
    """Upper-left pixels (n, 2) of windows centred on the points that lie in a scene, each window once.

    Windows are moved inward at the scene's edge.

    Args:
        points_xy: (n, 2) world coordinates.
        crs: Of the points.
        grid: The scene.
        size: Rows and columns of a window.

    Raises:
        ChipError: the scene is smaller than a window.
    """
    check_fits(grid.shape, size)
    x, y = transformer(crs, crs_name(grid.crs)).transform(points_xy[:, 0], points_xy[:, 1])
    placed = np.isfinite(x) & np.isfinite(y)
    a, b, c, d, e, f = (~grid.affine)[:6]
    cols = np.floor(a * x[placed] + b * y[placed] + c).astype(np.int64)
    rows = np.floor(d * x[placed] + e * y[placed] + f).astype(np.int64)
    height, width = grid.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    corners = np.stack(
        [
            np.clip(rows[inside] - size[0] // 2, 0, height - size[0]),
            np.clip(cols[inside] - size[1] // 2, 0, width - size[1]),
        ],
        axis=1,
    )
    _, first = np.unique(corners, axis=0, return_index=True)
    return corners[np.sort(first)]


def check_fits(shape: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse chips larger than the scene.

    Raises:
        ChipError: they are.
    """
    if shape[0] < size[0] or shape[1] < size[1]:
        raise ChipError(
            f"a scene of {shape[0]} x {shape[1]} pixels holds no chip of {size[0]} x {size[1]}; "
            "choose smaller chips"
        )
