"""Do one step: check its files, work, and write down how it was done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..core.errors import ConfigError, WriteError
from ..core.files import check_name, has_scratch, hold_all, may_replace, write_text, writing
from .fingerprint import files_of, fingerprint, lasting, sizes_and_times, states
from .listener import Listener
from .record import read_run_record, record_path, write_run_record
from .steps.base import Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step."""

    result: dict[str, Any]
    """What the work itself reports."""
    seconds: float


def perform(step: Step, listener: Listener, *, overwrite: bool, resume: bool = False) -> Outcome:
    """Do the step and leave `<product>.run.json` beside what it made.

    The record is written before the work as well (status `started`), so that an interrupted run is known as
    such: the same command may replace what that run left, or resume it. All products are locked throughout.

    Raises:
        ConfigError: an input is missing.
        WriteError: a product is an input or has no place to be, is written by another process, or is there
            and neither `overwrite` nor `resume` was given.
    """
    check_inputs(step)
    with held_products(step):
        settings = lasting(step)
        inputs = states(step)
        now = fingerprint(step.verb, settings, inputs)
        record = {
            "verb": step.verb,
            "settings": settings,
            "inputs": inputs,
            "fingerprint": now,
        }
        again = overwrite or (not resume and may_take_place(step, now))
        before = _Before.of(step)
        write_run_record(step.out, {**record, "status": "started"})
        began = time.monotonic()
        try:
            result = step.perform(listener, overwrite=again, resume=resume)
        except BaseException:
            before.restore(step)
            raise
        seconds = round(time.monotonic() - began, 2)
        noted = read_run_record(step.out) or {}  # prediction notes more than its settings
        done = {"status": "done", "seconds": seconds, "result": result}
        write_run_record(step.out, {**noted, **record, **done})
    return Outcome(result, seconds)


@contextmanager
def held_products(*steps: Step) -> Iterator[None]:
    """Be the only run that writes the products of these steps, whose folders are made where they are missing.

    Raises:
        WriteError: a product is an input of its step, has no place, or another process writes it.
    """
    for step in steps:
        check_not_inputs(step)
    products = [path for step in steps for path in (step.out, *step.also_written())]
    with hold_all(products):
        yield


def check_inputs(step: Step) -> None:
    """Raise ConfigError where a file that the step reads is not there."""
    missing = [f"{key} {path}" for key, path in step.inputs() if not path.exists()]
    if missing:
        raise ConfigError(f"{step.verb}: not found: {', '.join(missing)}; check the path")


def may_take_place(step: Step, now: str) -> bool:
    """Whether what is there may be replaced without leave: an interrupted run of the same step left it.

    A step that `--resume` goes on with is asked for it: what it left may be hours of work.

    Args:
        step: Its products are locked.
        now: Its fingerprint.

    Raises:
        WriteError: a product is there that no such run has left.
    """
    record = read_run_record(step.out) or {}
    own = record.get("status") == "started" and record.get("fingerprint") == now
    taken = [path for path in (step.out, *step.also_written()) if path.exists()]
    if taken and (step.resumable or not own):
        going_on = ", --resume to go on with it" if step.resumable else ""
        raise WriteError(
            f"{taken[0]} is there already; give --overwrite to replace it{going_on}, or another name"
        )
    return own and not step.resumable


def check_not_inputs(step: Step) -> None:
    """Raise WriteError where a product would destroy an input, a part of one, or another product."""
    inputs = [path for _, path in step.inputs()]
    parts = [part for path in inputs for part in ([path] if path.is_dir() else files_of(path))]
    products = (step.out, *step.also_written())
    for i, product in enumerate(products):
        is_folder = step.writes_folder() and product == step.out
        may_replace(_placed(product), overwrite=True, inputs=parts, folder=is_folder)
        if product in products[:i]:
            raise WriteError(f"two products share the path {product}; give each its own")
        for path in inputs:
            if path.is_dir() and not step.may_lie_in_inputs and _inside(product, path):
                raise WriteError(
                    f"{product} would lie inside {path}, which is an input; write it elsewhere"
                )


def _placed(product: Path) -> Path:
    """The product's path, with its folder made: a folder that is missing is not a reason to refuse."""
    check_name(product)
    with writing(product):
        product.parent.mkdir(parents=True, exist_ok=True)
    return product


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


@dataclass(frozen=True, slots=True)
class _Before:
    """The product and its record as a run found them."""

    record: str | None
    product: dict[str, Any]

    @classmethod
    def of(cls, step: Step) -> Self:
        path = record_path(step.out)
        return cls(path.read_text(encoding="utf-8") if path.exists() else None, _state(step))

    def restore(self, step: Step) -> None:
        """After a failure: `started` stays only where there is something to resume or to replace."""
        if has_scratch(step.out) or _state(step) != self.product:
            return
        if self.record is None:
            record_path(step.out).unlink(missing_ok=True)
        else:
            write_text(record_path(step.out), self.record, within=step.out)


def _state(step: Step) -> dict[str, Any]:
    """The product as it is on disk, whatever its record says."""
    return sizes_and_times(step.out)
