"""Stored numbers of one band as those of another that measures the same in the same unit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BandError
from .band import Band
from .units import UNITS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Stored numbers of one band as those of another that measures the same."""

    scale: float
    """Of what is given: physical value = stored value * scale + offset."""
    offset: float
    wanted_scale: float
    """Of what is wanted, likewise."""
    wanted_offset: float

    @property
    def changes(self) -> bool:
        """Whether any number changes."""
        return (self.scale, self.offset) != (self.wanted_scale, self.wanted_offset)

    def __call__(self, stored: Any) -> Any:
        """The numbers wanted.

        Args:
            stored: float32 array or tensor of any shape.

        Returns:
            The same shape, float32.

        Example:
            >>> import numpy as np
            >>> reflectance_to_counts = Conversion(1.0, 0.0, 1e-4, -0.1)
            >>> reflectance_to_counts(np.array([0.25], np.float32)).tolist()
            [3500.0]
        """
        if not self.changes:
            return stored
        return (stored * self.scale + (self.offset - self.wanted_offset)) / self.wanted_scale


def band_conversions(
    given: Sequence[Band], wanted: Sequence[Band], *, where: str, same_dtype: bool
) -> tuple[Conversion, ...]:
    """How the stored numbers of bands become those that a model was fed, one a band.

    Units are never guessed: what is measured in another unit, or in one that only one side knows, is
    refused. Where neither side knows its unit, numbers of equal type, scale and offset are taken to mean the
    same, which the log says.

    Args:
        given: Bands as they are stored, in the order of `wanted`.
        wanted: Those of the numbers that the model was fed.
        where: What holds the bands given, for messages.
        same_dtype: Whether both are stored in one type.

    Raises:
        BandError: units differ or only one is known, or the meaning of the numbers is not declared.
    """
    for own, asked in zip(given, wanted, strict=True):
        _refuse_other_units(own, asked, where)
    unknown = [(own, asked) for own, asked in zip(given, wanted, strict=True) if own.unit is None]
    for own, asked in unknown:
        if not same_dtype or _scaling(own) != _scaling(asked):
            raise BandError(
                f"no unit is declared for band {own.name!r} of {where} or for the model's training data, and "
                f"{'their scale or offset differs' if same_dtype else 'their types differ'}: equal numbers "
                "may mean different things. Train again on data with a unit and declare the scene's (--unit, "
                f"one of {', '.join(UNITS)}); or convert the scene to the training's type, scale and offset"
            )
    if unknown:
        log.info(
            "no unit is declared for %s of %s or for the model's training data: equal numbers are taken to "
            "mean the same",
            ", ".join(own.name for own, _ in unknown),
            where,
        )
    return tuple(
        Conversion(*_scaling(own), *_scaling(asked))
        for own, asked in zip(given, wanted, strict=True)
    )


def _scaling(band: Band) -> tuple[float, float]:
    return band.scale, band.offset


def _refuse_other_units(own: Band, asked: Band, where: str) -> None:
    if own.unit == asked.unit:
        return
    if own.unit is None:
        raise BandError(
            f"no unit is declared for band {own.name!r} of {where}; the model was trained on {asked.unit}: "
            f"if the scene holds that, declare it: --unit {asked.unit} (unit={asked.unit!r})"
        )
    if asked.unit is None:
        raise BandError(
            f"band {own.name!r} of {where} is {own.unit}, and no unit is declared for the model's training "
            "data: train again on data with a unit; or, if both hold the same, --unit none (unit='none')"
        )
    raise BandError(
        f"band {own.name!r} of {where} is {own.unit}, the model was trained on {asked.unit}: give a scene in "
        f"{asked.unit}; or, if its tag is wrong, declare what it holds: --unit {asked.unit} "
        f"(unit={asked.unit!r})"
    )
