"""Curves and training histories: what is drawn equals what was measured, judged by scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from geoloom.analysis import plot_precision_recall_curve, plot_roc_curve, plot_training
from geoloom.analysis.curves import mean_curve
from geoloom.analysis.history import History, read_history
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.metrics.accuracy import Accuracy
from geoloom.metrics.class_tally import ClassTally
from geoloom.metrics.curves import Curve

CLASSES = Classes.of(["forest", "deforestation", "water"])


@pytest.fixture(scope="module")
def scored():
    rng = np.random.default_rng(4)
    truth = rng.choice(3, (60, 60), p=[0.6, 0.3, 0.1])
    odds = rng.normal(size=(3, 60, 60)) + 1.3 * (np.arange(3)[:, None, None] == truth)
    probabilities = np.exp(odds) / np.exp(odds).sum(axis=0)
    accuracy = Accuracy.of(ClassTally.of_probabilities(truth, probabilities), CLASSES)
    return truth.ravel(), probabilities.reshape(3, -1), accuracy


def by_label(ax):
    return {line.get_label().split(" (")[0]: line for line in ax.lines}


def test_roc_lines_lie_on_scikit_learns(scored):
    truth, probabilities, accuracy = scored
    ax = plot_roc_curve(accuracy, CLASSES).axes[0]
    for i, name in enumerate(CLASSES.names):
        line = by_label(ax)[name]
        fpr, tpr, _ = roc_curve(truth == i, probabilities[i], drop_intermediate=False)
        x, y = np.array(line.get_data())
        low = np.array([tpr[fpr <= v + 0.005].max() for v in x])
        high = np.array([tpr[fpr >= v - 0.005].min() for v in x])
        assert (y <= low + 0.02).all()
        assert (y >= high - 0.02).all()
        said = float(line.get_label().split("AUC ")[1].rstrip(")"))
        assert said == pytest.approx(roc_auc_score(truth == i, probabilities[i]), abs=0.002)
        assert line.get_color() == CLASSES.colors[i]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("false positive rate", "true positive rate")


def test_the_mean_roc_says_the_mean_area(scored):
    _, _, accuracy = scored
    line = by_label(plot_roc_curve(accuracy).axes[0])["mean"]
    assert f"{np.mean(accuracy.auc):.3f}" in line.get_label()
    x, y = line.get_data()
    assert np.trapezoid(y, x) == pytest.approx(np.mean(accuracy.auc), abs=0.01)


def test_precision_recall_lines_carry_average_precision_and_the_share_of_guessing(scored):
    truth, probabilities, accuracy = scored
    ax = plot_precision_recall_curve(accuracy, CLASSES).axes[0]
    for i, name in enumerate(CLASSES.names):
        label = by_label(ax)[name].get_label()
        said = float(label.split("AP ")[1].rstrip(")"))
        expected = average_precision_score(truth == i, probabilities[i])
        assert said == pytest.approx(expected, abs=0.01)
    shares = [line.get_ydata()[0] for line in ax.lines if line.get_label() == "_guessing"]
    assert shares == pytest.approx([(truth == i).mean() for i in range(3)])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("recall", "precision")


def test_an_accuracy_without_probabilities_has_no_curves_and_says_why():
    accuracy = Accuracy.of(ClassTally.of_classes(np.array([0, 1]), np.array([0, 1]), 3), CLASSES)
    with pytest.raises(ModelError, match="from classes alone"):
        plot_roc_curve(accuracy)
    with pytest.raises(ModelError, match="precision-recall"):
        plot_precision_recall_curve(accuracy)


def test_mean_of_curves_leaves_out_classes_without_pixels():
    straight = Curve((0.0, 1.0), (0.0, 1.0))
    absent = Curve((float("nan"),) * 2, (float("nan"),) * 2)
    mean = mean_curve([straight, absent])
    np.testing.assert_allclose(mean.y, mean.x)
    assert mean_curve([absent]) is None


ROWS = [
    {"epoch": 1, "train_loss": 1.0, "val_loss": 1.2, "val_accuracy": 0.5, "learning_rate": 1e-3},
    {"epoch": 2, "train_loss": 0.7, "val_loss": 0.9, "val_accuracy": 0.7, "learning_rate": 1e-3},
    {"epoch": 3, "train_loss": 0.5, "val_loss": None, "val_accuracy": 0.6, "learning_rate": 1e-4},
]


def test_training_curves_hold_the_history(tmp_path):
    (tmp_path / "history.json").write_text(json.dumps(ROWS))
    history = read_history(tmp_path)
    loss, accuracy = plot_training(history).axes
    assert loss.get_title(loc="left") == "Loss"
    assert accuracy.get_title(loc="left") == "Overall accuracy"
    lines = {line.get_label(): line for line in loss.lines}
    assert lines["training"].get_ydata().tolist() == [1.0, 0.7, 0.5]
    assert lines["validation"].get_xdata().tolist() == [1, 2]  # the third was not measured
    assert history.best_epoch == 2
    assert loss.get_xlabel() == "epoch"


def test_columns_and_rows_are_the_same_history(tmp_path):
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    assert History.of(columns).panels()[0][1][0].values.tolist() == [1.0, 0.7, 0.5]
    (tmp_path / "history.json").write_text(json.dumps(columns))
    assert read_history(tmp_path).epochs.tolist() == [1, 2, 3]


def test_a_folder_without_history_has_none_and_a_broken_one_is_named(tmp_path):
    assert read_history(tmp_path) is None
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(ModelError, match=r"history\.json is not JSON"):
        read_history(tmp_path)
    with pytest.raises(ModelError, match="equally long"):
        History.of({"a": [1.0], "b": [1.0, 2.0]})


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"epoch": [1e400]}', "[1, 2]", '[{"a": {}}]', "\xff"]
)
def test_a_damaged_history_is_reported_with_its_file(tmp_path, text):
    (tmp_path / "history.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=r"history\.json"):
        read_history(tmp_path)


def test_many_curves_have_no_legend_that_hides_them():
    draws = np.random.default_rng(0)
    truth = draws.integers(0, 12, (20, 30))
    probabilities = np.moveaxis(draws.dirichlet(np.ones(12), (20, 30)), -1, 0)
    classes = Classes.of([f"kind {i}" for i in range(12)])
    accuracy = Accuracy.of(ClassTally.of_probabilities(truth, probabilities), classes)
    roc = plot_roc_curve(accuracy).axes[0].get_legend()
    assert [text.get_text().split(" (")[0] for text in roc.get_texts()] == ["chance", "mean"]
    assert plot_precision_recall_curve(accuracy).axes[0].get_legend() is None
