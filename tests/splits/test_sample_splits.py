"""Samples divided by what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import ConfigError
from geoloom.splits import ClassSplit, ColumnSplit


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.floats(0, 0.49),
    st.floats(0, 0.49),
    st.integers(0, 5),
)
def test_each_split_has_its_share_of_each_class(counts, test, val, seed):
    kinds = np.repeat([f"class {i}" for i in range(len(counts))], counts)
    order = np.random.default_rng(seed).permutation(len(kinds))
    splits = ClassSplit(test, val, seed).split_of({"class": kinds[order]})
    wanted = {"train"} | ({"test"} if test else set()) | ({"val"} if val else set())
    for i, count in enumerate(counts):
        found = splits[kinds[order] == f"class {i}"].tolist()
        dealt = {name: found.count(name) for name in ("train", "test", "val")}
        assert sum(dealt.values()) == count
        if count >= len(wanted):
            assert all(dealt[name] for name in wanted)
        for name, share in (("test", test), ("val", val)):
            # The share, rounded; one, where that is none; one less, where nothing else is left to train.
            least = 1 if share and count >= len(wanted) else 0
            assert dealt[name] in {
                max(least, round(count * share)),
                max(least, round(count * share) - 1),
            }


def test_seeds_decide_and_other_classes_do_not():
    kinds = np.array(["a"] * 50 + ["b"] * 50)
    splits = ClassSplit(seed=3).split_of({"class": kinds})
    np.testing.assert_array_equal(splits, ClassSplit(seed=3).split_of({"class": kinds}))
    assert (splits != ClassSplit(seed=4).split_of({"class": kinds})).any()
    assert (splits[:50] != splits[50:]).any()
    np.testing.assert_array_equal(splits[50:], ClassSplit(seed=3).split_of({"class": kinds[50:]}))


def test_another_column_may_be_shared_out():
    columns = {"class": np.array(["x"] * 10), "sensor": np.array(["s"] * 4 + ["t"] * 6)}
    splits = ClassSplit(test=0.5, val=0, column="sensor").split_of(columns)
    assert (splits[:4] == "test").sum() == 2
    assert (splits[4:] == "test").sum() == 3


def test_a_column_decides():
    columns = {"year": np.array([2018, 2019, 2020, 2021]), "split": np.array(["val", "train"] * 2)}
    years = ColumnSplit("year", {"train": [2018, "2019"], "test": [2021]})
    assert years.split_of(columns).tolist() == ["train", "train", None, "test"]
    assert ColumnSplit("split").split_of(columns).tolist() == ["val", "train"] * 2
    assert ColumnSplit("year", {"test": "2020"}).split_of(columns).tolist() == [
        None,
        None,
        "test",
        None,
    ]


def test_what_does_not_fit_is_refused():
    columns = {"year": np.array([2018, 2019]), "split": np.array(["valid", "train"])}
    for rule, why in (
        (lambda: ClassSplit(0.6, 0.4), "shares of the splits"),
        (lambda: ColumnSplit("year", {"valid": [2018]}), "unknown split 'valid'"),
        (
            lambda: ColumnSplit("year", {"train": [2018], "val": ["2018"]}),
            "given to both train and val",
        ),
        (
            lambda: ColumnSplit("year", {"train": [2017]}).split_of(columns),
            "no sample has year '2017'",
        ),
        (lambda: ColumnSplit("city").split_of(columns), "nothing called 'city' is known"),
        (lambda: ColumnSplit("split").split_of(columns), "unknown split 'valid'"),
        (lambda: ClassSplit().split_of(columns), "nothing called 'class' is known"),
    ):
        with pytest.raises(ConfigError, match=why):
            rule()
