"""Figures of predicted values: scikit-learn's, whatever the split, and nothing lost in JSON."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.metrics.scatter import BINS, Scatter
from geoloom.metrics.value_accuracy import ValueAccuracy
from geoloom.metrics.value_tally import ValueTally

HEIGHT = ValueOutputs(("height", "temperature"), ("m", "K"))


def values(seed, count=400):
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.gamma(2, 8, count), rng.normal(301, 0.5, count)])
    truth[:, rng.random(count) < 0.3] = np.nan
    return truth, truth + rng.normal(0.2, [[2.0], [0.1]], truth.shape)


def figures(tally):
    return tally.report(HEIGHT).to_dict(curves=False)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(1, 399), max_size=6, unique=True))
def test_any_split_into_batches_gives_the_same_figures(seed, cuts):
    truth, predicted = values(seed)
    whole = ValueTally.of(truth, predicted)
    total = ValueTally.empty(2)
    for start, stop in pairwise([0, *sorted(cuts), 400]):
        total = ValueTally.of(truth[:, start:stop], predicted[:, start:stop]) + total
    for name, expected in figures(whole).items():
        found = figures(total)[name]
        if name in ("rmse", "mae", "bias", "r2", "truth_mean", "truth_std"):
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
        else:
            assert found == expected
    for a, b in zip(whole.scatters, total.scatters, strict=True):
        assert (a.exponent, a.origin) == (b.exponent, b.origin)
        assert (a.counts == b.counts).all()


def test_agrees_with_scikit_learn_where_the_truth_is_known():
    truth, predicted = values(1)
    accuracy = ValueTally.of(truth, predicted).report(HEIGHT)
    for k in range(2):
        known = np.isfinite(truth[k])
        t, p = truth[k, known], predicted[k, known]
        assert accuracy.count[k] == known.sum()
        assert accuracy.rmse[k] == pytest.approx(sk.root_mean_squared_error(t, p))
        assert accuracy.mae[k] == pytest.approx(sk.mean_absolute_error(t, p))
        assert accuracy.r2[k] == pytest.approx(sk.r2_score(t, p))
        assert accuracy.bias[k] == pytest.approx((p - t).mean())
        assert accuracy.truth_std[k] == pytest.approx(t.std())


def test_values_far_from_zero_lose_nothing():
    truth = 1e9 + np.arange(1000.0)[None]
    tally = ValueTally.empty(1)
    for part in np.split(truth, 10, axis=1):
        tally = tally + ValueTally.of(part, part + 1)
    accuracy = tally.report(ValueOutputs(("distance",), ("m",)))
    assert accuracy.r2[0] == pytest.approx(sk.r2_score(truth[0], truth[0] + 1), rel=1e-9)


def test_nothing_is_known_of_a_value_without_truth():
    nothing = np.full((2, 5), np.nan)
    accuracy = ValueTally.of(nothing, np.zeros((2, 5))).report(HEIGHT)
    assert accuracy.count == (0, 0)
    assert all(math.isnan(figure) for name in ("rmse", "r2") for figure in getattr(accuracy, name))
    same = ValueTally.of(np.ones((2, 5)), np.ones((2, 5))).report(HEIGHT)
    assert same.rmse == (0.0, 0.0)
    assert all(map(math.isnan, same.r2))  # a truth without spread


def test_json_gives_the_same_back():
    accuracy = ValueTally.of(*values(2)).report(HEIGHT)
    again = ValueAccuracy.from_dict(json.loads(json.dumps(accuracy.to_dict())))
    assert again.to_dict() == accuracy.to_dict()
    assert "temperature (K)" in again.text()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rmse", [1.0]),
        ("count", [-1, 2]),
        ("units", ["m", 3]),
        ("scatters", [{"cells": [[0, 200, 1]]}] * 2),
    ],
)
def test_a_damaged_file_is_refused_by_key(key, value):
    plain = ValueTally.of(*values(2)).report(HEIGHT).to_dict() | {key: value}
    with pytest.raises(ModelError, match=f"{key}.*evaluate again"):
        ValueAccuracy.from_dict(plain, where="validation.json")


def test_what_cannot_be_counted_is_refused():
    truth, predicted = values(3)
    with pytest.raises(ModelError, match="1 of 1 predictions are NaN"):
        ValueTally.of(np.ones((1, 1)), np.full((1, 1), np.nan))
    with pytest.raises(ModelError, match="shape"):
        ValueTally.of(truth, predicted[:, 1:])
    with pytest.raises(ModelError, match="of 2 and of 1 values"):
        ValueTally.empty(2) + ValueTally.empty(1)
    with pytest.raises(ModelError, match="2 values were counted; 1 class"):
        ValueTally.empty(2).report(ClassOutputs(Classes.of(["forest"])))


@given(
    st.lists(
        st.floats(-(2.0**99), 2.0**99, width=32) | st.integers(-20, 20).map(float),
        min_size=2,
        max_size=30,
    ),
    st.data(),
)
def test_a_scatter_counts_every_pair_in_its_own_bin(numbers, data):
    truth = np.array(numbers)
    predicted = np.roll(truth, 1)
    cut = data.draw(st.integers(0, len(numbers)))
    scatter = Scatter.of(truth[cut:], predicted[cut:]) + Scatter.of(truth[:cut], predicted[:cut])
    whole = Scatter.of(truth, predicted)
    assert (scatter.exponent, scatter.origin) == (whole.exponent, whole.origin)
    expected = np.zeros((BINS, BINS), np.int64)
    for t, p in zip(truth, predicted, strict=True):
        row = math.floor(math.ldexp(t, -scatter.exponent)) - scatter.origin
        col = math.floor(math.ldexp(p, -scatter.exponent)) - scatter.origin
        expected[row, col] += 1
    assert (scatter.counts == expected).all()
