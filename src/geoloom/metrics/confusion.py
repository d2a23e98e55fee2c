"""The confusion matrix, and the figures that follow from it.

A matrix is int64 (K, K): rows are the truth, columns the prediction, in the order of the classes.
Figures are float64; NaN says that the question has no answer (a ratio of 0 to 0).
"""

from __future__ import annotations

import numpy as np

from ..core.errors import ModelError


def confusion_matrix(
    truth: np.ndarray, predicted: np.ndarray, k: int, valid: np.ndarray | None = None
) -> np.ndarray:
    """Count pixels by true and predicted class.

    Args:
        truth: Integers, any shape, class positions 0..k-1 wherever valid.
        predicted: Integers of the same shape, likewise.
        k: Number of classes.
        valid: Bool of the same shape, True = to be counted; None counts all.

    Returns:
        int64 (k, k), rows = truth, columns = prediction.

    Raises:
        ModelError: shapes differ, or a valid pixel holds something else than 0..k-1.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    t, p = np.asarray(truth), np.asarray(predicted)
    shapes = {t.shape, p.shape} | ({np.asarray(valid).shape} if valid is not None else set())
    if len(shapes) > 1:
        raise ModelError(
            f"truth, prediction and validity have shapes {sorted(shapes)}; give equal ones"
        )
    if valid is not None:
        t, p = t[valid], p[valid]
    t, p = t.ravel().astype(np.int64), p.ravel().astype(np.int64)
    for name, values in (("truth", t), ("prediction", p)):
        if values.size and not (values.min() >= 0 and values.max() < k):
            raise ModelError(
                f"{name} holds classes {values.min()}..{values.max()} at valid pixels; expected positions "
                f"0..{k - 1}: encode stored codes with Classes.encode; what it calls known is valid"
            )
    return np.bincount(t * k + p, minlength=k * k).reshape(k, k)


def support(matrix: np.ndarray) -> np.ndarray:
    """True pixels of each class, int64 (K,)."""
    counts: np.ndarray = np.asarray(matrix).sum(axis=1)
    return counts


def overall_accuracy(matrix: np.ndarray) -> float:
    """Share of pixels given their true class, also called pixel accuracy; NaN without pixels."""
    return float(_ratio(np.trace(matrix), np.sum(matrix)))


def recall(matrix: np.ndarray) -> np.ndarray:
    """Producer's accuracy (K,): of the pixels truly of a class, the share found; NaN where there are none."""
    return _ratio(np.diag(matrix), np.sum(matrix, axis=1))


def precision(matrix: np.ndarray) -> np.ndarray:
    """User's accuracy (K,): of the pixels mapped as a class, the share truly so; NaN where none is mapped."""
    return _ratio(np.diag(matrix), np.sum(matrix, axis=0))


def f1(matrix: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall, (K,). NaN where the class is neither true nor mapped."""
    return _ratio(2 * np.diag(matrix), np.sum(matrix, axis=0) + np.sum(matrix, axis=1))


def iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union, (K,). NaN where the class is neither true nor mapped."""
    hits = np.diag(matrix)
    return _ratio(hits, np.sum(matrix, axis=0) + np.sum(matrix, axis=1) - hits)


def mean_accuracy(matrix: np.ndarray) -> float:
    """Balanced accuracy: the mean recall of the classes that the truth holds."""
    return macro_mean(recall(matrix), matrix)


def kappa(matrix: np.ndarray) -> float:
    """Cohen's kappa: agreement beyond what the class shares alone would give; NaN where they give 1.

    Source:
        Cohen 1960, equation 1.
    """
    total = np.sum(matrix)
    agreed = _ratio(np.trace(matrix), total)
    rows = np.sum(matrix, axis=1, dtype=np.float64)
    columns = np.sum(matrix, axis=0, dtype=np.float64)
    by_chance = _ratio(float(np.dot(rows, columns)), float(total) ** 2)
    return float(_ratio(agreed - by_chance, 1 - by_chance))


def macro_mean(figures: np.ndarray, matrix: np.ndarray) -> float:
    """Mean over the classes that the truth holds, each with equal weight; NaN without any.

    A class of the truth that is never mapped has no precision; it counts as 0 here, since nothing of it
    was found. A class that the truth lacks is left out: its pixels already cost the others' recall.

    Example:
        >>> matrix = np.array([[8, 0, 2], [5, 0, 0], [0, 0, 0]])
        >>> precision(matrix).round(3).tolist(), round(macro_mean(precision(matrix), matrix), 3)
        ([0.615, nan, 0.0], 0.308)
    """
    present = support(matrix) > 0
    if not present.any():
        return float("nan")
    return float(np.nan_to_num(np.asarray(figures)[present], nan=0.0).mean())


def _ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    answer: np.ndarray = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0)
    return answer
