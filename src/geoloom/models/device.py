"""Where a network runs."""

from __future__ import annotations

import torch

from ..core.errors import ConfigError


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
