"""Areas by class before and after, and the classes of a map that says what became what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.classes import MAX_CODE, Classes, default_colors, hex_of, rgb_of
from ..core.errors import ConfigError

ARROW = " -> "
_PALE = 0.7
"""How far the colour of a class that stayed goes towards white."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangeMatrix:
    """How much of each class before became each class after."""

    before: tuple[str, ...]
    """K names, of the rows."""
    after: tuple[str, ...]
    """L names, of the columns."""
    pixels: NDArray[np.int64]
    """(K, L)."""
    hectares: NDArray[np.float64]
    """(K, L), on the ellipsoid."""

    @property
    def changed_hectares(self) -> float:
        """All that has another class afterwards."""
        stayed = np.array(self.before)[:, None] == np.array(self.after)
        return float(self.hectares[~stayed].sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        return {
            "before": list(self.before),
            "after": list(self.after),
            "pixels": self.pixels.tolist(),
            "hectares": self.hectares.tolist(),
            "changed_hectares": self.changed_hectares,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ChangeMatrix:
        """The matrix that `to_dict` wrote."""
        return cls(
            tuple(values["before"]),
            tuple(values["after"]),
            np.array(values["pixels"], dtype=np.int64),
            np.array(values["hectares"], dtype=np.float64),
        )

    def csv(self) -> str:
        """Hectares, a row for each class before, with sums."""
        rows = [["before \\ after (ha)", *self.after, "sum"]]
        for name, row in zip(self.before, self.hectares, strict=True):
            rows.append([name, *(repr(float(v)) for v in row), repr(float(row.sum()))])
        sums = self.hectares.sum(axis=0)
        rows.append(["sum", *(repr(float(v)) for v in sums), repr(float(sums.sum()))])
        return "".join(",".join(_quoted(cell) for cell in row) + "\n" for row in rows)

    def text(self) -> str:
        """Hectares for people: the matrix, then what each class had, has, and gained."""
        table = [["ha, before \\ after", *self.after, "sum"]]
        for name, row in zip(self.before, self.hectares, strict=True):
            table.append([name, *(f"{v:,.1f}" for v in (*row, row.sum()))])
        sums = self.hectares.sum(axis=0)
        table.append(["sum", *(f"{v:,.1f}" for v in (*sums, sums.sum()))])
        had = dict(zip(self.before, self.hectares.sum(axis=1), strict=True))
        has = dict(zip(self.after, sums, strict=True))
        net = [["class", "before", "after", "net"]]
        for name in dict.fromkeys((*self.before, *self.after)):
            earlier, later = had.get(name, 0.0), has.get(name, 0.0)
            net.append([name, f"{earlier:,.1f}", f"{later:,.1f}", f"{later - earlier:+,.1f}"])
        return f"{_aligned(table)}\n\n{_aligned(net)}"


def change_classes(before: Classes, after: Classes, pixels: NDArray[np.int64]) -> Classes:
    """A class for each pair that occurs, named `forest -> pasture`, with what was before and after.

    Where codes suffice for all pairs, a pair's code follows from its classes alone, so that maps of other
    places and dates with the same classes have the same codes; else pairs are numbered as they occur. What
    stayed has a pale kin of its class's colour.

    Args:
        before, after: K and L classes.
        pixels: (K, L) how many pixels each pair has.

    Raises:
        ConfigError: more pairs occur than a map has codes for, or none does.
    """
    pairs = [(int(i), int(j)) for i, j in np.argwhere(pixels > 0)]
    if not pairs:
        raise ConfigError(
            "no pixel has a class in both maps; check that they lie on the same ground, their nodata, and "
            "that every code has a name"
        )
    if len(pairs) >= MAX_CODE:
        raise ConfigError(
            f"{len(pairs)} changes occur, and a map has codes for {MAX_CODE - 1}; give several codes one "
            "class in both maps first"
        )
    fixed = len(before) * len(after) < MAX_CODE
    codes = [i * len(after) + j + 1 if fixed else n for n, (i, j) in enumerate(pairs, 1)]
    from_names = [before.names[i] for i, _ in pairs]
    to_names = [after.names[j] for _, j in pairs]
    names = [f"{a}{ARROW}{b}" for a, b in zip(from_names, to_names, strict=True)]
    colors: list[str | None] = []
    for (_, j), fallback, a, b in zip(
        pairs, default_colors(names, codes), from_names, to_names, strict=True
    ):
        wanted = _towards_white(after.colors[j]) if a == b else after.colors[j]
        colors.append(fallback if wanted in colors else wanted)
    return Classes.of(names, codes, colors, before=from_names, after=to_names)


def _towards_white(color: str) -> str:
    return hex_of([round(part + (255 - part) * _PALE) for part in rgb_of(color)])


def _quoted(cell: str) -> str:
    """A cell as RFC 4180 has it."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & set(',"\r\n') else cell


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
