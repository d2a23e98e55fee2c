"""The params of `DatasetGenerator.generate_chips`, as options of chips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.classes import Classes
from ..core.errors import ConfigError
from ..samplers.drawing.options import ChipOptions, Strategy
from ..samplers.points import read_points
from .params import check_keys

_COMMON = ("win_size", "class_names", "no_data", "perc_discard_nd", "min_valid", "seed")
_OWN: dict[str, tuple[str, ...]] = {
    "random": ("quantity", "class_of_interest", "balanced", "remove_no_data"),
    "sequential": ("overlap", "stride"),
    "centroids": ("shp_path",),
}


def parse_chip_params(
    strategy: Strategy, params: Mapping[str, Any]
) -> tuple[ChipOptions, Classes | None, float | None]:
    """The options, the classes if they are given, and the unlabelled code if it is given.

    Raises:
        ConfigError: a key is unknown or missing, or a value cannot be.
    """
    where = f"strategy {strategy!r}"
    given = check_keys(params, (*_COMMON, *_OWN[strategy]), where=where)
    if "win_size" not in given:
        raise ConfigError(f"{where} needs win_size, the rows and columns of a chip")
    size = _pair(given["win_size"], "win_size")
    interest = given.get("class_of_interest")
    options = ChipOptions(
        size=size,
        strategy=strategy,
        count=given.get("quantity"),
        stride=_stride(given, size),
        points=read_points(given["shp_path"]) if "shp_path" in given else None,
        class_of_interest=None if interest is None else tuple(np.atleast_1d(interest).tolist()),
        balanced=bool(given.get("balanced", False)),
        min_valid=_min_valid(given),
        seed=int(given.get("seed", 0)),
    )
    names = given.get("class_names")
    classes = names if isinstance(names, Classes) or names is None else named_classes(names)
    return options, classes, given.get("no_data")


def _pair(value: Any, key: str) -> tuple[int, int]:
    numbers = np.atleast_1d(value).tolist()
    if len(numbers) not in (1, 2) or not all(float(n).is_integer() for n in numbers):
        raise ConfigError(f"{key} is {value!r}; expected one whole number or [rows, columns]")
    return int(numbers[0]), int(numbers[-1])


def _stride(given: Mapping[str, Any], size: tuple[int, int]) -> tuple[int, int] | None:
    if "stride" in given and "overlap" in given:
        raise ConfigError("stride and overlap say the same; give one")
    if "stride" in given:
        return _pair(given["stride"], "stride")
    rows, cols = _pair(given.get("overlap", 0), "overlap")
    if not (0 <= rows < size[0] and 0 <= cols < size[1]):
        raise ConfigError(f"overlap {(rows, cols)} must be from 0 to below the chip's size {size}")
    return (size[0] - rows, size[1] - cols) if rows or cols else None


def _min_valid(given: Mapping[str, Any]) -> float:
    if "min_valid" in given and "perc_discard_nd" in given:
        raise ConfigError("min_valid and perc_discard_nd say the same; give one")
    if "perc_discard_nd" in given:
        return 1 - float(given["perc_discard_nd"]) / 100
    if given.get("remove_no_data"):
        return 0.01
    return float(given.get("min_valid", 0.0))


def named_classes(names: Sequence[str]) -> Classes:
    """Classes of the codes 1, 2, ...: as DeepGeo's users list them, with or without a name of code 0."""
    listed = [str(name) for name in names]
    if listed and listed[0].lower().replace("-", "_").replace(" ", "_") in ("no_data", "nodata"):
        listed = listed[1:]
    return Classes.of(listed)
