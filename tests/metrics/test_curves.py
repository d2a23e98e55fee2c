"""ROC, AUC, precision-recall and AP from histograms, compared with scikit-learn on the scores themselves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from geoloom.metrics import curves


def scored(seed, n=4000, k=3, sharpness=2.0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(k, n)) + sharpness * (np.arange(k)[:, None] == truth)
    logits *= rng.choice([0.5, 1.0, 4.0])
    exp = np.exp(logits - logits.max(axis=0))
    return truth, exp / exp.sum(axis=0)


@given(seed=st.integers(0, 2**32 - 1), sharpness=st.floats(0, 12))
def test_auc_is_within_the_bound_it_declares(seed, sharpness):
    truth, probabilities = scored(seed, n=500, sharpness=sharpness)
    for i, histogram in enumerate(curves.score_histograms(probabilities, truth)):
        exact = sk.roc_auc_score(truth == i, probabilities[i])
        error = curves.auc_error(histogram)
        assert abs(curves.auc(histogram) - exact) <= error + 1e-12
        assert error < 0.01


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 3.0, 8.0])
def test_areas_agree_with_scikit_learn(sharpness):
    truth, probabilities = scored(7, sharpness=sharpness)
    for i, histogram in enumerate(curves.score_histograms(probabilities, truth)):
        assert curves.auc(histogram) == pytest.approx(
            sk.roc_auc_score(truth == i, probabilities[i]), abs=1e-3
        )
        exact = sk.average_precision_score(truth == i, probabilities[i])
        assert curves.average_precision(histogram) == pytest.approx(exact, abs=3e-3)


def test_every_point_of_the_curves_is_one_of_scikit_learns():
    # A bin's edge is a threshold; scikit-learn's full curves hold the point of every threshold.
    truth, probabilities = scored(3)
    histogram = curves.score_histograms(probabilities, truth)[1]
    fpr, tpr, _ = sk.roc_curve(truth == 1, probabilities[1], drop_intermediate=False)
    precision, recall, _ = sk.precision_recall_curve(truth == 1, probabilities[1])
    roc, pr = curves.roc_curve(histogram), curves.precision_recall_curve(histogram)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    filled = np.asarray(pr.x) > 0
    for ours, theirs in (
        (np.column_stack([roc.x, roc.y]), np.column_stack([fpr, tpr])),
        (np.column_stack([pr.x, pr.y])[filled], np.column_stack([recall, precision])),
    ):
        assert len(np.unique(ours, axis=0)) > 300
        gaps = [np.abs(theirs - point).sum(axis=1).min() for point in ours]
        assert max(gaps) < 1e-12


def test_average_precision_between_bins_by_hand():
    # One bin with 1 of each: precision stays at 1/2 as both grow evenly. Then 3 positives, 0 negatives:
    # the integral over x in [0, 3] of (1 + x) / (2 + x) = 3 - log(5 / 2).
    histogram = np.zeros((2, curves.BINS), dtype=np.int64)
    histogram[:, 900] = 1
    histogram[1, 100] = 3
    assert curves.average_precision(histogram) == pytest.approx((0.5 + 3 - math.log(2.5)) / 4)


def test_certain_and_impossible_scores_have_a_bin():
    histogram = curves.score_histograms(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 0]))
    assert histogram[0, 0, 0] == 1
    assert histogram[0, 1, -1] == 1
    assert curves.auc(histogram[0]) == 1.0
    # The mean of several answers of 1 may be a little more, by rounding.
    above = np.nextafter(np.array([[0.0, 1.0], [1.0, 0.0]], "float32"), np.float32(2))
    np.testing.assert_array_equal(curves.score_histograms(above, np.array([1, 0])), histogram)


def test_a_class_without_pixels_has_no_area():
    truth, probabilities = np.zeros(5, dtype=int), np.full((2, 5), 0.5)
    absent = curves.score_histograms(probabilities, truth)[1]
    assert math.isnan(curves.auc(absent))
    assert math.isnan(curves.average_precision(absent))


def test_thinning_keeps_ends_and_shape():
    truth, probabilities = scored(5)
    whole = curves.roc_curve(curves.score_histograms(probabilities, truth)[0])
    thin = curves.thinned(whole, 100)
    assert len(thin.x) <= 101
    assert (thin.x[0], thin.y[0], thin.x[-1], thin.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(thin.y, thin.x) == pytest.approx(np.trapezoid(whole.y, whole.x), abs=0.005)


def test_thinning_keeps_only_the_corners_of_straight_stretches():
    steps = curves.Curve((0.0, 0.0, 0.0, 0.0, 0.5, 1.0), (0.0, 0.2, 0.2, 0.6, 0.8, 1.0))
    assert curves.thinned(steps) == curves.Curve((0.0, 0.0, 1.0), (0.0, 0.6, 1.0))
