"""Series of dates: how many there are, which are observed, and positions on the calendar.

Legend: B batch, T dates, C bands, D position's width, H rows, W columns.
"""

from __future__ import annotations

from datetime import date

import torch
from torch import Tensor

from ...core.errors import ModelError

_SECONDS_A_DAY = 86_400


def check_series(image: Tensor, shape: str, dates: int | None = None) -> None:
    """Refuse what is no series, or one of another number of dates.

    Args:
        image: Of this shape.
        shape: As text, such as `BTCHW`.
        dates: How many the network was built for; None for any.

    Raises:
        ModelError: the tensor has another number of dimensions, or of dates.
    """
    if image.ndim != len(shape):
        raise ModelError(
            f"the image has the shape {tuple(image.shape)}; this network takes a series of dates, "
            f"({', '.join(shape)}): give it samples with an axis of dates, or choose a network for one date"
        )
    if dates is not None and image.shape[1] != dates:
        raise ModelError(
            f"the series has {image.shape[1]} dates, and the network was built for {dates}; build it with "
            f"dates={image.shape[1]}, or choose as many dates"
        )


def day_number(iso_date: str) -> int:
    """Days from 1970-01-01 to a date.

    Raises:
        ModelError: it is no date.

    Example:
        >>> day_number("1970-01-31")
        30
    """
    try:
        return (date.fromisoformat(iso_date) - date(1970, 1, 1)).days
    except ValueError as error:
        raise ModelError(f"{iso_date!r} is no date; write it as 2018-09-01") from error


def day_encoding(times_BT: Tensor, day_zero: int, width: int, period: float) -> Tensor:
    """Sines and cosines of the days since a day zero, float32 (B, T, width); 0 where a time is unknown.

    Args:
        times_BT: float64, seconds since 1970 UTC, NaN = unknown.
        day_zero: Days from 1970-01-01.
        width: Even number of values per date.
        period: The longest wave has 2 pi times so many days.

    Source:
        Vaswani et al. 2017, section 3.5, with days for positions; Garnot et al. 2020, arXiv 1911.07757.
    """
    days = (times_BT / _SECONDS_A_DAY - day_zero).unsqueeze(-1)
    steps = torch.arange(width, device=times_BT.device)
    angles = (days / period ** (2 * torch.div(steps, 2, rounding_mode="floor") / width)).float()
    waves = torch.where(steps % 2 == 0, angles.sin(), angles.cos())
    return torch.where(torch.isfinite(waves), waves, 0.0)


def observed_dates(valid_BTHW: Tensor) -> Tensor:
    """bool (B, T): whether anything of a date was observed; dates that only fill a series up are not."""
    return valid_BTHW.flatten(2).any(dim=2)
