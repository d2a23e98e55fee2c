"""One pass over the labels of scenes of any size: which classes there are, how many pixels, and where."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ..core.classes import Classes
from ..core.errors import ChipError
from ..splits.label_counts import LabelCounts
from .scenes import ChipScene, block_windows

log = logging.getLogger(__name__)

CODES = 256

MOST_UNNAMED = 64
"""Classes that labels may have of which nobody gives a name: legends of the land have 10 to 50."""


def survey(scenes: Sequence[ChipScene], cell_px: int) -> LabelCounts:
    """Count labels, reading each scene once in blocks that are multiples of the cell."""
    block_px = max(1, 1024 // cell_px) * cell_px
    counts = []
    for scene in scenes:
        height, width = (int(n) for n in scene.grid.shape)
        shape = -(-height // cell_px), -(-width // cell_px)
        cells = np.zeros((*shape, CODES), dtype=np.int64)
        for window in block_windows((height, width), block_px):
            codes, labelled = scene.labels(window)
            for top in range(0, window.height, cell_px):
                for left in range(0, window.width, cell_px):
                    at = slice(top, top + cell_px), slice(left, left + cell_px)
                    cell = (window.row + top) // cell_px, (window.col + left) // cell_px
                    cells[cell] += np.bincount(codes[at][labelled[at]], minlength=CODES)
        counts.append(cells)
    return LabelCounts(cell_px, tuple(counts))


def settle_classes(
    scenes: Sequence[ChipScene], counts: np.ndarray, classes: Classes | None
) -> Classes:
    """The classes of the chips: given, else told by the label rasters, else the codes that occur.

    A single class is warned of: from it alone nothing can be learned.

    Raises:
        ChipError: two label rasters name their codes differently, no pixel has a class, or the labels look
            like measurements.
    """
    settled = _settled(scenes, counts, classes)
    present = [name for name, code, _ in settled if counts[code]]
    if len(present) == 1:
        log.warning(
            "the labels hold one class only, %s: a network learns nothing from them; label what is not %s "
            "as well, by polygons of its own (geoloom rasterize --other rest makes one class of them)",
            present[0],
            present[0],
        )
    return settled


def _settled(scenes: Sequence[ChipScene], counts: np.ndarray, classes: Classes | None) -> Classes:
    told = classes or _told(scenes)
    if told is None:
        codes = [int(code) for code in np.flatnonzero(counts)]
        if not codes:
            raise ChipError(
                "no labelled pixel in any scene; check the label rasters and their nodata"
            )
        if len(codes) > MOST_UNNAMED and not any(scene.categorical for scene in scenes):
            raise ChipError(
                f"the labels of {', '.join(scene.name for scene in scenes[:3])} hold {len(codes)} different "
                "values without names or colours: they look like a measurement, not like classes. Give the "
                "raster class names or a colour table if they are classes (in Python: classes=); group the "
                "values into a few classes if they are not"
            )
        return Classes.of([f"class {code}" for code in codes], codes)
    if not counts[list(told.codes)].any():
        found = {int(c): int(counts[c]) for c in np.flatnonzero(counts)}
        raise ChipError(
            f"no pixel of the classes {_legend(told)}; the labels hold {found} (code: pixels)"
        )
    return told


def _told(scenes: Sequence[ChipScene]) -> Classes | None:
    told = None
    for scene in scenes:
        found = scene.classes
        if told is not None and found is not None and found.to_dict() != told.to_dict():
            raise ChipError(
                f"the labels of {scene.name} name their codes {_legend(found)}, others "
                f"{_legend(told)}; "
                "rasterise them alike (in Python, classes= decides)"
            )
        told = told or found
    return told


def _legend(classes: Classes) -> dict[int, str]:
    return {code: name for name, code, _ in classes}


Accept = Callable[[np.ndarray], np.ndarray]
"""Windows (n, 3) of scene, row, col -> stratum of each, int; -1 where a window may not be used."""


def draw_centred(
    scenes: Sequence[ChipScene],
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
    scene's edge.

    Args:
        scenes: Scenes with labels.
        groups: Codes of each group: one group a class, or all classes in one.
        size: Rows and columns of a window.
        count: Windows wanted of each group and stratum.
        strata: How many strata `accept` knows.
        accept: Tells a window's stratum.
        rng: Source of the keys.

    Returns:
        (group, stratum) -> windows (m, 3), m <= count, in random order.
    """
    kept = {
        (group, stratum): (np.empty(0), np.empty((0, 3), dtype=np.int64))
        for group in groups
        for stratum in range(strata)
    }
    for index, codes, labelled, corner in _label_blocks(scenes):
        shape = scenes[index].grid.shape
        for group, members in groups.items():
            rows, cols = np.nonzero(labelled & np.isin(codes, members))
            keys = rng.random(rows.size)
            highest = max(_worst(kept[group, s][0], count) for s in range(strata))
            near = keys < highest
            rows, cols, keys = rows[near], cols[near], keys[near]
            windows = np.stack(
                [
                    np.full(rows.size, index),
                    np.clip(rows + corner[0] - size[0] // 2, 0, shape[0] - size[0]),
                    np.clip(cols + corner[1] - size[1] // 2, 0, shape[1] - size[1]),
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


def _label_blocks(
    scenes: Sequence[ChipScene],
) -> Iterator[tuple[int, np.ndarray, np.ndarray, tuple[int, int]]]:
    for index, scene in enumerate(scenes):
        for window in block_windows(scene.grid.shape):
            codes, labelled = scene.labels(window)
            yield index, codes, labelled, (window.row, window.col)


def _worst(keys: np.ndarray, count: int) -> float:
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
