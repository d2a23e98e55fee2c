"""One pass over the labels of sources of any size: how many pixels of each class there are, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...core.classes import MAX_CODE
from ...core.errors import ChipError
from ...core.grid import PixelWindow, block_windows, window_slices
from ...splits.label_counts import LabelCounts
from ..statistics import label_layer
from ..survey import read_masks
from .sources import Source
from .windows import Accept

_BLOCK_PX = 1024


def label_blocks(
    sources: Sequence[Source], block_px: int = _BLOCK_PX
) -> Iterator[tuple[int, PixelWindow, np.ndarray, np.ndarray]]:
    """Blocks that tile the sources, read by threads, source by source and row by row.

    Yields:
        Number of the source; the block in its frame; class codes (h, w) uint8; labelled (h, w) bool.

    Raises:
        ChipError: a labelled pixel holds no code from 0 to 255.
    """
    for number, source in enumerate(sources):
        windows = list(block_windows(source.shape, block_px))
        labels = label_layer(source.dataset).as_stored()
        queries = (source.query(w.row, w.col, w.height, w.width) for w in windows)
        for window, (mask, labelled) in zip(windows, read_masks(labels, queries), strict=True):
            yield number, window, as_codes(mask, labelled, source.name), labelled


def count_labels(sources: Sequence[Source], cell_px: int) -> LabelCounts:
    """Count labelled pixels by cells of so many pixels, reading blocks that are multiples of a cell."""
    cells = [
        np.zeros((*(-(-side // cell_px) for side in source.shape), MAX_CODE + 1), dtype=np.int64)
        for source in sources
    ]
    block_px = max(1, _BLOCK_PX // cell_px) * cell_px
    for number, window, codes, labelled in label_blocks(sources, block_px):
        for part in block_windows(codes.shape, cell_px):
            at = window_slices(part)
            cell = (window.row + part.row) // cell_px, (window.col + part.col) // cell_px
            cells[number][cell] += np.bincount(codes[at][labelled[at]], minlength=MAX_CODE + 1)
    return LabelCounts(cell_px, tuple(cells))


def draw_centred(
    sources: Sequence[Source],
    groups: Mapping[int, Sequence[int]],
    size: tuple[int, int],
    count: int,
    strata: int,
    accept: Accept,
    rng: np.random.Generator,
) -> dict[tuple[int, int], np.ndarray]:
    """Windows centred on random pixels of chosen classes, in one pass over the labels.

    Each pixel gets a random key, and the `count` smallest keys of each group and stratum stay: a uniform
    draw without replacement whose memory does not grow with the scene. Windows are moved inward at the
    frame's edge.

    Args:
        sources: With labels.
        groups: Codes of each group: one group per class, or all classes in one.
        size: Rows and columns of a window.
        count: Windows wanted of each group and stratum.
        strata: How many strata `accept` knows.
        accept: Gives each window's stratum.
        rng: Source of the keys.

    Returns:
        (group, stratum) -> windows (m, 3), m <= count, in random order.
    """
    kept = {
        (group, stratum): (np.empty(0), np.empty((0, 3), dtype=np.int64))
        for group in groups
        for stratum in range(strata)
    }
    for number, block, codes, labelled in label_blocks(sources):
        shape = sources[number].shape
        for group, members in groups.items():
            rows, cols = np.nonzero(labelled & np.isin(codes, members))
            keys = rng.random(rows.size)
            highest = max(_largest(kept[group, s][0], count) for s in range(strata))
            near = keys < highest
            rows, cols, keys = rows[near], cols[near], keys[near]
            windows = np.stack(
                [
                    np.full(rows.size, number),
                    np.clip(rows + block.row - size[0] // 2, 0, shape[0] - size[0]),
                    np.clip(cols + block.col - size[1] // 2, 0, shape[1] - size[1]),
                ],
                axis=1,
            )
            stratum_of = accept(windows)
            for stratum in range(strata):
                inside = stratum_of == stratum
                kept[group, stratum] = _smallest(
                    *kept[group, stratum], keys[inside], windows[inside], count
                )
    return {key: windows for key, (_, windows) in kept.items()}


def as_codes(values: np.ndarray, labelled: np.ndarray, where: str) -> np.ndarray:
    """Labels as uint8.

    Raises:
        ChipError: a labelled pixel holds a code outside 0..255.
    """
    if values.dtype == np.uint8:
        return values
    known = np.where(labelled, values, 0)
    outside = (known < 0) | (known > MAX_CODE)
    if outside.any():
        raise ChipError(
            f"{where} holds labels such as {known[outside][:3].tolist()}; class codes must be whole numbers "
            f"in 0..{MAX_CODE}; measured values are label_kind='values' (--label-kind values)"
        )
    return known.astype(np.uint8)


def _largest(keys: np.ndarray, count: int) -> float:
    return float(keys[-1]) if keys.size >= count else np.inf


def _smallest(
    keys: np.ndarray,
    windows: np.ndarray,
    more_keys: np.ndarray,
    more_windows: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` smallest keys of both sets, sorted, one of each window."""
    keys = np.concatenate([keys, more_keys])
    windows = np.concatenate([windows, more_windows])
    order = np.argsort(keys, kind="stable")
    _, first = np.unique(windows[order], axis=0, return_index=True)
    chosen = order[np.sort(first)][:count]
    return keys[chosen], windows[chosen]
