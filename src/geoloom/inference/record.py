"""The as-run record: how a map was made, as JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._version import __version__

SUFFIX = ".run.json"


def write_run_record(product: str | Path, settings: Mapping[str, Any]) -> Path:
    """Write `map.tif.run.json` beside `map.tif`, whole or not at all.

    Args:
        product: The file that was made.
        settings: How, as JSON values; others are written as text. The version and the time are added.

    Returns:
        The record's path.
    """
    product = Path(product)
    path = product.with_name(product.name + SUFFIX)
    content = {
        "geoloom": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **settings,
    }
    partial = path.with_name(f".{path.name}.part")
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
    return path
