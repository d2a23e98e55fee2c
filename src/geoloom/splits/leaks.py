"""Chips and samples that leak: they share ground with one of another split."""

from __future__ import annotations

import logging

import numpy as np
import shapely

from .gaps.places import Places, placed
from .names import SPLITS, TEST, TRAIN, VAL
from .overlap import Ground
from .sample_ground import Codes, Grids

log = logging.getLogger(__name__)


def overlaps(ground: Ground, windows: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Pairs (m, 2) of chips in different splits that share ground.

    Args:
        ground: Scenes and chip size.
        windows: (n, 3) of scene, row, col.
        splits: (n,) split codes; -1 belongs to none.
    """
    pairs = [np.empty((0, 2), dtype=np.int64)]
    groups = ground.group_of[windows[:, 0]]
    for group in np.unique(groups):
        chips = np.flatnonzero((groups == group) & (splits >= 0))
        low, high = ground.extents(windows[chips])
        boxes = shapely.box(low[:, 1], low[:, 0], high[:, 1], high[:, 0])
        tree = shapely.STRtree(boxes)
        left, right = tree.query(boxes, predicate="intersects")
        apart = splits[chips[left]] != splits[chips[right]]
        left, right = left[(left < right) & apart], right[(left < right) & apart]
        # Chips that only touch share no pixel; a thousandth of one is rounding.
        shared = shapely.area(shapely.intersection(boxes[left], boxes[right])) > 1e-3
        pairs.append(np.stack([chips[left[shared]], chips[right[shared]]], axis=1))
    return np.concatenate(pairs)


def warn_of_overlaps(ground: Ground, windows: np.ndarray, splits: np.ndarray) -> int:
    """Log a warning that counts and names the chips that leak between splits; returns how many do."""
    pairs = overlaps(ground, windows, splits)
    if not len(pairs):
        return 0
    chips = np.unique(pairs)
    shown = ", ".join(map(str, chips[:20])) + (", ..." if len(chips) > 20 else "")
    between = [
        f"{SPLITS[a]}/{SPLITS[b]} {n}"
        for a, b in ((TRAIN, TEST), (TRAIN, VAL), (TEST, VAL))
        if (n := int(_between(splits[pairs], a, b)))
    ]
    log.warning(
        "%d of %d chips overlap a chip of another split (pairs: %s): scores on them are flattering. "
        "Split by blocks instead. Chips: %s",
        len(chips),
        len(windows),
        ", ".join(between),
        shown,
    )
    return len(chips)


def _between(pairs: np.ndarray, a: int, b: int) -> int:
    return int(((pairs == (a, b)).all(axis=1) | (pairs == (b, a)).all(axis=1)).sum())


def warn_of_shared_ground(codes: Codes, grids: Grids) -> int:
    """Log a warning that counts numbered samples that share ground with one of another split, as far as their
    places are known; returns how many do."""
    known = np.flatnonzero(placed(grids))
    if grids is None or not len(known):
        return 0
    places = Places.of_grids([g for g in (grids[i] for i in known.tolist()) if g is not None])
    own, leaking = codes[known], set()
    for one, other in ((TRAIN, TEST), (TRAIN, VAL), (TEST, VAL)):
        first, second = np.flatnonzero(own == one), np.flatnonzero(own == other)
        if len(first) and len(second):
            mine, theirs = places.take(first).meeting(places.take(second))
            leaking |= {*known[first[mine]].tolist(), *known[second[theirs]].tolist()}
    if leaking:
        log.warning(
            "%d of %d samples share ground with a sample of another split: scores on them are flattering. "
            "Divide them by where they lie (BlockSplit), or keep those together (SceneSplit). Samples: %s",
            len(leaking),
            len(codes),
            ", ".join(map(str, sorted(leaking)[:20])) + (", ..." if len(leaking) > 20 else ""),
        )
    return len(leaking)
