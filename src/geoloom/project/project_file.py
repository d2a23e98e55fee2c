"""A project file: the steps of a whole piece of work, checked before any of it is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, UsageError, suggest
from .plain_yaml import plain_scalar
from .steps import STEPS
from .steps.base import Step
from .validation import checked
from .variables import fill, resolve
from .yaml_document import Document, Place, read_document

KEYS = ("name", "variables", "steps")
BUILT_IN = "here"
"""The variable that every project has: the folder of its file."""


@dataclass(frozen=True, slots=True)
class Project:
    """A valid project: what to do, in order."""

    path: Path
    name: str
    variables: Mapping[str, Any]
    """With `--set` applied and references filled in."""
    steps: tuple[Step, ...]


def read_project(path: Path, sets: Sequence[str] = ()) -> Project:
    """The project in a file, with `--set` values applied, checked as a whole.

    Keys, types, ranges, names of models and the like, and the presence of input files are all checked, and
    everything wrong is reported at once, so that no work begins on a project that cannot end.

    Args:
        path: A YAML file with `variables` and `steps`.
        sets: `name=value` for a variable, `verb.key=value` for a setting of all steps of that verb.

    Raises:
        ConfigError: something in the file is wrong; the message has a line for each fault.
        UsageError: a `sets` entry is wrong.
    """
    document = read_document(path)
    faults = _shape_faults(document)
    if faults:
        raise _refusal(path, faults)
    faults = _name_faults(document)
    if any(not isinstance(name, str) for name in document.data.get("variables") or {}):
        raise _refusal(path, faults)
    data = _with_sets(document.data, sets)
    try:
        variables = resolve({BUILT_IN: str(path.parent), **(data.get("variables") or {})})
    except ConfigError as error:
        raise _refusal(path, [f"{document.where(('variables',))}: {error}"]) from None
    steps: list[tuple[int, Step]] = []
    products: set[Path] = set()
    for i, entry in enumerate(data["steps"]):
        step, wrong = _step(entry, i, variables, document, products)
        faults += wrong
        if step is not None:
            steps.append((i, step))
            products.update(_key(path) for path in (step.out, *step.also_written()))
    missing = _faults_between(steps, document, complete=not faults)
    if any("not found" in fault for fault in missing):
        shown = ", ".join(f"{name} = {value}" for name, value in variables.items())
        missing.append(f"(with {shown}; --set changes a variable)")
    faults += missing
    if faults:
        raise _refusal(path, faults)
    name = str(data.get("name") or path.stem)
    return Project(path, name, variables, tuple(step for _, step in steps))


def _refusal(path: Path, faults: list[str]) -> ConfigError:
    many = sum(not fault.startswith("(") for fault in faults)
    count = f"{many} faults" if many > 1 else "a fault"
    return ConfigError("\n  ".join([f"{path} has {count}; nothing was done:", *faults]))


def _shape_faults(document: Document) -> list[str]:
    """What keeps the file from being looked at any closer."""
    data = document.data
    if not isinstance(data, dict):
        return ["expected a mapping with `variables` and `steps`; see the guide 'Run a project'"]
    steps, variables = data.get("steps"), data.get("variables")
    faults = []
    if not isinstance(steps, list) or not steps:
        faults.append(f"{document.where(('steps',))}: expected a list of steps, at least one")
    if variables is not None and not isinstance(variables, dict):
        faults.append(f"{document.where(('variables',))}: expected `name: value` lines")
    return faults


def _name_faults(document: Document) -> list[str]:
    """Unknown keys at the top, and variables that cannot be."""
    faults = [
        f"{document.where((str(key),))}: no such key{suggest(key, KEYS)}"
        for key in document.data
        if key not in KEYS
    ]
    for key, value in (document.data.get("variables") or {}).items():
        if not isinstance(key, str):
            faults.append(f"{document.where(('variables', str(key)))}: a name is a word")
        if isinstance(value, dict | list):
            faults.append(f"{document.where(('variables', key))}: expected one text or number")
        if key == BUILT_IN:
            faults.append(f"{document.where(('variables', key))}: is given by geoloom; rename it")
    return faults


def _with_sets(data: dict[str, Any], sets: Sequence[str]) -> dict[str, Any]:
    """The file's data with `--set` values in their places; the data itself is left alone."""
    variables = dict(data.get("variables") or {})
    steps = [dict(step) if isinstance(step, dict) else step for step in data["steps"]]
    for text in sets:
        name, separator, raw = text.partition("=")
        if not separator:
            raise UsageError(f"--set {text}: expected name=value")
        value = plain_scalar(raw)
        verb, dot, key = name.strip().partition(".")
        if not dot:
            if name.strip() not in variables:
                raise UsageError(f"--set {name}: no such variable{suggest(name, variables)}")
            variables[name.strip()] = value
            continue
        if verb not in STEPS:
            raise UsageError(f"--set {name}: no step is called {verb!r}{suggest(verb, STEPS)}")
        known = STEPS[verb].names()
        if key not in known:
            raise UsageError(f"--set {name}: {verb} has no setting {key!r}{suggest(key, known)}")
        for step in steps:
            if isinstance(step, dict) and verb in step:
                step[verb] = {**(step[verb] or {}), key: value}
    return {**data, "variables": variables, "steps": steps}


def _step(
    entry: Any,
    i: int,
    variables: Mapping[str, Any],
    document: Document,
    products: Collection[Path],
) -> tuple[Step | None, list[str]]:
    """The step that a list item means, or what is wrong with it.

    An input that is among the products of earlier steps is not checked: what an interrupted run left in its
    place will be made again.
    """
    place: Place = ("steps", i)
    if not isinstance(entry, dict) or len(entry) != 1:
        return None, [
            f"{document.where(place)}: expected one verb with its settings, such as `- chips: {{...}}`"
        ]
    ((verb, settings),) = entry.items()
    place = (*place, str(verb))
    if verb not in STEPS:
        return None, [f"{document.where(place)}: no such step{suggest(verb, STEPS)}"]
    if not isinstance(settings or {}, dict):
        return None, [f"{document.where(place)}: expected settings, `key: value`, indented below"]
    filled, faults = {}, []
    for key, value in (settings or {}).items():
        if not isinstance(key, str):
            known = STEPS[verb].names()
            at = document.where((*place, str(key)))
            faults.append(f"{at}: no such setting{suggest(key, known)}")
            continue
        try:
            filled[key] = fill(value, variables)
        except ConfigError as error:
            faults.append(f"{document.where((*place, str(key)))}: {error}")
    if faults:
        return None, faults
    step, problems = checked(STEPS[verb], filled)
    if step is not None:
        problems = [
            ((key,), message)
            for key, message in step.problems()
            if not _all_in(products, [path for name, path in step.inputs() if name == key])
        ]
    return step, [f"{document.where((*place, *at))}: {message}" for at, message in problems]


def _faults_between(
    steps: Sequence[tuple[int, Step]], document: Document, *, complete: bool
) -> list[str]:
    """Inputs that neither exist nor are made by an earlier step; products made twice.

    A file that would come from a step that is itself at fault is not called missing.
    """
    makers = {
        _key(path): i for i, step in reversed(steps) for path in (step.out, *step.also_written())
    }
    faults = []
    for i, step in steps:
        if makers[_key(step.out)] != i:
            at = document.where(("steps", i, step.verb, "out"))
            first = makers[_key(step.out)]
            faults.append(f"{at}: {step.out} is already made by steps[{first}]; rename one")
        for setting, path in step.inputs():
            at = document.where(("steps", i, step.verb, setting))
            maker = makers.get(_key(path))
            if maker is not None and maker < i:
                continue
            if maker is not None:
                faults.append(
                    f"{at}: {path} is made by steps[{maker}], which must come before, or write elsewhere"
                )
            elif complete and not path.exists():
                faults.append(f"{at}: {path} not found, and no step makes it")
    return faults


def _all_in(products: Collection[Path], inputs: Sequence[Path]) -> bool:
    return bool(inputs) and all(_key(path) in products for path in inputs)


def _key(path: Path) -> Path:
    return path.resolve()
