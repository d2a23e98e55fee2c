"""How a map was made, as JSON beside it, and what a run notes before its products appear."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._version import __version__
from ..core.files import scratch_path, write_text

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
    path = _record_path(product)
    content = {
        "geoloom": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **settings,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    write_text(path, text + "\n", within=product)
    return path


def unfinished_record(product: Path) -> dict[str, Any]:
    """The record that a command wrote before its work, status `started`; empty where there is none."""
    record = _read_record(product)
    return record if record.get("status") == "started" else {}


def was_made_so(product: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a finished product was made with such settings, all of which its record holds."""
    record = _read_record(product)
    asked = json.loads(json.dumps(settings, default=str))
    return "finished" in record and all(record.get(key) == asked[key] for key in asked)


def _read_record(product: Path) -> dict[str, Any]:
    try:
        record = json.loads(_record_path(product).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _record_path(product: Path) -> Path:
    return product.with_name(product.name + SUFFIX)


@dataclass(frozen=True, slots=True)
class RunNote:
    """What a run writes down when its rasters are whole, before the first of them gets its name.

    A run that is killed from there on leaves some products under their names. The note shows the same command
    that they are its own: those that are whole are kept, and the others may be replaced.
    """

    product: Path
    """The map, beside which the note lies."""
    key: Mapping[str, Any]
    """All that decides the products' bytes, and their paths, as JSON values."""

    @property
    def path(self) -> Path:
        """Scratch of the record: `.map.tif.run.json.part.note`."""
        return scratch_path(_record_path(self.product), ".note")

    def write(self, finished: Mapping[Path, Path]) -> None:
        """Note the finished files by the names that they will get; a rename changes neither size nor time."""
        states = {str(path): _state(made) for path, made in finished.items()}
        content = {"key": self.key, "products": {**self._kept(), **states}}
        write_text(self.path, json.dumps(content, default=str), within=self.product)

    def matches(self) -> bool:
        """Whether an unfinished run of the same settings left its note."""
        return bool(self._read().get("key") == json.loads(json.dumps(self.key, default=str)))

    def finished(self, paths: Iterable[Path]) -> frozenset[Path]:
        """Those that the unfinished run has made, whole and unchanged since."""
        kept = self._kept()
        return frozenset(
            path for path in paths if path.is_file() and kept.get(str(path)) == _state(path)
        )

    def forget(self) -> None:
        """Remove the note."""
        self.path.unlink(missing_ok=True)

    def _kept(self) -> dict[str, Any]:
        products = self._read().get("products") if self.matches() else None
        return products if isinstance(products, dict) else {}

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def _state(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
