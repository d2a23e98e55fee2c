"""What numbered samples are asked with, and what else is asked of them in vain."""

from __future__ import annotations

from operator import index
from typing import Any, NoReturn

from odc.geo.geobox import GeoBox

from ...core.errors import QueryError
from ...core.hints.attributes import HintsAttributes
from ...core.hints.torchgeo import OF_ATTRIBUTES
from ...core.query import Query


def as_number(asked: Any) -> int:
    """The number that is meant.

    Args:
        asked: A whole number of any kind, such as of numpy or a tensor without axes.

    Raises:
        QueryError: it is none; the message says how to ask.

    Example:
        >>> import numpy as np
        >>> as_number(np.int64(3))
        3
    """
    if not isinstance(asked, bool):
        try:
            return index(asked)
        except TypeError:
            pass
    raise QueryError(
        f"these samples are asked by their number, got {_shown(asked)}; {_instead(asked)}"
    )


def _shown(asked: Any) -> str:
    kind = type(asked).__name__
    return kind if isinstance(asked, (GeoBox, Query)) else f"{kind} {asked!r}"[:100]


def _instead(asked: Any) -> str:
    if isinstance(asked, (GeoBox, Query)):
        return "where they have a place, dataset.as_geo()[grid] is asked by it"
    if isinstance(asked, str):
        return "those of a split are dataset.split(name), and dataset.table has the file of each"
    if isinstance(asked, slice) or hasattr(asked, "__len__"):
        return "several are a dataset of their own: dataset.subset(range(10)) or dataset.subset([0, 2])"
    return "give a whole number, such as dataset[0]"


class AskedByNumber(HintsAttributes):
    """Says how operators and attributes of other datasets are written for numbered samples."""

    attribute_hints = OF_ATTRIBUTES

    def __and__(self, other: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} and {type(other).__name__} do not intersect: numbered samples "
            "are not asked by place; where they have a place, write dataset.as_geo() & other"
        )

    def __or__(self, other: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} and {type(other).__name__} have no union: numbered samples "
            "are not asked by place; where they have a place, write dataset.as_geo() | other; "
            "first + second puts numbered samples one after the other"
        )

    __rand__, __ror__ = __and__, __or__
