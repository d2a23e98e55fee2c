"""Figures from the confusion matrix, compared with scikit-learn and with hand-computed values."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from geoloom.core.errors import ModelError
from geoloom.metrics import confusion


@st.composite
def maps(draw):
    k = draw(st.integers(2, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    n = draw(st.integers(1, 300))
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, draw(st.integers(1, k)), n)
    guess = np.where(rng.random(n) < 0.6, truth, rng.integers(0, k, n))
    return truth, guess, k


@given(maps())
def test_agrees_with_scikit_learn(case):
    truth, guess, k = case
    labels = list(range(k))
    matrix = confusion.confusion_matrix(truth, guess, k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes without pixels
        np.testing.assert_array_equal(matrix, sk.confusion_matrix(truth, guess, labels=labels))
        options = {"labels": labels, "average": None, "zero_division": np.nan}
        pairs = [
            (confusion.overall_accuracy(matrix), sk.accuracy_score(truth, guess)),
            (confusion.mean_accuracy(matrix), sk.balanced_accuracy_score(truth, guess)),
            (confusion.precision(matrix), sk.precision_score(truth, guess, **options)),
            (confusion.recall(matrix), sk.recall_score(truth, guess, **options)),
            (confusion.f1(matrix), sk.f1_score(truth, guess, **options)),
            (
                confusion.iou(matrix),
                sk.jaccard_score(truth, guess, labels=labels, average=None, zero_division=0),
            ),
        ]
        if len(np.unique([truth, guess])) > 1:
            pairs.append((confusion.kappa(matrix), sk.cohen_kappa_score(truth, guess)))
    absent = (matrix.sum(0) + matrix.sum(1)) == 0
    for ours, theirs in pairs:
        if np.ndim(ours):
            assert np.isnan(ours[absent]).all()
            ours, theirs = ours[~absent], theirs[~absent]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@given(maps())
def test_macro_means_are_scikit_learns_over_the_classes_in_the_truth(case):
    truth, guess, k = case
    present = sorted(set(truth.tolist()))
    matrix = confusion.confusion_matrix(truth, guess, k)
    options = {"labels": present, "average": "macro", "zero_division": 0}
    assert confusion.macro_mean(confusion.precision(matrix), matrix) == pytest.approx(
        sk.precision_score(truth, guess, **options)
    )
    assert confusion.macro_mean(confusion.f1(matrix), matrix) == pytest.approx(
        sk.f1_score(truth, guess, **options)
    )
    assert confusion.macro_mean(confusion.iou(matrix), matrix) == pytest.approx(
        sk.jaccard_score(truth, guess, **options)
    )


def test_pixels_that_are_not_valid_are_not_counted():
    truth = np.array([[0, 1], [1, 250]])
    guess = np.array([[0, 0], [1, -7]])
    valid = np.array([[True, False], [True, False]])
    assert confusion.confusion_matrix(truth, guess, 2, valid).tolist() == [[1, 0], [0, 1]]


def test_kappa_of_cohens_own_kind_of_table():
    # po = 0.7, pe = 0.5 * 0.6 + 0.5 * 0.4 = 0.5; kappa = 0.2 / 0.5
    assert confusion.kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_nothing_counted_has_no_answers():
    none = np.zeros((3, 3), dtype=np.int64)
    figures = [
        confusion.overall_accuracy(none),
        confusion.kappa(none),
        confusion.mean_accuracy(none),
    ]
    assert all(math.isnan(figure) for figure in figures)
    assert np.isnan(confusion.iou(none)).all()


def test_other_codes_than_the_classes_are_refused():
    with pytest.raises(ModelError, match=r"truth holds classes 0..2 .* expected positions 0..1"):
        confusion.confusion_matrix(np.array([0, 2]), np.array([0, 1]), 2)
    with pytest.raises(ModelError, match="prediction holds"):
        confusion.confusion_matrix(np.array([0, 1]), np.array([0, -1]), 2)
    with pytest.raises(ModelError, match="shapes"):
        confusion.confusion_matrix(np.zeros(3, int), np.zeros(4, int), 2)
