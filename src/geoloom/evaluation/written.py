"""The files of an evaluation: figures as JSON, and the same as text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..core.files import may_replace, write_text
from ..metrics.tally import Report
from ..models.saved import write_json


def check_free(out: str | Path | None, *, overwrite: bool, inputs: Iterable[Any]) -> None:
    """Refuse to write over files that are there, before anything is counted.

    Raises:
        WriteError: a file exists and `overwrite` is not set, or is an input.
    """
    if out is None:
        return
    files = [path for path in inputs if isinstance(path, str | Path)]
    for path in (Path(out), Path(out).with_suffix(".txt")):
        path.parent.mkdir(parents=True, exist_ok=True)
        may_replace(path, overwrite=overwrite, inputs=files)


def write_report(report: Report, out: str | Path | None) -> None:
    """Write both, where they are asked for."""
    if out is not None:
        path = Path(out)
        write_json(path, report.to_dict())
        write_text(path.with_suffix(".txt"), report.text())
