"""The part of YAML that a project file needs, bounded before anything is built of it.

A few lines of YAML can stand for gigabytes: aliases to lists of aliases, merges of merges, values nested
without end. Here a text is walked event by event first, and what it would grow to is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

MOST_BYTES = 1 << 20
"""Of a project file."""
MOST_DEPTH = 40
"""Mappings and lists inside each other."""
MOST_VALUES = 10_000
"""Keys, values and list items, each alias counted as what it stands for."""
MOST_CHARACTERS = 4096
"""Of one text: no path, name or condition is longer."""

_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")
)


class PlainYamlError(Exception):
    """What is wrong, and on which line (from 1)."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


class PlainLoader(yaml.SafeLoader):
    """YAML's plain values. A date is the text that it was written as: no setting is a date."""


PlainLoader.yaml_implicit_resolvers = {
    letter: [(tag, rule) for tag, rule in rules if tag in _TAGS]
    for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come, and the values inside so far."""

    anchor: str | None
    values: int = 1


def check_bounds(text: str) -> None:
    """Refuse a text that is not plain YAML, or stands for more than a project can need.

    Raises:
        PlainYamlError: it is nested too deep, grows too large, holds too long a text, refers to itself, or
            asks for values other than plain ones.
        YAMLError: it is not YAML.
    """
    sizes: dict[str, int] = {}
    stack = [_Open(None)]
    for event in yaml.parse(text, PlainLoader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event.tag, line)
            stack.append(_Open(event.anchor))
            if len(stack) > MOST_DEPTH:
                raise PlainYamlError(line, f"values are nested more than {MOST_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            done = stack.pop()
            stack[-1].values += done.values
            if done.anchor:
                sizes[done.anchor] = done.values
        elif isinstance(event, yaml.ScalarEvent):
            _check_tag(event.tag, line)
            if len(event.value) > MOST_CHARACTERS:
                raise PlainYamlError(line, f"a text has more than {MOST_CHARACTERS} characters")
            stack[-1].values += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if any(still.anchor == event.anchor for still in stack):
                raise PlainYamlError(line, f"*{event.anchor} stands inside what it stands for")
            stack[-1].values += sizes.get(str(event.anchor), 1)
        if sum(still.values for still in stack) > MOST_VALUES:
            raise PlainYamlError(line, f"the file stands for more than {MOST_VALUES:,} values")


def plain_scalar(text: str) -> object:
    """A word as the number, truth value or text that a project file would make of it.

    Example:
        >>> plain_scalar("0.5"), plain_scalar("true"), plain_scalar("2016-01-01"), plain_scalar("[a")
        (0.5, True, '2016-01-01', '[a')
    """
    try:
        check_bounds(text)
        return yaml.load(text, PlainLoader) if text.strip() else ""
    except (PlainYamlError, yaml.YAMLError, ValueError):
        return text


def _check_tag(tag: str | None, line: int | None) -> None:
    if tag is not None and tag != "!" and tag not in _TAGS:
        raise PlainYamlError(line, f"{tag[:80]} is not a plain value; leave the tag out")
