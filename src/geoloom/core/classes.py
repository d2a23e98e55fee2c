"""Classes of a map: names, stored codes and colours that travel together."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ModelError

MAX_CODE = 255
"""Maps and label rasters are uint8."""

_HEX = re.compile(r"^#[0-9a-f]{6}$")

# The first rule that fits wins: "non-forest" and "deforestation" both hold the word "forest".
_NATURAL: tuple[tuple[str, str], ...] = (
    (r"no[ _-]?data|unlabel|unknown|background", "#bdbdbd"),
    (r"cloud|nuve|snow|\bice\b|shadow", "#f7f7f7"),
    (r"^(non?|nao|não|not|other)[ _-]*(forest|floresta|veg)", "#e6c35c"),
    (r"defor|desmat|clear|logg|degrad|burn|queimad", "#d95f43"),
    (r"regener|regrow|secondary|secund", "#9ccb6a"),
    (r"forest|florest|tree|wood|mata\b", "#1b6e3c"),
    (r"water|hidro|hydro|river|\brio\b|lake|lago|ocean|\bsea\b|agua|água", "#2c7fb8"),
    (r"wetland|marsh|swamp|mangrove|mangue", "#5bb6b0"),
    (r"pastur|pasto|grass|savan|cerrado|meadow", "#c8d96f"),
    (r"shrub|scrub|bush", "#a89b4c"),
    (r"crop|agric|corn|maize|soy|wheat|cotton|farm", "#f2b134"),
    (r"urban|built|build|city|settle|artificial|road|impervious", "#8c6bb1"),
    (r"bare|barren|soil|sand|rock|mining|beach", "#c9a27e"),
)

# Tol's "muted" set: told apart by colour-blind readers, and unlike the natural colours above.
_PALETTE: tuple[str, ...] = (
    "#cc6677",
    "#332288",
    "#ddcc77",
    "#117733",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
)


@dataclass(frozen=True, slots=True)
class Classes:
    """What a map's pixels can be. A network's output `i` is the class at position `i`.

    Code 0 may be a class: whether a pixel was observed is said by `valid`, never by a code.

    Raises:
        ModelError: lengths differ, a name or code repeats, a code is outside 0..255, or a colour is not
            `#rrggbb`.

    Example:
        >>> classes = Classes.of(["forest", "water"])
        >>> classes.codes, classes.colors
        ((1, 2), ('#1b6e3c', '#2c7fb8'))
    """

    names: tuple[str, ...]
    codes: tuple[int, ...]
    """Stored values, uint8, in the order of the network's outputs."""
    colors: tuple[str, ...]
    """`#rrggbb`, lower case."""

    def __post_init__(self) -> None:
        counts = len(self.names), len(self.codes), len(self.colors)
        if not self.names or len(set(counts)) != 1:
            raise ModelError(
                f"classes need as many names, codes and colours, at least one; found {counts}"
            )
        for what, values in (("name", self.names), ("code", self.codes)):
            repeated = sorted({str(v) for v in values if values.count(v) > 1})
            if repeated:
                raise ModelError(
                    f"class {what} used twice: {', '.join(repeated)}; make each unique"
                )
        outside = [code for code in self.codes if not 0 <= code <= MAX_CODE]
        if outside:
            raise ModelError(f"class codes {outside} are outside 0..{MAX_CODE}; maps are uint8")
        wrong = [color for color in self.colors if not _HEX.match(color)]
        if wrong:
            raise ModelError(f"colours {wrong} are not written as '#rrggbb'")

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        codes: Sequence[int] | None = None,
        colors: Sequence[str] | None = None,
    ) -> Classes:
        """Classes with codes 1..K and fitting colours unless given.

        Forest, water, clearings and the like (in English or Portuguese) get natural colours; the rest take
        distinct ones from a palette that colour-blind readers can tell apart.
        """
        given = tuple(str(name) for name in names)
        return cls(
            names=given,
            codes=tuple(range(1, len(given) + 1)) if codes is None else tuple(map(int, codes)),
            colors=default_colors(given)
            if colors is None
            else tuple(color.lower() for color in colors),
        )

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, int, str]]:
        """(name, code, colour), in the order of the outputs."""
        return iter(zip(self.names, self.codes, self.colors, strict=True))

    def encode(self, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Stored codes as network positions.

        Returns:
            positions, int64, shape of `mask`, 0..K-1, and 0 where not known; and known, bool, True where
            the code is a class.

        Example:
            >>> positions, known = Classes.of(["a", "b"]).encode(np.array([0, 1, 2]))
            >>> positions.tolist(), known.tolist()
            ([0, 0, 1], [False, True, True])
        """
        values = np.asarray(mask)
        inside = (values >= 0) & (values <= MAX_CODE)
        lookup = np.full(MAX_CODE + 1, -1, dtype=np.int64)
        lookup[list(self.codes)] = np.arange(len(self))
        positions = lookup[np.where(inside, values, 0).astype(np.int64)]
        known = inside & (positions >= 0)
        return np.where(known, positions, 0), known

    def decode(self, positions: np.ndarray) -> np.ndarray:
        """Network positions 0..K-1 as stored codes, uint8, same shape.

        Example:
            >>> Classes.of(["a", "b"], codes=[0, 7]).decode(np.array([1, 0])).tolist()
            [7, 0]
        """
        codes: np.ndarray = np.asarray(self.codes, dtype=np.uint8)[np.asarray(positions)]
        return codes

    def colormap(self) -> dict[int, tuple[int, int, int, int]]:
        """The colour table of a map: code -> (red, green, blue, alpha), each 0..255."""
        return {code: (*_rgb(color), 255) for _, code, color in self}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        return {"names": list(self.names), "codes": list(self.codes), "colors": list(self.colors)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Classes:
        """The classes that `to_dict` wrote; codes and colours may be left out."""
        return cls.of(values["names"], values.get("codes"), values.get("colors"))


def default_colors(names: Sequence[str]) -> tuple[str, ...]:
    """A distinct `#rrggbb` for each name: natural where the name says what it is, else from a palette."""
    chosen: list[str] = []
    spare = iter(_spare_colors())
    for name in names:
        natural = next((c for rule, c in _NATURAL if re.search(rule, name.lower())), None)
        color = natural if natural and natural not in chosen else None
        while color is None or color in chosen:
            color = next(spare)
        chosen.append(color)
    return tuple(chosen)


def _spare_colors() -> Iterator[str]:
    """The palette, then hues a golden ratio apart, which never run out."""
    yield from _PALETTE
    step = 0
    while True:
        hue = (step * 0.6180339887) % 1.0
        value = (0.85, 0.6, 0.4)[step % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, value)
        yield f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
        step += 1


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
