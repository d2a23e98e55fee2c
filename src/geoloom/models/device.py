"""Where a network runs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from ..core.errors import ConfigError

DeviceCount: TypeAlias = int | Literal["auto"]
"""How many devices train together; `auto` is all GPUs, or one processor."""


def choose_device(device: str) -> str:
    """`auto` as CUDA where there is one, else the CPU; any other device as it is.

    Raises:
        ConfigError: the device is unknown, or is not there.

    Example:
        >>> choose_device("cpu")
        'cpu'
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ConfigError(f"no device is named {device!r}; use 'auto', 'cpu' or 'cuda'") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"device {device!r} was asked for, but torch sees no GPU; use 'cpu' or 'auto'"
        )
    return device


def count_devices(devices: DeviceCount, device: str) -> int:
    """How many devices of a kind are meant.

    Args:
        devices: `auto`, or how many.
        device: As `choose_device` gives it.

    Raises:
        ConfigError: there are fewer, or one of them is chosen.

    Example:
        >>> count_devices("auto", "cpu")
        1
    """
    place = torch.device(device)
    there = torch.cuda.device_count() if place.type == "cuda" else None
    if devices == "auto":
        return there if there and place.index is None else 1
    if not isinstance(devices, int) or isinstance(devices, bool) or devices < 1:
        raise ConfigError(f"devices is {devices!r}; give how many, at least 1, or 'auto'")
    if devices > 1 and place.index is not None:
        raise ConfigError(
            f"devices={devices} and device={device!r}, which is one; give device={place.type!r}"
        )
    if there is not None and devices > there:
        raise ConfigError(f"devices={devices}, but torch sees {there} GPUs; give at most as many")
    return devices
