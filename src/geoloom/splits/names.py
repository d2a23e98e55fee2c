"""The names of the splits, and their codes."""

from __future__ import annotations

from typing import Literal, get_args

Split = Literal["train", "test", "val"]

SPLITS: tuple[Split, ...] = get_args(Split)
"""A split's code is its position here; -1 is not a split."""

TRAIN, TEST, VAL = range(3)
