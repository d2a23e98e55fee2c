"""Classes of a map: names, stored codes and colours that travel together."""

from __future__ import annotations

import colorsys
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from .errors import ModelError
from .jsonfile import JsonValue

MAX_CODE = 255
"""Maps and label rasters are uint8."""

UNKNOWN = -1
"""The position of codes that are no class."""

_HEX = re.compile(r"^#[0-9a-f]{6}$")

# The first rule that fits wins: "non-forest" and "deforestation" both hold the word "forest".
_NATURAL: tuple[tuple[str, str], ...] = (
    (r"no[ _-]?data|unlabel|unknown|background", "#bdbdbd"),
    (r"^(no|not|un)[ _-]*(chang|damag|flood|build|road|water)", "#bdbdbd"),
    (r"^chang", "#d95f43"),
    (r"^clear([ _-]*sky)?$|cloud[ _-]*free", "#a9cba4"),  # not what was cleared
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
    (r"road|street|railway|traffic", "#5a5a5a"),
    (r"urban|built|build|city|settle|artificial|impervious", "#8c6bb1"),
    (r"bare|barren|soil|sand|rock|mining|beach", "#c9a27e"),
)

# Tol's "muted" set: distinguishable by colour-blind readers, and unlike the natural colours above.
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

_SHADES = ((255, 0.2), (0, 0.2), (255, 0.35), (0, 0.35), (255, 0.5))
"""Towards white or black, and how far."""

TRANSPARENT = "transparent"
"""Given instead of a colour, for classes that maps do not draw, such as a background."""

_CLEAR = "#bdbdbd"
"""What stands for a transparent class in a legend."""

_UNSET = "#000000"
"""A colour table's entry where no colour is set."""


@dataclass(frozen=True, slots=True)
class Classes:
    """What a map's pixels can be. A network's output `i` is the class at position `i`.

    Code 0 may be a class: whether a pixel was observed is said by `valid`, never by a code.

    Raises:
        ModelError: lengths differ, a name or code repeats, a code is outside 0..255, a colour is not
            `#rrggbb`, or a transparent name is none of the classes.

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
    before: tuple[str | None, ...] | None = None
    """Of classes of change: what was there before, None where a class says nothing of it."""
    after: tuple[str | None, ...] | None = None
    """Likewise afterwards; `before` and `after` come together."""
    transparent: tuple[str, ...] = ()
    """Names of classes that are not drawn over what lies below a map: a background."""

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
        states = [None if s is None else len(s) for s in (self.before, self.after)]
        if states not in ([None, None], [len(self.names)] * 2):
            raise ModelError(
                f"{len(self.names)} classes have {states[0]} states before and {states[1]} after; give as "
                "many as there are classes, None for those that say nothing of it, or leave both out"
            )
        unknown = [name for name in self.transparent if name not in self.names]
        if unknown:
            raise ModelError(f"transparent classes {unknown} are none of {', '.join(self.names)}")

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        codes: Sequence[int] | None = None,
        colors: Sequence[str | None] | None = None,
        *,
        before: Sequence[str | None] | None = None,
        after: Sequence[str | None] | None = None,
    ) -> Classes:
        """Classes with codes 1..K and fitting colours unless given; a colour of None is chosen too.

        Forest, water, clearings and the like (in English or Portuguese) get natural colours; the rest take
        that of their code from a palette that colour-blind readers can distinguish.

        Args:
            names: Of each class.
            codes: Stored values, 0..255.
            colors: `#rrggbb`, in any case, or `transparent`.
            before: Of classes of change, what was there before.
            after: Likewise afterwards.

        Example:
            >>> Classes.of(["clearing", "same"], before=["forest", None], after=["pasture", None]).after
            ('pasture', None)
        """
        plain = tuple(str(name) for name in names)
        if len(plain) > MAX_CODE + 1:
            raise ModelError(
                f"{len(plain)} classes are more than a map can hold; give at most {MAX_CODE + 1}"
            )
        numbers = tuple(range(1, len(plain) + 1)) if codes is None else tuple(map(int, codes))
        chosen = default_colors(plain, numbers if len(numbers) == len(plain) else None)
        given = [color.lower() if color else None for color in colors or ()]
        hidden = tuple(n for n, c in zip(plain, given, strict=False) if c == TRANSPARENT)
        if colors is not None:
            # Lengths that differ are refused where every value is checked.
            pairs = itertools.zip_longest(given, chosen[: len(given)])
            chosen = tuple(_CLEAR if c == TRANSPARENT else str(c or own) for c, own in pairs)
        earlier, later = (None if s is None else tuple(s) for s in (before, after))
        return cls(plain, numbers, chosen, earlier, later, hidden)

    @classmethod
    def from_legend(
        cls,
        names: Mapping[int, str],
        palette: Mapping[int, Sequence[int]] | None = None,
        *,
        unlabelled: float | None = None,
    ) -> Classes:
        """The classes that a file declares, by rising code, with the colours that its palette has for them.

        Codes without a name are left out. Names that several codes share get their code behind them. A
        colour table has an entry for every code, black where none is set: black counts as no colour
        where several classes have it.

        Args:
            names: Class name by code.
            palette: (red, green, blue, ...), each 0..255, by code; a fourth number of 0 makes a class
                transparent.
            unlabelled: The code that stands for no class, as a file's nodata value.

        Raises:
            ModelError: no code has a name, or one is outside 0..255.

        Example:
            >>> Classes.from_legend({3: "water", 7: "b"}, {7: (255, 0, 0, 255)}).colors
            ('#2c7fb8', '#ff0000')
            >>> Classes.from_legend({0: "none", 65: "Barren", 131: "Barren"}, unlabelled=0).names
            ('Barren (65)', 'Barren (131)')
        """
        named = {code: name for code, name in sorted(names.items()) if name and code != unlabelled}
        count = Counter(named.values())
        unique = [f"{n} ({code})" if count[n] > 1 else n for code, n in named.items()]
        known = palette or {}
        colors = [hex_of(known[code]) if code in known else None for code in named]
        if colors.count(_UNSET) > 1:
            colors = [None if color == _UNSET else color for color in colors]
        made = cls.of(unique, list(named), colors)
        clear = [len(known.get(c, ())) > 3 and known[c][3] == 0 for c in named]
        hidden = tuple(n for n, unseen in zip(unique, clear, strict=True) if unseen)
        # A palette that is clear throughout says nothing.
        return made if all(clear) else replace(made, transparent=hidden)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(
            f"classes have names, codes and colours, so that classes[{key!r}] could be any of these; write "
            f"classes.names[{key!r}], classes.codes[{key!r}] or classes.colors[{key!r}]"
        )

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
        values, table = np.asarray(mask), position_table(self.codes)
        last = len(table) - 1
        inside = (values >= 0) & (values < last)
        positions = table[np.where(inside, values, last).astype(np.int64)]
        known = positions != UNKNOWN
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
        """The colour table of a map: code -> (red, green, blue, alpha), each 0..255.

        Example:
            >>> Classes.of(["tree", "rest"], colors=["#1b6e3c", "transparent"]).colormap()[2][3]
            0
        """
        alpha = dict.fromkeys(self.transparent, 0)
        return {code: (*rgb_of(color), alpha.get(name, 255)) for name, code, color in self}

    @property
    def nodata(self) -> int:
        """The code of a map's unobserved pixels: 255, or the first code that is not a class.

        Raises:
            ModelError: all 256 codes are classes.

        Example:
            >>> Classes.of(["a", "b"], codes=[0, 255]).nodata
            1
        """
        for code in (MAX_CODE, *range(MAX_CODE)):
            if code not in self.codes:
                return int(code)
        raise ModelError("all 256 codes are classes, which leaves none for unobserved pixels")

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        keys = ("names", "codes", "colors", *(() if self.before is None else ("before", "after")))
        lists = {key: list(getattr(self, key)) for key in keys}
        return {**lists, "transparent": list(self.transparent)} if self.transparent else lists

    @classmethod
    def from_json(cls, value: JsonValue) -> Classes:
        """The classes that `to_dict` wrote; all but the names may be left out.

        Raises:
            GeoloomError: as the value's own `error`: a value is of another kind, or the values do not make
                classes; file and key are named.
        """
        names = value["names"].texts(most=MAX_CODE + 1)
        codes, colors, hidden = (value.get(key) for key in ("codes", "colors", "transparent"))
        with value.checked():
            made = cls.of(
                names,
                None
                if codes is None
                else [c.whole(0, MAX_CODE) for c in codes.entries(len(names))],
                None if colors is None else colors.texts(len(names)),
                before=_states(value.get("before"), len(names)),
                after=_states(value.get("after"), len(names)),
            )
            return (
                made
                if hidden is None
                else replace(made, transparent=tuple(hidden.texts(most=len(names))))
            )


def _states(value: JsonValue | None, count: int) -> list[str | None] | None:
    """Texts, or null where a class says nothing."""
    if value is None:
        return None
    return [None if entry.value is None else entry.text() for entry in value.entries(count)]


def position_table(codes: Sequence[int]) -> np.ndarray:
    """Positions 0..K-1 by code, int64, `UNKNOWN` for codes of no class.

    The last entry is that of all codes beyond the table: it is always `UNKNOWN`.

    Example:
        >>> position_table([3, 1]).tolist()
        [-1, 1, -1, 0, -1]
    """
    table = np.full(max(codes) + 2, UNKNOWN, dtype=np.int64)
    table[list(codes)] = np.arange(len(codes))
    return table


def default_colors(names: Sequence[str], codes: Sequence[int] | None = None) -> tuple[str, ...]:
    """A distinct `#rrggbb` for each class, by its name or else its code, whatever the other classes are.

    A class keeps its colour where another one is missing. Only where two classes would share one does the
    later take that of its code.

    Args:
        names: A name of nature has its colour, and a shade of it where other words make it one of several
            (`open forest`).
        codes: Stored values; 1, 2, ... if not given.
    """
    numbers = range(1, len(names) + 1) if codes is None else codes
    chosen: list[str] = []
    for name, code in zip(names, numbers, strict=True):
        color = _natural(name.lower())
        step = (code - 1) % (MAX_CODE + 1)
        while color is None or color in chosen:
            color = _spare(step)
            step += MAX_CODE + 1
        chosen.append(color)
    return tuple(chosen)


def _natural(name: str) -> str | None:
    """The colour that a name means."""
    for rule, color in _NATURAL:
        if match := re.search(rule, name):
            before, after = name[: match.start()], name[match.end() :]
            others = re.sub(r"\w+$", "", before) + re.sub(r"^\w+", "", after)
            return _shade(color, name) if re.search(r"\w", others) else color
    return None


def _shade(color: str, name: str) -> str:
    """A lighter or darker kin of a colour, always the same for a name."""
    towards, share = _SHADES[zlib.crc32(name.encode()) % len(_SHADES)]
    return hex_of([round(part + (towards - part) * share) for part in rgb_of(color)])


def _spare(step: int) -> str:
    """The palette, then hues a golden ratio apart, which never run out."""
    if step < len(_PALETTE):
        return _PALETTE[step]
    step -= len(_PALETTE)
    hue = (step * 0.6180339887) % 1.0
    value = (0.85, 0.6, 0.4)[step % 3]
    return hex_of([round(part * 255) for part in colorsys.hsv_to_rgb(hue, 0.65, value)])


def hex_of(rgb: Sequence[int]) -> str:
    """`#rrggbb`, lower case, of red, green, blue and perhaps alpha, 0 to 255 each; alpha is left out.

    Example:
        >>> hex_of((27, 110, 60, 255))
        '#1b6e3c'
    """
    return "#{:02x}{:02x}{:02x}".format(*rgb[:3])


def rgb_of(color: str) -> tuple[int, int, int]:
    """Red, green, blue, 0 to 255 each, of `#rrggbb`.

    Example:
        >>> rgb_of("#1b6e3c")
        (27, 110, 60)
    """
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue
