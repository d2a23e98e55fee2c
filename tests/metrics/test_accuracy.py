"""The reported accuracy: one count whatever the split, and nothing lost on the way to JSON."""

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
from geoloom.metrics.accuracy import Accuracy
from geoloom.metrics.class_tally import ClassTally

CLASSES = Classes.of(["forest", "water", "other"])


def scene(seed, chips=12, size=9):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (chips, size, size))
    logits = rng.normal(size=(chips, 3, size, size))
    np.put_along_axis(logits, truth[:, None], 1.5, axis=1)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, probabilities, rng.random(truth.shape) < 0.7


@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(1, 11), max_size=6, unique=True))
def test_any_split_into_batches_gives_the_same_figures(seed, cuts):
    truth, probabilities, valid = scene(seed)
    whole = Accuracy.of(ClassTally.of_probabilities(truth, probabilities, valid), CLASSES).to_dict()
    total = ClassTally.empty(3)
    edges = [0, *sorted(cuts), 12]
    for start, stop in pairwise(edges):
        part = slice(start, stop)
        total = ClassTally.of_probabilities(truth[part], probabilities[part], valid[part]) + total
    parts = Accuracy.of(total, CLASSES).to_dict()
    # A sum of floats depends on its order in the last bits; every other figure follows from integers.
    assert parts.pop("log_loss") == pytest.approx(whole.pop("log_loss"), rel=1e-12)
    assert parts == whole


def test_agrees_with_scikit_learn_on_valid_pixels():
    truth, probabilities, valid = scene(1)
    accuracy = Accuracy.of(ClassTally.of_probabilities(truth, probabilities, valid), CLASSES)
    t = truth[valid]
    p = np.moveaxis(probabilities, 1, -1)[valid]
    assert accuracy.overall_accuracy == pytest.approx(sk.accuracy_score(t, p.argmax(1)))
    assert accuracy.mean_f1 == pytest.approx(sk.f1_score(t, p.argmax(1), average="macro"))
    assert accuracy.log_loss == pytest.approx(sk.log_loss(t, p))
    assert np.mean(accuracy.auc) == pytest.approx(
        sk.roc_auc_score(t, p, multi_class="ovr"), abs=1e-2
    )
    assert accuracy.pixels == valid.sum()


def test_what_unobserved_pixels_hold_does_not_matter():
    truth, probabilities, valid = scene(2)
    spoiled = np.where(valid[:, None], probabilities, np.nan)
    mess = np.where(valid, truth, 99)
    one = Accuracy.of(ClassTally.of_probabilities(truth, probabilities, valid), CLASSES)
    other = Accuracy.of(ClassTally.of_probabilities(mess, spoiled, valid), CLASSES)
    assert one == other


def test_survives_json_with_its_gaps():
    truth = np.zeros((4, 4), dtype=int)
    accuracy = Accuracy.of(ClassTally.of_classes(truth, truth, 3), CLASSES)
    written = json.dumps(accuracy.to_dict(), allow_nan=False)
    again = Accuracy.from_dict(json.loads(written))
    assert again.to_dict() == accuracy.to_dict()
    assert math.isnan(again.precision[1])
    assert math.isnan(again.log_loss)
    assert again.roc == ()
    scored = Accuracy.of(ClassTally.of_probabilities(*scene(3)), CLASSES)
    assert Accuracy.from_dict(json.loads(json.dumps(scored.to_dict()))) == scored
    summary = Accuracy.from_dict(scored.to_dict(curves=False))
    assert summary.auc == scored.auc
    assert summary.roc == ()


def test_the_text_names_every_class_and_figure():
    accuracy = Accuracy.of(
        ClassTally.of_classes(np.array([0, 0, 1]), np.array([0, 1, 1]), 3), CLASSES
    )
    lines = accuracy.text().splitlines()
    assert lines[0].split() == ["class", "precision", "recall", "F1", "IoU", "AUC", "AP", "pixels"]
    assert lines[1].split() == ["forest", "1.0000", "0.5000", "0.6667", "0.5000", "-", "-", "2"]
    assert lines[3].split() == ["other", "-", "-", "-", "-", "-", "-", "0"]
    assert "overall accuracy 0.6667" in accuracy.text()
    assert lines[-3].split() == ["forest", "1", "1", "0"]


def test_counts_of_other_classes_do_not_sum():
    with pytest.raises(ModelError, match="3 and of 2"):
        ClassTally.empty(3) + ClassTally.empty(2)


def test_broken_probabilities_are_refused():
    truth, probabilities, valid = scene(4)
    with pytest.raises(ModelError, match="NaN"):
        ClassTally.of_probabilities(truth, np.full_like(probabilities, np.nan), valid)
    with pytest.raises(ModelError, match=r"lie in -.* expected 0 to 1"):
        ClassTally.of_probabilities(truth, np.log(probabilities), valid)
    with pytest.raises(ModelError, match="shape"):
        ClassTally.of_probabilities(truth[:, :4], probabilities, valid)
