"""Whole units of ground or samples dealt out among splits, each of which gets its share of every class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ChipError

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
"""(n,) split code of each of n units."""

_TRIALS = 500
_WORK = 5_000_000
"""Units times classes that are looked at, over all trials: of many units, any deal is near the shares."""
_LEAST_TRIALS = 8
_TRIED = 200
"""Units that are tried in the place of a class's missing one."""
_LACKING = 10.0
"""What a class that a split lacks counts, where a share that is missed by all of it counts 2."""


def deal(weights: Floats, shares: Floats, wanted: Sequence[int], rng: np.random.Generator) -> Codes:
    """Split of each unit, so that each split's part of every class comes near its share.

    Guarantee: a class that as many units hold as there are splits is in each split, wherever moving single
    units can bring it there. Units that hold nothing go to training.

    Args:
        weights: (units, classes), what each unit holds of each class, such as pixels or samples.
        shares: (3,) of train, test and val, summing to 1.
        wanted: Codes of the splits that have a share.
        rng: Of the dealing.

    Raises:
        ChipError: fewer units hold something than there are splits.

    Example:
        >>> weights = np.array([[5.0, 1], [5, 0], [5, 1], [5, 0], [5, 1], [5, 0]])
        >>> codes = deal(weights, np.array([0.6, 0.2, 0.2]), [0, 1, 2], np.random.default_rng(0))
        >>> sorted(codes[weights[:, 1] > 0].tolist())
        [0, 1, 2]
    """
    filled = np.flatnonzero(weights.any(axis=1))
    codes = np.zeros(len(weights), dtype=np.int8)
    if len(filled) < len(wanted):
        raise ChipError(
            f"only {len(filled)} of {len(weights)} blocks hold a label, fewer than the {len(wanted)} splits; "
            "use smaller chips or another way to split"
        )
    weights = weights[:, weights.any(axis=0)]
    portions = weights[filled] / weights.sum(axis=0)
    parts = shares[list(wanted)]
    best = _of_random_deals(portions, parts, rng)
    enough = (portions > 0).sum(axis=0) >= len(wanted)
    if _lacking(best, portions[:, enough], len(parts)):
        again = int(np.clip(_WORK // (100 * len(portions)), 1, _LEAST_TRIALS))
        dealt = [best, *(_rarest_first(portions, parts, rng) for _ in range(again))]
        mended = [_completed(own, portions, parts) for own in dealt]
        best = min(
            mended,
            key=lambda own: (
                _lacking(own, portions[:, enough], len(parts)),
                _miss(own, portions, parts),
            ),
        )
    codes[filled] = np.asarray(wanted)[best]
    return codes


def unit_counts(units: int, shares: Floats) -> NDArray[np.int64]:
    """Units for each split: its share, rounded, at least one."""
    counts = np.maximum(1, np.round(units * shares)).astype(np.int64)
    while counts.sum() != units:
        counts[counts.argmax()] += np.sign(units - counts.sum())
    return counts


def _of_random_deals(
    portions: Floats, shares: Floats, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Of many random deals the best, as positions of splits."""
    each = np.repeat(np.arange(len(shares)), unit_counts(len(portions), shares))
    best, least = each, np.inf
    for _ in range(int(np.clip(_WORK // portions.size, _LEAST_TRIALS, _TRIALS))):
        trial = rng.permutation(each)
        miss = _miss(trial, portions, shares)
        if miss < least:
            best, least = trial, miss
    return best


def _parts(dealt: NDArray[np.int64], portions: Floats, splits: int) -> Floats:
    """(splits, classes): what each split has of each class."""
    return np.stack([portions[dealt == split].sum(axis=0) for split in range(splits)])


def _miss(dealt: NDArray[np.int64], portions: Floats, shares: Floats) -> float:
    part = _parts(dealt, portions, len(shares))
    # A class that a split lacks altogether is worse than any lopsided share.
    return float(np.abs(part - shares[:, None]).sum() + _LACKING * (part == 0).sum())


def _lacking(dealt: NDArray[np.int64], portions: Floats, splits: int) -> int:
    """Of how many classes in how many splits there is nothing."""
    return int((_parts(dealt, portions, splits) == 0).sum()) if portions.size else 0


def _rarest_first(portions: Floats, shares: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """A deal that looks at one class after the other, those in the fewest units first, and gives each unit to
    the split that lacks the class, or most of its share (Sechidis et al. 2011, section 3)."""
    dealt = np.full(len(portions), -1, np.int64)
    part = np.zeros((len(shares), portions.shape[1]))
    holding = portions > 0
    for kind in np.argsort(holding.sum(axis=0), kind="stable").tolist():
        free = rng.permutation(np.flatnonzero(holding[:, kind] & (dealt < 0)))
        for unit in free.tolist():
            want = shares - part[:, kind]
            whole = shares - part.mean(axis=1)
            order = np.lexsort((-whole, -want, part[:, kind] > 0))
            dealt[unit] = order[0]
            part[order[0]] += portions[unit]
    return dealt


def _completed(dealt: NDArray[np.int64], portions: Floats, shares: Floats) -> NDArray[np.int64]:
    """Units moved one by one as long as a move leaves fewer classes lacking."""
    dealt, holding = dealt.copy(), portions > 0
    splits = len(shares)
    counts = np.stack([holding[dealt == split].sum(axis=0) for split in range(splits)])
    while (counts == 0).any():
        best: tuple[float, float, int, int] | None = None
        for split, kind in np.argwhere(counts == 0).tolist():
            for unit in np.flatnonzero(holding[:, kind])[:_TRIED].tolist():
                own = holding[unit]
                lost = int((own & (counts[dealt[unit]] == 1)).sum())
                gain = int((own & (counts[split] == 0)).sum()) - lost
                if gain <= 0 or (dealt == dealt[unit]).sum() == 1:
                    continue
                moved = dealt.copy()
                moved[unit] = split
                rank = (-gain, _miss(moved, portions, shares), unit, split)
                best = rank if best is None or rank < best else best
        if best is None:
            break
        _, _, unit, split = best
        counts[dealt[unit]] -= holding[unit]
        counts[split] += holding[unit]
        dealt[unit] = split
    return dealt
