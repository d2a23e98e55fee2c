"""ROC and precision-recall curves, one class against the rest, from summed score histograms.

A histogram is int64 (K, 2, BINS): for each class, how many pixels that are not (0) and that are (1) of it got
a score in each bin. Bins are even in log-odds, log(p / (1 - p)), from -12 to 12, so that the crowded ends
near 0 and 1 are distinguished; what lies beyond falls in the outermost bins.

The bins are the only approximation: pixels that share one are taken as tied. `auc_error` bounds what that
can do to an AUC, from the histogram itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 1000
_REACH = 12.0
_CHUNK = 1 << 17
"""Pixels counted at once: temporaries stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) of a curve, as the threshold falls."""

    x: tuple[float, ...]
    y: tuple[float, ...]


def score_histograms(
    probabilities: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Count scores by class, truth and bin.

    Args:
        probabilities: float (K, N), in [0, 1].
        truth: Integers (N,), class positions 0..K-1 wherever valid.
        valid: Bool (N,), True = to be counted; None counts all.

    Returns:
        int64 (K, 2, BINS); sums of these over batches are those of the whole.
    """
    scores = np.asarray(probabilities)
    wanted = np.asarray(truth)
    if valid is not None:
        scores, wanted = scores[:, valid], wanted[valid]
    total = np.zeros((len(scores), 2, BINS), dtype=np.int64)
    for start in range(0, wanted.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        total += _counted(scores[:, part], wanted[part])
    return total


def _counted(scores: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    k = len(scores)
    exact = np.clip(scores.astype(np.float64), 0, 1)  # means of float32 pass 1 by their rounding
    with np.errstate(divide="ignore"):
        odds = np.log(exact) - np.log1p(-exact)
    unit = (np.clip(odds, -_REACH, _REACH) + _REACH) / (2 * _REACH)
    bins = np.minimum((unit * BINS).astype(np.int64), BINS - 1)
    classes = np.arange(k)[:, None]
    slots = (2 * classes + (wanted[None, :] == classes)) * BINS + bins
    return np.bincount(slots.ravel(), minlength=2 * k * BINS).reshape(k, 2, BINS)


def roc_curve(histogram: np.ndarray) -> Curve:
    """False positive rate against true positive rate of one class, from (0, 0) to (1, 1).

    Args:
        histogram: int64 (2, BINS) of one class. Both kinds of pixels must occur, else all points are NaN.
    """
    negatives, positives = _falling(histogram)
    return Curve(_shares(negatives), _shares(positives))


def auc(histogram: np.ndarray) -> float:
    """Area under the ROC curve of one class (2, BINS): the chance that a pixel of it scores above another.

    NaN where the class has no pixel, or no other has. Within `auc_error` of the value without bins.
    """
    negatives, positives = _falling(histogram)
    pairs = float(negatives[-1]) * float(positives[-1])
    if not pairs:
        return float("nan")
    heights = (positives[1:] + positives[:-1]) / 2
    return float(np.sum(np.diff(negatives) * heights) / pairs)


def auc_error(histogram: np.ndarray) -> float:
    """The most by which `auc` can differ from its value without bins.

    Only pairs of a positive and a negative that share a bin are undecided, and each counts one half.
    """
    counts = np.asarray(histogram, dtype=np.float64)
    pairs = counts[0].sum() * counts[1].sum()
    return float(0.5 * np.sum(counts[0] * counts[1]) / pairs) if pairs else float("nan")


def precision_recall_curve(histogram: np.ndarray) -> Curve:
    """Recall against precision of one class (2, BINS), as the threshold falls; NaN without positives.

    It starts at recall 0 with the precision of the highest occupied bin.
    """
    negatives, positives = _falling(histogram)
    predicted = positives + negatives
    with np.errstate(invalid="ignore"):
        precisions = positives / predicted
    first = precisions[np.argmax(predicted > 0)] if predicted[-1] else np.nan
    return Curve(_shares(positives), tuple(np.where(predicted > 0, precisions, first).tolist()))


def average_precision(histogram: np.ndarray) -> float:
    """Area under the precision-recall curve of one class (2, BINS); NaN without positives.

    Between two thresholds, false positives are taken to grow evenly with true ones, which straight lines in
    precision-recall space would not do.

    Source:
        Davis and Goadrich 2006, section 4; the integral in closed form.
    """
    negatives, positives = _falling(histogram)
    if not positives[-1]:
        return float("nan")
    gained = np.diff(positives)
    step = gained > 0
    before = positives[:-1][step]
    predicted = before + negatives[:-1][step]
    slope = 1 + np.diff(negatives)[step] / gained[step]
    # The integral over x in [0, gained] of (before + x) / (found + slope * x).
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = (before - predicted / slope) / slope * np.log1p(slope * gained[step] / predicted)
    area = gained[step] / slope + np.where(predicted > 0, bend, 0.0)
    return float(area.sum() / positives[-1])


def thinned(curve: Curve, points: int = 200) -> Curve:
    """The curve without points inside straight stretches, and at most about so many kept, ends included."""
    xy = np.column_stack([curve.x, curve.y])
    if not np.isfinite(xy).all():
        return Curve((), ())
    xy = xy[_first_of_runs(xy)]
    if len(xy) > 2:
        step = np.diff(xy, axis=0)
        turn = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
        xy = xy[np.concatenate([[True], np.abs(turn) > 1e-15, [True]])]
    if len(xy) > points:
        length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(xy, axis=0)).sum(axis=1))])
        keep = np.searchsorted(length, np.linspace(0, length[-1], points))
        xy = xy[np.unique(np.clip(keep, 0, len(xy) - 1))]
    return Curve(tuple(xy[:, 0].tolist()), tuple(xy[:, 1].tolist()))


def _first_of_runs(xy: np.ndarray) -> np.ndarray:
    """True where a point differs from the one before it."""
    moved: np.ndarray = (np.diff(xy, axis=0) != 0).any(axis=1)
    return np.concatenate([[True], moved])


def _falling(histogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Negatives and positives at or above each threshold, float64 (BINS + 1,), from none to all."""
    counts = np.asarray(histogram, dtype=np.float64)[:, ::-1]
    summed = np.concatenate([np.zeros((2, 1)), np.cumsum(counts, axis=1)], axis=1)
    return summed[0], summed[1]


def _shares(summed: np.ndarray) -> tuple[float, ...]:
    whole = summed[-1] if summed[-1] else np.nan
    return tuple((summed / whole).tolist())
