"""How large a network is, before and after it is made: what cannot be trained here is refused at once."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import torch

from ..core.errors import ModelError
from ..core.outputs import Outputs
from .registry import model_options, outline

logger = logging.getLogger(__name__)

_LARGE = 20e6
"""Parameters above which a processor needs seconds per step."""


def check_training_memory(
    model: str, in_channels: int, outputs: Outputs, options: Mapping[str, Any]
) -> None:
    """Refuse a network that no memory here holds, before it takes any.

    Raises:
        ModelError: its weights, their gradients and AdamW's two means are more than the machine's memory.
    """
    weights = outline(model, in_channels, outputs, dict(options))
    needed = 4 * sum(weight.numel() * weight.element_size() for weight in weights.values())
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return  # Windows refuses such memory itself
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise ModelError(
            f"training {model} with {dict(options)} takes at least {needed / 1e9:.0f} GB, and this machine "
            f"has {there / 1e9:.0f}; make the network smaller, such as width=0.25"
        )


def warn_of_size(model: str, network: torch.nn.Module, device: str) -> None:
    """Say that a large network trains slowly on a processor, where a narrower one may be had."""
    parameters = sum(p.numel() for p in network.parameters())
    large = parameters > _LARGE and torch.device(device).type == "cpu"
    if large and "width" in model_options(model):
        logger.warning(
            "%s has %.0f million parameters: seconds per step on a processor; width=0.25 makes it sixteen "
            "times smaller, and is the better choice for a single scene",
            model,
            parameters / 1e6,
        )
