"""What users may write instead of outputs: names of classes, units of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.classes import Classes
from ...core.errors import ConfigError
from ...core.outputs import ClassOutputs, Gives, Kind, Outputs, Per, ValueOutputs, outputs_from_dict


def class_outputs(given: Any, per: Per, task: str) -> Outputs:
    """Outputs of one class each: from classes, their names, or how many there are.

    Raises:
        ConfigError: it means no such outputs; the message names the task.
    """
    known = _known(given)
    if known is None and isinstance(given, Classes):
        known = ClassOutputs(given, per=per)
    elif known is None and isinstance(given, int) and given > 0:
        known = ClassOutputs(Classes.of([f"class {number}" for number in range(given)]), per=per)
    elif known is None and _names(given):
        known = ClassOutputs(Classes.of(list(given)), per=per)
    if not isinstance(known, ClassOutputs) or known.multilabel or known.per != per:
        raise ConfigError(
            f"{task} learns one class per {per}; found {_shown(given, known)}, expected the names of the "
            f'classes, how many there are, Classes, or ClassOutputs(classes, per="{per}"){_task_of(known)}'
        )
    return known


def value_outputs(given: Any, per: Per, task: str) -> Outputs:
    """Outputs of values: from the unit of each by its name.

    Raises:
        ConfigError: it means no such outputs; the message names the task.
    """
    known = _known(given)
    if known is None and isinstance(given, Mapping) and _names(list(given)):
        known = ValueOutputs(tuple(given), tuple(given.values()), per=per)
    elif known is None and _names(given):
        known = ValueOutputs(tuple(given), (None,) * len(given), per=per)
    if not isinstance(known, ValueOutputs) or known.per != per:
        raise ConfigError(
            f"{task} learns values per {per}; found {_shown(given, known)}, expected the unit of each "
            f'value by its name, such as {{"height": "m"}}, or ValueOutputs(names, units, per="{per}")'
            f"{_task_of(known)}"
        )
    return known


def _known(given: Any) -> Outputs | None:
    """Outputs, or the plain values that `to_dict` made of some; None for any other form."""
    if isinstance(given, Mapping) and isinstance(given.get("kind"), str) and len(given) > 1:
        return outputs_from_dict(
            dict(given), where="the outputs given", error=ConfigError, fix="correct them"
        )
    return given if isinstance(given, Outputs) else None


def _task_of(outputs: Outputs | None) -> str:
    """Which task learns outputs that another one was given."""
    if outputs is None or (outputs.kind, outputs.gives) not in _TASKS:
        return ""
    task = _TASKS[outputs.kind, outputs.gives]
    return f'; what was found is learned with task="{task}" (--task {task})'


_TASKS: dict[tuple[Kind, Gives], str] = {
    ("classes", "pixels"): "segmentation",
    ("classes", "image"): "classification",
    ("values", "pixels"): "pixel_regression",
}


def _names(given: Any) -> bool:
    listed = isinstance(given, Sequence) and not isinstance(given, str) and bool(given)
    return listed and all(isinstance(name, str) for name in given)


def _shown(given: Any, known: Outputs | None) -> str:
    return repr(given)[:60] if known is None else known.short
