"""Whether a product is what its settings and inputs would make again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .record import read_run_record, record_path
from .steps.base import Step, relative

SIDECARS = (".dbf", ".shx", ".prj", ".cpg", ".msk", ".tfw")
"""Files that belong to a file of the same stem and change what it says. Not `.aux.xml`: a GIS that opens a
raster writes its statistics there, and looking at a file should repeat no work."""


INTERRUPTED = "interrupted"


def states(step: Step) -> list[dict[str, Any]]:
    """The inputs of a step as they are now, their paths as seen from the product."""
    return [
        {"path": relative(path, step.out.parent), **identity(path)} for _, path in step.inputs()
    ]


def identity(path: Path) -> dict[str, Any]:
    """What identifies a state of a file: its run record where it has one, and size and time.

    A folder with a record (chips, a model) is known by the record alone, for later steps may add files to it.
    """
    record = read_run_record(path)
    if record and record.get("status") == "done" and "stamp" in record:
        made = {"made": record["stamp"]}
        return made if path.is_dir() else {**made, **_size_and_time([path])}
    return sizes_and_times(path)


def sizes_and_times(path: Path) -> dict[str, Any]:
    """Size and time of a file with what belongs to it, or of all files in a folder."""
    return dict(_size_and_time(files_of(path)))


def files_of(path: Path) -> list[Path]:
    """All files of a folder; or a file and those beside it that belong to it, whether they exist or not."""
    if path.is_dir():
        return [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    beside = [path.with_suffix(suffix) for suffix in SIDECARS]
    beside += [path.with_name(path.name + suffix) for suffix in SIDECARS]
    return [path, *beside]


def _size_and_time(files: list[Path]) -> dict[str, int]:
    stats = [file.stat() for file in files if file.is_file()]
    return {
        "bytes": sum(stat.st_size for stat in stats),
        "mtime_ns": max((stat.st_mtime_ns for stat in stats), default=0),
    }


def lasting(step: Step) -> dict[str, Any]:
    """The settings that decide what comes of a step."""
    return {key: value for key, value in step.settings().items() if key not in step.incidental}


def fingerprint(verb: str, settings: dict[str, Any], inputs: list[dict[str, Any]]) -> str:
    """SHA-256 of a verb, its lasting settings and the state of its inputs."""
    text = json.dumps([verb, settings, inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def reason_to_do(step: Step) -> str | None:
    """Why a step has to be done, in a few words; None where its product is there and current."""
    record = read_run_record(step.out)
    if not step.out.exists():
        return "not made yet"
    if record is None or "settings" not in record:
        return f"{step.out} is there, and no record says how it was made"
    if record.get("verb") != step.verb:
        return f"{step.out} was made by {record.get('verb')!r}"
    settings, now = lasting(step), states(step)
    if record.get("fingerprint") == fingerprint(step.verb, settings, now):
        return None if record.get("status") == "done" else INTERRUPTED
    before = {entry.get("path"): entry for entry in record.get("inputs", [])}
    changed = _changed(record["settings"], settings)
    changed += [entry["path"] for entry in now if before.get(entry["path"]) != entry]
    return f"changed: {', '.join(changed) or 'inputs'}"


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    keys = [key for key in {**before, **now} if key in now]
    return [
        f"{key} {_short(before.get(key))} -> {_short(now[key])}"
        for key in keys
        if before.get(key) != now[key]
    ]


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


def foreign_products(step: Step) -> tuple[Path, ...]:
    """Files where the step would write that no record says geoloom made."""
    if record_path(step.out).exists():
        return ()
    return tuple(path for path in (step.out, *step.also_written()) if path.exists())
