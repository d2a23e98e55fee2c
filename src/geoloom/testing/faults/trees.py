"""Two folders compared by what their files say."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TIMES = {
    *("finished", "seconds", "stamp", "made", "mtime_ns", "scene_stamp", "fingerprint", "written"),
    "bytes",  # of files that contain times
}
"""Keys whose values are times or speeds: of records and histories."""

_TIMES_OF_A_PAGE = re.compile(
    rb"\d{4}-\d\d-\d\dT[\d:+]+|\d{1,2} \w+ \d{4}(, \d\d:\d\d UTC)?|\d+(\.\d+)? (s|seconds|minutes)\b"
    rb"|\d{19}|seconds</th><td>[\d.]+|fingerprint</th><td>\w+"  # nanoseconds, and rows of a table
)


def differences(expected: Path, found: Path) -> list[str]:
    """Files that only one has, or that say something else; times do not count.

    Args:
        expected: What an undisturbed run left.
        found: What is to be judged.
    """
    names = {path: _files(path) for path in (expected, found)}
    lines = [f"left over: {name}" for name in sorted(names[found] - names[expected])]
    lines += [f"missing: {name}" for name in sorted(names[expected] - names[found])]
    lines += [
        f"differs: {name}"
        for name in sorted(names[expected] & names[found])
        if _said(expected / name) != _said(found / name)
    ]
    return lines


def _files(folder: Path) -> set[str]:
    """Everything below, folders too: an empty one is left over as well."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def _said(path: Path) -> Any:
    """What a file says; its bytes where it is not what its name says."""
    if path.is_dir():
        return "folder"
    data = path.read_bytes()
    reader = _READERS.get(path.suffix)
    try:
        return data if reader is None else reader(path, data)
    except (ValueError, RuntimeError, sqlite3.Error):
        return data


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(inner) for key, inner in value.items() if key not in _TIMES}
    if isinstance(value, list):
        return [_without_times(inner) for inner in value]
    return value


def _weights(path: Path, data: bytes) -> dict[str, Any]:
    """What a training goes on from; a checkpoint also contains how long its epochs took."""
    import torch

    content = torch.load(
        io.BytesIO(data), map_location="cpu", weights_only=False
    )  # the trial's own
    weights = {name: value.numpy().tobytes() for name, value in content["state_dict"].items()}
    return {"epoch": content["epoch"], "step": content["global_step"], **weights}


def _tables(path: Path, data: bytes) -> dict[str, Any]:
    """All rows of a GeoPackage but for the times of its tables."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        tables = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {
            table: [
                {key: row[key] for key in row.keys() if key not in ("last_change", "update_time")}  # noqa: SIM118
                for row in database.execute(f'SELECT * FROM "{table}"')
            ]
            for table in tables
            if not table.startswith("rtree_")
        }


_READERS: dict[str, Callable[[Path, bytes], Any]] = {
    ".json": lambda path, data: _without_times(json.loads(data)),
    ".csv": lambda path, data: _without_times(list(csv.DictReader(io.StringIO(data.decode())))),
    ".html": lambda path, data: _TIMES_OF_A_PAGE.sub(b"", data),
    ".ckpt": _weights,
    ".gpkg": _tables,
}
