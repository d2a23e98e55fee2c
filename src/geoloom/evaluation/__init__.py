"""Evaluation: a model, or the map that it made, against truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .maps import evaluate_map as evaluate_map
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, {".maps": ["evaluate_map"]})
