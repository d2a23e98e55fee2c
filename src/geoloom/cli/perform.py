"""Do one step: check its files, work, and write down how it was done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..core.errors import ConfigError, WriteError
from .fingerprint import fingerprint, lasting, states
from .record import read_run_record, record_path, write_run_record
from .steps.base import Step
from .terminal import Terminal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step."""

    result: dict[str, Any]
    """What the work itself reports."""
    seconds: float


def perform(step: Step, terminal: Terminal, *, overwrite: bool, resume: bool = False) -> Outcome:
    """Do the step and leave `<product>.run.json` beside what it made.

    The record is written before the work as well (status `started`), so that an interrupted run is known as
    such and can be resumed.

    Raises:
        ConfigError: an input is missing.
        WriteError: the product is there, and neither `overwrite` nor `resume` was given.
    """
    check_inputs(step)
    if step.out.exists() and not overwrite and not resume:
        going_on = ", --resume to go on with it" if step.resumable else ""
        raise WriteError(
            f"{step.out} is there already; give --overwrite to replace it{going_on}, or another name"
        )
    step.out.parent.mkdir(parents=True, exist_ok=True)
    settings = lasting(step)
    inputs = states(step)
    record = {
        "verb": step.verb,
        "settings": settings,
        "inputs": inputs,
        "fingerprint": fingerprint(step.verb, settings, inputs),
    }
    write_run_record(step.out, {**record, "status": "started"})
    began = time.monotonic()
    try:
        result = step.perform(terminal, overwrite=overwrite, resume=resume)
    except BaseException:
        _forget_if_not_begun(step)
        raise
    seconds = round(time.monotonic() - began, 2)
    noted = read_run_record(step.out) or {}  # prediction notes more than its settings
    done = {"status": "done", "seconds": seconds, "result": result}
    write_run_record(step.out, {**noted, **record, **done})
    return Outcome(result, seconds)


def check_inputs(step: Step) -> None:
    """Raise ConfigError where a file that the step reads is not there."""
    missing = [f"{key} {path}" for key, path in step.inputs() if not path.exists()]
    if missing:
        raise ConfigError(f"{step.verb}: not found: {', '.join(missing)}; check the path")


def _forget_if_not_begun(step: Step) -> None:
    """After a failure: a record stays only where there is something to resume."""
    left = list(step.out.parent.glob(f".{step.out.name}.part*"))
    if not step.out.exists() and not left:
        record_path(step.out).unlink(missing_ok=True)
