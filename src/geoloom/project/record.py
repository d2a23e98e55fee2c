"""The run record: how a product was made, as JSON beside it."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUFFIX = ".run.json"

_MOST_BYTES = 8 << 20
"""Of a record; a longer one is cut off, and so none."""


def record_path(product: str | Path) -> Path:
    """`map.tif` -> `map.tif.run.json`, `model/` -> `model.run.json`."""
    product = Path(product)
    return product.with_name(product.name + SUFFIX)


def write_run_record(product: str | Path, content: Mapping[str, Any]) -> Path:
    """Write `content` beside the product, whole or not at all.

    The version, the Python and the time are added; the caller gives the verb, its settings, its inputs and
    what came of it.

    Returns:
        The path of the record.
    """
    from ..inference.record import write_run_record as write

    # `finished` is for people; two states of a product may share its second.
    stamp = {"python": platform.python_version(), "stamp": time.time_ns()}
    return write(product, {**content, **stamp})


def read_run_record(product: str | Path) -> dict[str, Any] | None:
    """The record beside a product; None where there is none, or where it is not whole."""
    try:
        with record_path(product).open("rb") as file:
            record = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return record if _is_whole(record) else None


def _is_whole(record: Any) -> bool:
    """Whether the values of a record are of the kinds that its readers need."""
    if not isinstance(record, dict):
        return False
    inputs = record.get("inputs", [])
    return (
        all(isinstance(record.get(key, {}), dict) for key in ("settings", "result"))
        and isinstance(inputs, list)
        and all(isinstance(entry, dict) and isinstance(entry.get("path"), str) for entry in inputs)
    )
