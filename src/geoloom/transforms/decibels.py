"""Radar backscatter as a ratio of powers (`linear`) and in decibels (`dB`): arrays of numpy or torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.bands import Band
from ..core.bands.decibels import decibels_of, power_of
from ..core.errors import BandError, ConfigError, suggest
from .index_table import Array
from .spatial import with_known

POWER_UNITS = ("linear", "dB")
"""Units that one turns into the other."""


def to_decibels(power: Array) -> Array:
    """10 log10 of a ratio of powers.

    Args:
        power: Any shape, any numeric dtype.

    Returns:
        float32 of the same shape; NaN where the power is 0, below 0 or not known.

    Example:
        >>> to_decibels(np.array([100.0, 1.0, 0.0])).round(4).tolist()
        [20.0, 0.0, nan]
    """
    if isinstance(power, np.ndarray):
        return decibels_of(power)
    import torch

    logarithms = torch.log10(power.float())
    return torch.where(torch.isfinite(logarithms), 10 * logarithms, torch.nan)


def to_linear(decibels: Array) -> Array:
    """The ratio of powers that decibels mean, 10 ^ (dB / 10).

    Args:
        decibels: Any shape, any numeric dtype.

    Returns:
        float32 of the same shape; NaN where it is not known, or larger than float32 holds.

    Example:
        >>> to_linear(np.array([20.0, 0.0])).tolist()
        [100.0, 1.0]
    """
    if isinstance(decibels, np.ndarray):
        return power_of(decibels)
    import torch

    power = torch.pow(10.0, decibels.float() / 10)
    return torch.where(torch.isfinite(power), power, torch.nan)


CONVERSIONS = {"dB": to_decibels, "linear": to_linear}
"""By the unit wanted."""


def check_power_unit(unit: str) -> str:
    """A unit of backscatter.

    Raises:
        ConfigError: it is none.
    """
    if unit not in POWER_UNITS:
        raise ConfigError(
            f"backscatter has no unit {unit!r}{suggest(unit, POWER_UNITS)}; give {' or '.join(POWER_UNITS)}"
        )
    return unit


@dataclass(frozen=True, slots=True)
class ToPowerUnit:
    """Sample transform: bands of backscatter in the other unit; where it has no value, not valid and 0.

    Raises:
        ConfigError: the unit is none of backscatter.

    Example:
        >>> sample = {"image": np.array([10.0, -1.0]).reshape(1, 1, 2), "valid": np.ones((1, 2), bool)}
        >>> out = ToPowerUnit("dB")(sample)
        >>> out["image"].tolist(), out["valid"].tolist()
        ([[[10.0, 0.0]]], [[True, False]])
    """

    unit: str
    """Which is wanted: `dB` or `linear`. The bands must be of the other one."""
    positions: tuple[int, ...] | None = None
    """Of the bands, 0-based; None for all."""

    def __post_init__(self) -> None:
        check_power_unit(self.unit)

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample with float32 numbers in the unit; the one given stays as it is."""
        image = _float32_copy(sample["image"])
        positions = _positions(self.positions, image.shape[-3])
        known = None
        for at in positions:
            values = CONVERSIONS[self.unit](image[..., at, :, :])
            has_value = values == values  # not NaN
            known = has_value if known is None else known & has_value
            image[..., at, :, :] = _zero_nan(values)
        return with_known({**sample, "image": image}, known)

    def bands(self, bands: Sequence[Band]) -> tuple[Band, ...]:
        """The bands of such samples.

        Raises:
            BandError: one of them is not in the other unit.
        """
        chosen = _positions(self.positions, len(bands))
        (other,) = (unit for unit in POWER_UNITS if unit != self.unit)
        for at in chosen:
            if bands[at].unit != other:
                raise BandError(
                    f"band {bands[at].name!r} is in {bands[at].unit or 'no known unit'}; expected {other}, "
                    f"to be converted to {self.unit}"
                )
        made = {"unit": self.unit, "scale": 1.0, "offset": 0.0, "nodata": None}
        return tuple(
            replace(band, **made) if at in chosen else band  # type: ignore[arg-type]
            for at, band in enumerate(bands)
        )


def _positions(given: tuple[int, ...] | None, count: int) -> tuple[int, ...]:
    """Channels, once each is there.

    Raises:
        BandError: one is not.
    """
    chosen = tuple(range(count)) if given is None else given
    outside = [at for at in chosen if not 0 <= at < count]
    if outside:
        raise BandError(f"there is no band {outside[0]} among {count}, counted from 0")
    return chosen


def _float32_copy(image: Array) -> Any:
    if isinstance(image, np.ndarray):
        return image.astype(np.float32)
    import torch

    return image.to(torch.float32, copy=True)


def _zero_nan(values: Array) -> Any:
    return (
        np.nan_to_num(values, nan=0.0) if isinstance(values, np.ndarray) else values.nan_to_num(0.0)
    )
