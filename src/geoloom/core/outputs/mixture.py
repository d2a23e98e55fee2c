"""Samples that are mixtures of two: under which keys a batch holds the other one's targets, and its share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARTNER = ":mixed"
"""Ends the key of what the other sample knows: `mask:mixed` beside `mask`."""
SHARE = "mix_share"
"""float32 (B,), on the CPU: the share of each sample itself, the rest being the other's; 1 for no mixture."""


def is_mixed(batch: Mapping[str, Any], key: str) -> bool:
    """Whether a target is there twice, of the samples and of those that were mixed into them.

    Example:
        >>> is_mixed({"mask": 0, "mask:mixed": 0, "mix_share": 0}, "mask")
        True
    """
    return SHARE in batch and f"{key}{PARTNER}" in batch


def partners_of(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The batch with what the other samples know in place of its own.

    Example:
        >>> partners_of({"label": 1, "label:mixed": 2})
        {'label': 2}
    """
    own = {key: value for key, value in batch.items() if not key.endswith(PARTNER)}
    theirs = {
        key.removesuffix(PARTNER): value for key, value in batch.items() if key.endswith(PARTNER)
    }
    return {**own, **theirs}
