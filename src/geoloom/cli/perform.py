"""Do one step: check its files, work, and write down how it was done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, WriteError
from ..core.files import check_name, may_replace, writing
from .fingerprint import INTERRUPTED, files_of, fingerprint, lasting, reason_to_do, states
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
        WriteError: a product is an input or has no place to be, or is there and neither `overwrite` nor
            `resume` was given.
    """
    check_inputs(step)
    overwrite = may_overwrite(step, overwrite=overwrite, resume=resume)
    settings = lasting(step)
    inputs = states(step)
    record = {
        "verb": step.verb,
        "settings": settings,
        "inputs": inputs,
        "fingerprint": fingerprint(step.verb, settings, inputs),
    }
    with writing(step.out):
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


def may_overwrite(step: Step, *, overwrite: bool, resume: bool) -> bool:
    """Make room for what the step writes, or say before any work why there is none.

    Returns:
        Whether the step may replace its product: with leave, or where an interrupted run of the same settings
        and inputs has left it.

    Raises:
        WriteError: a product is an input, lies in one, has no place, or is there without leave to replace it.
    """
    check_not_inputs(step)
    if overwrite or resume:
        return overwrite
    taken = [path for path in (step.out, *step.also_written()) if path.exists()]
    if not taken:
        return False
    if step.resumable or reason_to_do(step) != INTERRUPTED:
        going_on = ", --resume to go on with it" if step.resumable else ""
        raise WriteError(
            f"{taken[0]} is there already; give --overwrite to replace it{going_on}, or another name"
        )
    return True


def check_not_inputs(step: Step) -> None:
    """Raise WriteError where a product would destroy an input, a part of one, or another product."""
    inputs = [path for _, path in step.inputs()]
    parts = [part for path in inputs for part in ([path] if path.is_dir() else files_of(path))]
    products = (step.out, *step.also_written())
    for i, product in enumerate(products):
        is_folder = step.makes_folder and product == step.out
        may_replace(_placed(product), overwrite=True, inputs=parts, folder=is_folder)
        if product in products[:i]:
            raise WriteError(f"two products share the path {product}; give each its own")
        for path in inputs:
            if path.is_dir() and not step.may_lie_in_inputs and _inside(product, path):
                raise WriteError(
                    f"{product} would lie inside {path}, which is an input; write it elsewhere"
                )


def _placed(product: Path) -> Path:
    """The product's path, with its folder made: a folder that is missing is no reason to refuse."""
    check_name(product)
    with writing(product):
        product.parent.mkdir(parents=True, exist_ok=True)
    return product


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _forget_if_not_begun(step: Step) -> None:
    """After a failure: a record stays only where there is something to resume."""
    left = list(step.out.parent.glob(f".{step.out.name}.part*"))
    if not step.out.exists() and not left:
        record_path(step.out).unlink(missing_ok=True)
