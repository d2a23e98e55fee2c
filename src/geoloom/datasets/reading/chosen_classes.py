"""Some classes of a product, by codes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Self

import numpy as np

from ...core.classes import MAX_CODE, UNKNOWN, Classes, position_table
from ...core.errors import DatasetError, suggest

OTHERS = 0
"""The code of all classes that were not chosen; also chosen by it, they count as one class."""


@dataclass(frozen=True, slots=True)
class ChosenClasses:
    """Classes of a product with the codes 1..K, all others with code 0.

    Example:
        >>> crops = Classes.of(["Corn", "Cotton", "Soybeans"], codes=[1, 2, 5])
        >>> chosen = ChosenClasses.of(crops, ["Soybeans", 1])
        >>> chosen.classes.names, chosen.classes.codes
        (('Soybeans', 'Corn'), (1, 2))
        >>> mask, valid = chosen(np.array([5, 1, 2]), np.array([True, True, True]))
        >>> mask.tolist(), valid.tolist()
        ([1, 2, 0], [True, True, False])
    """

    classes: Classes
    """Their names and codes."""
    stored: tuple[int, ...]
    """The product's codes, in the order of the codes 1..K."""
    count_others: bool
    """Whether the classes that were not chosen count, as one class with code 0."""
    _table: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table = position_table(self.stored)
        object.__setattr__(self, "_table", np.where(table == UNKNOWN, OTHERS, table + 1))

    @classmethod
    def of(cls, legend: Classes | None, wanted: Sequence[int | str]) -> Self:
        """The classes wanted of a product.

        Args:
            legend: What the product's codes mean; None where nobody has named them.
            wanted: Codes or names, in the order of their new codes. Code 0 among them: the classes that are
                not wanted count as a class, `other`.

        Raises:
            DatasetError: one is unknown, stands twice, or none is wanted.
        """
        if isinstance(wanted, str) or not isinstance(wanted, Sequence):
            raise DatasetError(f"classes is {wanted!r}; give a list of codes or names")
        codes = [_code_of(legend, one) for one in wanted if one != OTHERS]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice or not codes:
            found = f"names {twice} twice" if twice else "names no class"
            raise DatasetError(f"classes={list(wanted)} {found}; give each class wanted once")
        names, colors = {}, {}
        if legend is not None:
            names = dict(zip(legend.codes, legend.names, strict=True))
            colors = dict(zip(legend.codes, legend.colors, strict=True))
        count_others = OTHERS in wanted
        others = [OTHERS] if count_others else []
        classes = Classes.of(
            ["other"] * len(others) + [names.get(code, f"class {code}") for code in codes],
            [*others, *range(1, len(codes) + 1)],
            [*(None for _ in others), *(colors.get(code) for code in codes)],
        )
        return cls(classes, tuple(codes), count_others)

    def __call__(self, mask: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The product's codes as those chosen.

        Args:
            mask: Whole numbers of any shape.
            valid: bool, True = observed and labelled.

        Returns:
            Codes of the same type, 0 where a pixel is not valid; and where they count.
        """
        last = len(self._table) - 1
        inside = valid & (mask >= 0) & (mask < last)
        codes = self._table[np.where(inside, mask, last).astype(np.intp)]
        known = valid if self.count_others else valid & (codes != OTHERS)
        return np.where(known, codes, OTHERS).astype(mask.dtype), known


def _code_of(legend: Classes | None, wanted: Any) -> int:
    """The product's code of a class that is wanted by code or by name."""
    is_code = isinstance(wanted, Integral) and not isinstance(wanted, bool)
    if legend is None:
        if not is_code or not 0 <= int(wanted) <= MAX_CODE:
            raise DatasetError(
                f"the files name no classes, so that {wanted!r} cannot be found among them; give codes, 1 to "
                f"{MAX_CODE}"
            )
        return int(wanted)
    by_name = dict(zip(legend.names, legend.codes, strict=True))
    if is_code and wanted in legend.codes:
        return int(wanted)
    if isinstance(wanted, str) and wanted in by_name:
        return by_name[wanted]
    known = legend.codes if is_code else legend.names
    raise DatasetError(
        f"no class has the {'code' if is_code else 'name'} {wanted!r}{suggest(wanted, known)}"
    )
