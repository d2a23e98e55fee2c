"""Run a project: the steps that are not done yet, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core.errors import WriteError
from .fingerprint import INTERRUPTED, foreign_products, reason_to_do
from .listener import Listener
from .perform import held_products, perform
from .project_file import Project
from .record import read_run_record
from .signals import resuming
from .steps.base import Step


@dataclass(frozen=True, slots=True)
class Planned:
    """One step and what will be done about it."""

    step: Step
    action: Literal["do", "resume", "skip"]
    reason: str


def plan(steps: Sequence[Step], *, again: bool = False) -> tuple[Planned, ...]:
    """What to do about each step, from what is on disk. Touches nothing.

    A step is skipped when its product is there, made with the same settings from the same inputs. A step
    whose input will be made again is done again.
    """
    planned: list[Planned] = []
    fresh = set()
    for step in steps:
        remade = [path for _, path in step.inputs() if path.resolve() in fresh]
        reason = reason_to_do(step)
        if remade:
            reason = f"{remade[0]} will be made again" if reason != "not made yet" else reason
        if again and reason is None:
            reason = "asked for again"
        action: Literal["do", "resume", "skip"] = "do" if reason else "skip"
        if reason == INTERRUPTED and step.resumable and not again:
            action = "resume"
        if action != "skip":
            fresh |= {path.resolve() for path in (step.out, *step.also_written())}
        planned.append(Planned(step, action, reason or "done before, nothing changed"))
    return tuple(planned)


def run_project(
    project: Project, listener: Listener, *, overwrite: bool = False, again: bool = False
) -> list[dict[str, Any]]:
    """Do what the plan says; return a line of results for each step.

    All products are locked from the first step to the last, so that no other run makes one again while a
    later step reads it.

    Raises:
        WriteError: a product's place is taken by a file that geoloom did not make, and not `overwrite`; or
            another process writes it.
    """
    with held_products(*project.steps):
        planned = plan(project.steps, again=again)
        if not overwrite:
            refuse_foreign(project.steps)
        return _do(planned, listener)


def _do(planned: Sequence[Planned], listener: Listener) -> list[dict[str, Any]]:
    lines = []
    for i, item in enumerate(planned, 1):
        step = item.step
        head = f"[{i}/{len(planned)}] {step.verb} -> {step.out}"
        if item.action == "skip":
            listener.say(f"{head}: {item.reason}")
            record = read_run_record(step.out) or {}
            result, seconds = record.get("result", {}), 0.0
        else:
            listener.say(f"{head} ({item.reason})")
            resume = item.action == "resume"
            own = "goes on with" if step.goes_on or step.resumable else "starts over with"
            with resuming(f"the same command keeps what is done and {own} {step.verb}"):
                outcome = perform(step, listener, overwrite=not resume, resume=resume)
            result, seconds = outcome.result, outcome.seconds
            listener.say(f"    {', '.join([*figures(result), f'{seconds:.0f} s'])}")
        lines.append(
            {"verb": step.verb, "out": str(step.out), "action": item.action}
            | {"seconds": seconds, "result": result}
        )
    return lines


def refuse_foreign(steps: Sequence[Step]) -> None:
    """Raise WriteError where a product would replace something that geoloom did not make."""
    foreign = [str(path) for step in steps for path in foreign_products(step)]
    if foreign:
        raise WriteError(
            f"there already, and not made by geoloom: {', '.join(foreign)}; "
            "move them, or give --overwrite to replace them"
        )


def figures(result: dict[str, Any]) -> list[str]:
    """The single values of a result in words; lists and tables are left to the product."""
    return [
        f"{key.replace('_', ' ')} {value:.3f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in result.items()
        if isinstance(value, int | float | str)
    ]
