"""Which bands make a picture: true and false colour, found from the bands' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..core.errors import BandError

Style = Literal["true", "false", "infrared", "grey", "chosen"]

_SENSORS: tuple[dict[str, str], ...] = (
    # Landsat 8 and 9, surface reflectance and plain names.
    {"blue": "b2", "green": "b3", "red": "b4", "nir": "b5", "swir1": "b6", "swir2": "b7"},
    # Landsat 4 to 7.
    {"blue": "b1", "green": "b2", "red": "b3", "nir": "b4", "swir1": "b5", "swir2": "b7"},
    # Sentinel-2.
    {"blue": "b02", "green": "b03", "red": "b04", "nir": "b08", "swir1": "b11", "swir2": "b12"},
)

_RECIPES: tuple[tuple[Style, str, tuple[str, str, str]], ...] = (
    ("false", "False colour (SWIR 1, NIR, red)", ("swir1", "nir", "red")),
    ("infrared", "Colour infrared (NIR, red, green)", ("nir", "red", "green")),
    ("true", "True colour (red, green, blue)", ("red", "green", "blue")),
)


_WORDS = {
    "blue": "blue",
    "green": "green",
    "red": "red",
    "nir": "nir",
    "nir08": "nir",
    "nir1": "nir",
    "swir": "swir1",
    "swir1": "swir1",
    "swir16": "swir1",
    "swir2": "swir2",
    "swir22": "swir2",
}
"""What a word in a band's name says that it measures."""
_LETTERS = {"b": "blue", "g": "green", "r": "red", "n": "nir"}
"""What a name of one letter says."""
_SPELLINGS = (
    (re.compile(r"(swir|nir)[ _-]?(\d+)"), r"\1\2"),
    (re.compile(r"red[ _-]?edge"), "rededge"),
    (re.compile(r"near[ _-]?(infrared|ir)\b"), "nir"),
)


@dataclass(frozen=True, slots=True)
class Composite:
    """Three bands (or one, for grey) as red, green and blue."""

    style: Style
    title: str
    bands: tuple[int, ...]
    """Numbers from 1, as `geoloom.read` takes them."""


def roles_of(names: Sequence[str]) -> dict[str, int]:
    """Band number (from 1) by role, as far as the names identify them.

    Names may be roles themselves (`red`, `NIR`), hold one among other words (`Band 4 - Red`), or be
    a sensor's band names (`SR_B4`, `B08`).

    Example:
        >>> roles_of(["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"])["nir"]
        4
        >>> roles_of(["Band 3 - Red", "Band 2 - Green", "Band 1 - Blue"])["blue"]
        3
    """
    by_name: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        for role in _roles_in(name):
            by_name.setdefault(role, number)
    if by_name:
        return by_name
    plain = [name.lower().removeprefix("sr_").strip() for name in names]
    sensor = max(_SENSORS, key=lambda s: sum(band in plain for band in s.values()))
    known = {role: plain.index(band) + 1 for role, band in sensor.items() if band in plain}
    return known if len(known) >= 3 else {}


def _roles_in(name: str) -> set[str]:
    text = name.lower()
    for spelling, plain in _SPELLINGS:
        text = spelling.sub(plain, text)
    words = re.findall(r"[a-z]+\d*", text)
    return {_WORDS[word] for word in words if word in _WORDS} or {
        role for letter, role in _LETTERS.items() if text.strip() == letter
    }


def composites_of(names: Sequence[str]) -> tuple[Composite, ...]:
    """The pictures that the bands can make, the most informative first; at least one.

    Without known names: the first three bands, or the first alone where there are fewer.

    Example:
        >>> [c.style for c in composites_of(["blue", "green", "red", "nir"])]
        ['infrared', 'true']
        >>> composites_of(["1", "2", "3"])[0].bands
        (1, 2, 3)
    """
    roles = roles_of(names)
    made = [
        Composite(style, title, tuple(roles[role] for role in wanted))
        for style, title, wanted in _RECIPES
        if all(role in roles for role in wanted)
    ]
    if any(c.style == "false" for c in made):
        made = [c for c in made if c.style != "infrared"]
    if made:
        return tuple(made)
    if len(names) >= 3:
        return (Composite("true", f"Bands {', '.join(names[:3])}", (1, 2, 3)),)
    return (Composite("grey", f"Band {names[0]}", (1,)),)


def composite_named(names: Sequence[str], wanted: Sequence[int | str]) -> Composite:
    """The picture of chosen bands, as red, green and blue; or of one band, in grey.

    Args:
        names: Of the scene's bands.
        wanted: One or three: each a name, what it measures (`nir`), or a number from 1.

    Raises:
        BandError: there are neither one nor three, or the scene has no such band.

    Example:
        >>> composite_named(["SR_B2", "SR_B3", "SR_B4", "SR_B5"], ["nir", "SR_B4", 2]).bands
        (4, 3, 2)
    """
    if len(wanted) not in (1, 3):
        raise BandError(
            f"a picture is made of one band or three, and {len(wanted)} are named: "
            f"{', '.join(map(str, wanted))}"
        )
    bands = tuple(_number_of(band, names) for band in wanted)
    return Composite("chosen", f"Bands {', '.join(map(str, wanted))}", bands)


def _number_of(band: int | str, names: Sequence[str]) -> int:
    """A name counts before a role, and a role before a number."""
    text = str(band).strip()
    if text in names:
        return list(names).index(text) + 1
    roles = roles_of(names)
    if text.lower() in roles:
        return roles[text.lower()]
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return int(text)
    raise BandError(
        f"the scene has no band {text!r}; name one of {', '.join(names)}, or a number from 1 to {len(names)}"
    )


def radar_pair(names: Sequence[str]) -> tuple[int, int] | None:
    """Numbers (from 1) of a radar's two polarisations, the like one before the crossed; None without both.

    Example:
        >>> radar_pair(["VH", "VV", "angle"]), radar_pair(["red", "vv"])
        ((2, 1), None)
    """
    words = [set(re.findall(r"[a-z]+", name.lower())) for name in names]
    for pair in _POLARISATIONS:
        at = [next((i for i, own in enumerate(words, 1) if one in own), None) for one in pair]
        if at[0] is not None and at[1] is not None:
            return at[0], at[1]
    return None


_POLARISATIONS = (("vv", "vh"), ("hh", "hv"))
