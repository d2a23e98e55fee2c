"""Confusion matrices as figures: the numbers drawn are those given."""

from __future__ import annotations

import numpy as np
import pytest

from geoloom.core.errors import ModelError
from geoloom.figures import plot_confusion_matrices, plot_confusion_matrix

MATRIX = np.array([[8000, 2000, 0], [5, 15, 0], [0, 0, 0]])
NAMES = ["forest", "cleared", "water"]


def cells(ax):
    """Text by (row, column)."""
    found = {}
    for text in ax.texts:
        col, row = text.get_position()
        found[int(row), int(col)] = text.get_text()
    return [[found[i, j] for j in range(3)] for i in range(3)]


def test_counts_stand_where_they_belong_and_axes_are_named():
    ax = plot_confusion_matrix(MATRIX, NAMES).axes[0]
    assert cells(ax) == [["8,000", "2,000", "0"], ["5", "15", "0"], ["0", "0", "0"]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("prediction", "truth")
    assert [t.get_text() for t in ax.get_xticklabels()] == NAMES
    assert [t.get_text() for t in ax.get_yticklabels()] == NAMES
    top, bottom = sorted(ax.get_ylim())[::-1], ax.get_ylim()
    assert list(bottom) == top  # the first class of the truth is on top


def test_rows_become_shares_and_an_empty_row_has_none():
    ax = plot_confusion_matrix(MATRIX, NAMES, normalize=True).axes[0]
    assert cells(ax) == [["80.0 %", "20.0 %", "0.0 %"], ["25.0 %", "75.0 %", "0.0 %"], ["–"] * 3]


def test_both_kinds_side_by_side():
    left, right = plot_confusion_matrices(MATRIX, NAMES).axes
    assert cells(left)[0][0] == "8,000"
    assert cells(right)[0][0] == "80.0 %"


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ModelError, match=r"\(3, 3\) for 2 classes \(a, b\)"):
        plot_confusion_matrix(MATRIX, ["a", "b"])
