"""Shares of the splits."""

from __future__ import annotations

from ..core.errors import ConfigError


def check_shares(test: float, val: float) -> None:
    """Refuse shares that leave nothing for training.

    Raises:
        ConfigError: the shares are impossible.
    """
    if not (0 <= test < 1 and 0 <= val < 1 and test + val < 1):
        raise ConfigError(
            f"shares of the splits are test={test}, val={val}; each must be from 0 to below 1, and "
            "their sum below 1, as the rest is for training"
        )
