"""The run record: how a product was made, as JSON beside it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._version import __version__

SUFFIX = ".run.json"


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
    path = record_path(product)
    record = {
        "geoloom": __version__,
        "python": platform.python_version(),
        "finished": datetime.now(UTC).isoformat(timespec="microseconds"),
        **content,
    }
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
    os.replace(partial, path)  # noqa: PTH105 - os.replace is the atomic one on every system
    return path


def read_run_record(product: str | Path) -> dict[str, Any] | None:
    """The record beside a product; None where there is none, or where it is not whole."""
    try:
        record = json.loads(record_path(product).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
