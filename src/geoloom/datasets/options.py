"""Options of datasets, checked when a dataset is made and not when it is first read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args

from odc.geo.crs import CRS

from ..core.errors import BandError, DatasetError, GridError, suggest
from ..core.grid import as_crs, crs_name
from ..core.roi import Table, is_table
from ..io.access.finding import Paths
from ..io.access.paths import path_text

Layer = Literal["image", "mask", "value"]
"""Which tensors samples hold: measurements to look at, classes to learn, measurements to learn."""


def require_choice(what: str, value: object, choices: Sequence[str]) -> None:
    """Refuse what is none of an option's choices.

    Raises:
        DatasetError: no choice is called so; the message names the nearest.
    """
    if not isinstance(value, str) or value not in choices:
        raise DatasetError(f"no {what} is called {value!r}{suggest(value, choices)}")


def require_flags(**flags: object) -> None:
    """Refuse what is neither True nor False: any text would count as True.

    Raises:
        DatasetError: a flag is none; the message names it.
    """
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise DatasetError(f"{name} is {value!r}; give True or False")


def layer_asked(gives: Any, is_image: Any) -> Layer | None:
    """The layer that the two ways of asking for it mean; None where neither says.

    Raises:
        DatasetError: one of them is none, or they contradict each other.
    """
    if is_image is not None:
        require_flags(is_image=is_image)
    if gives is None:
        return None if is_image is None else "image" if is_image else "mask"
    require_choice("layer of a sample", gives, get_args(Layer))
    if is_image is not None and is_image != (gives == "image"):
        raise DatasetError(
            f"gives={gives!r} and is_image={is_image} contradict each other; give one of them"
        )
    layer: Layer = gives
    return layer


def require_apart(what: str, names: Sequence[str]) -> None:
    """Refuse names of which one stands twice.

    Raises:
        BandError: the message names it.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BandError(f"{what} names {', '.join(twice)} more than once; name each band once")


def require_callable(transforms: object) -> None:
    """Refuse transforms that cannot be called.

    Raises:
        DatasetError: they are neither None nor callable.
    """
    if transforms is not None and not callable(transforms):
        raise DatasetError(
            f"transforms is {transforms!r}; give a function from sample to sample; several as one, such as "
            "lambda sample: second(first(sample))"
        )


def nodata_value(nodata: Any) -> float | None:
    """The stored value that means unobserved.

    Raises:
        DatasetError: it is not a number.
    """
    if nodata is not None and not _is_number(nodata):
        raise DatasetError(
            f"nodata is {nodata!r}; give a number (NaN is one), as the files store it"
        )
    return None if nodata is None else nodata


def pixel_size(res: Any) -> tuple[float, float] | None:
    """Pixel size (x, y), given as one number or two, in units of the CRS; None where none is asked for.

    Raises:
        DatasetError: it is not a size.
    """
    if res is None:
        return None
    sides = tuple(res) if isinstance(res, (tuple, list)) else (res, res)
    if len(sides) != 2 or not all(_is_number(side) and 0 < side < math.inf for side in sides):
        raise DatasetError(
            f"res is {res!r}; a pixel size is a positive number, or two (x, y), in units of the CRS"
        )
    return sides


def picture_size(size: Any) -> tuple[int, int] | None:
    """Rows and columns, given as two numbers or as the side of a square; None where none are asked for.

    Raises:
        DatasetError: it is no size.
    """
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(s, Integral) and not isinstance(s, bool) for s in sides)
    if len(sides) != 2 or not whole or min(sides) < 1:
        raise DatasetError(
            f"size is {size!r}; give the side of a square, or rows and columns, in pixels, such as 256 or "
            "(256, 320)"
        )
    return int(sides[0]), int(sides[1])


def given_paths(paths: Paths | Table | None, root: Paths | None) -> tuple[str, ...]:
    """The paths meant by two arguments that are one; `data` where neither is given."""
    if paths is not None and root is not None:
        raise DatasetError("paths and root are the same argument; give one")
    given = paths if paths is not None else root if root is not None else "data"
    if is_table(given):
        raise DatasetError(
            "paths is a table of geopandas, expected files, folders or patterns; VectorDataset(table) takes "
            "its features"
        )
    if not isinstance(given, (str, Path, Iterable)):
        raise DatasetError(f"paths is {given!r}; give files, folders or patterns")
    listed = [given] if isinstance(given, (str, Path)) else list(given)
    return tuple(path_text(path, DatasetError) for path in listed)


def output_crs(crs: Any) -> CRS | None:
    """The CRS of the common grid; None where none is asked for.

    Raises:
        DatasetError: it is not a CRS.
    """
    if crs is None:
        return None
    try:
        return as_crs(crs)
    except GridError as error:
        raise DatasetError(f"crs: {error}") from error


def assumed_crs(crs: Any) -> str | None:
    """The CRS that files are said to have, by its name; None where they say it.

    Raises:
        DatasetError: it is not a CRS.
    """
    if crs is None:
        return None
    try:
        return crs_name(as_crs(crs))
    except GridError as error:
        raise DatasetError(f"assume_crs: {error}") from error


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def refuse_attributes(made: type, reasons: Mapping[str, str]) -> None:
    """Refuse class attributes that would be ignored.

    Args:
        made: The class that is being defined.
        reasons: Names of such attributes, and what to write instead.

    Raises:
        DatasetError: the class sets one of them.
    """
    for name in reasons.keys() & vars(made).keys():
        raise DatasetError(
            f"class {made.__name__} sets {name}, which is not read from the class; {reasons[name]}"
        )


def refuse_overrides(made: type, base: type, names: Sequence[str], instead: str) -> None:
    """Refuse methods of a subclass that only some ways of asking would go through.

    Raises:
        DatasetError: the class, or a class that it derives from, defines one of them.
    """
    for name in names:
        if getattr(made, name) is not getattr(base, name):
            raise DatasetError(f"class {made.__name__} overrides {name}; {instead}")
