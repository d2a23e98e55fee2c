"""Settings against a step's schema, with messages for people."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..core.errors import suggest
from .steps.base import Step
from .yaml_document import Place

_SHOWN = 80
"""Characters of a wrong value that a message repeats."""

Problem = tuple[Place, str]
"""Where in the settings, and what is wrong there."""


def checked(schema: type[Step], settings: Mapping[str, Any]) -> tuple[Step | None, list[Problem]]:
    """The step with these settings, or every problem with them.

    Wrong names come with the nearest right one, wrong values with what was found.
    """
    try:
        return schema.model_validate(dict(settings)), []
    except ValidationError as error:
        return None, _merged([_problem(schema, entry) for entry in error.errors()])


def _problem(schema: type[Step], entry: Any) -> Problem:
    place: Place = tuple(entry["loc"])
    kind, found = entry["type"], entry.get("input")
    if kind == "extra_forbidden":
        return place, f"no such setting{suggest(place[-1], schema.names())}"
    if kind == "missing":
        return place, f"missing; {schema.verb} needs it"
    message = str(entry["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        choices = str(entry["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        near = difflib.get_close_matches(str(found), choices, n=1)
        message = f"expected one of {', '.join(choices)}" + (
            f"; did you mean {near[0]!r}?" if near else ""
        )
    else:
        message = message[:1].lower() + message[1:]
    shown = repr(found)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return place, f"found {shown}; {message}"


def _merged(problems: list[Problem]) -> list[Problem]:
    """One problem a setting: a union type reports each alternative it tried, under names of types."""
    merged: dict[str | int, Problem] = {}
    plain = [(place, message) for place, message in problems if len(place) == 1]
    specific = [p for p in problems if "expected one of" in p[1]]
    tops = {place[0] for place, _ in [*plain, *specific] if place}
    for place, message in problems:
        if place and place[0] in tops and (place, message) not in [*plain, *specific]:
            continue  # the type of an alternative that the user did not mean
        top = place[0] if place else ""
        if top not in merged:
            merged[top] = ((top,) if place else (), message)
        elif message not in merged[top][1]:
            merged[top] = (merged[top][0], f"{merged[top][1]}; or: {message}")
    return list(merged.values())
