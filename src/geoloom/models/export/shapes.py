"""Which graphs of a model are tried, the most general first, and which of them can be had."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from ...core.errors import ConfigError, ModelError
from ..card import ModelCard
from ..listing import get_spec
from .config import ExportConfig, Format
from .program import GraphShape

log = logging.getLogger(__name__)

_TRIED_PX = 128
"""Side of the tiles that a graph is tried with, where nothing says a better one."""
_TRIED_DATES = 4

Made = TypeVar("Made")


def check_exportable(card: ModelCard) -> None:
    """Refuse models that no format can hold.

    Raises:
        ModelError: the model gives boxes.
    """
    if card.outputs.gives == "boxes":
        raise ModelError(
            f"{card.architecture} gives {card.outputs.short}, and how many is not known beforehand, which a "
            "graph needs; a model of classes or values can be exported"
        )


def shapes_to_try(card: ModelCard, config: ExportConfig, chosen: Format) -> list[GraphShape]:
    """The graphs that would do, the most general first.

    Raises:
        ConfigError: the settings ask for a size or a number of dates that the model has not.
    """
    tile = config.tile_size or card.chip_size_px
    if chosen == "deepness" and tile is None:
        raise ConfigError(
            "Deepness needs one size of tiles, and the model does not say how large its chips were; give "
            "tile_size (--tile-size)"
        )
    fixed = config.tile_size is not None or chosen == "deepness"
    side = tile or _TRIED_PX
    sizes = [False] if fixed else [True, False]
    dates, any_dates = _dates(card, config)
    return [GraphShape(side, dates, any_size, any_dates) for any_size in sizes]


def first_possible(
    card: ModelCard, shapes: list[GraphShape], make: Callable[[GraphShape], Made]
) -> tuple[Made, GraphShape]:
    """What is made of the first shape that can be had.

    Args:
        card: The model's.
        shapes: As of `shapes_to_try`.
        make: Raises ModelError where a shape cannot be had.

    Raises:
        ModelError: none can be had; the message gives the reason.
    """
    reasons = []
    for shape in shapes:
        try:
            made = make(shape)
        except ModelError as error:
            reasons.append(str(error))
            continue
        if reasons:
            log.warning(
                "%s has no graph for any height and width (%s): the file takes %s, and no others; choose the "
                "size with tile_size (--tile-size)",
                card.architecture,
                reasons[0],
                shape.text,
            )
        return made, shape
    if shapes[0].any_dates:
        raise ModelError(
            f"{card.architecture} cannot be exported for series of any length ({reasons[-1]}); say how many "
            "dates it shall take, such as dates=12 (--dates 12)"
        )
    raise ModelError(
        f"{card.architecture} cannot be exported ({reasons[-1]}); map with the model folder itself, or train "
        "another network"
    )


def _dates(card: ModelCard, config: ExportConfig) -> tuple[int | None, bool]:
    """How many dates a graph is made with, and whether it takes any number."""
    spec = get_spec(card.architecture)
    if spec.takes == "BCHW":
        if config.dates is not None:
            raise ConfigError(
                f"dates is {config.dates}, and {card.architecture} takes one image; leave dates (--dates) out"
            )
        return None, False
    built = {**spec.options(), **card.options}.get("dates")
    known = card.dates if isinstance(card.dates, int) else built if isinstance(built, int) else None
    if known is not None and config.dates not in (None, known):
        raise ConfigError(
            f"dates is {config.dates}, and the model was trained on series of {known}; leave dates (--dates) "
            "out"
        )
    if known is not None:
        return known, False
    return config.dates or _TRIED_DATES, config.dates is None
