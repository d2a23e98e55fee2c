"""A YAML file that remembers the line of every value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import ConfigError

Place = tuple[str | int, ...]
"""Where a value lies: mapping keys and list positions, from the top."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file says, and where it says it."""

    path: Path
    data: Any
    """Plain dicts, lists and scalars."""
    lines: dict[Place, int]
    """Line (1-based) of every key and list item."""

    def where(self, place: Place) -> str:
        """`line 12, steps[2].chips.size`: the place, or the nearest enclosing one that the file has."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known)
        name = show(place) or "the file"
        return f"line {line}, {name}" if line else name


def show(place: Place) -> str:
    """A place as people write it.

    Example:
        >>> show(("steps", 2, "chips", "size"))
        'steps[2].chips.size'
    """
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(path: Path) -> Document:
    """The YAML file at `path`.

    Raises:
        ConfigError: the file is missing, is not YAML, or gives one key twice; the message has the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} not found; give the path of a project file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text ({error}); expected YAML") from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        data = _value(loader, node, (), lines, path) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ConfigError(
            f"{path} line {line}: {error.problem or error.context}; expected YAML, "
            "indented with spaces"
        ) from error
    finally:
        loader.dispose()
    return Document(path, data, lines)


def _value(
    loader: yaml.SafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int], path: Path
) -> Any:
    if isinstance(node, yaml.SequenceNode):
        items = []
        for i, item in enumerate(node.value):
            lines[(*place, i)] = item.start_mark.line + 1
            items.append(_value(loader, item, (*place, i), lines, path))
        return items
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    _refuse_twice(loader, node, path)
    loader.flatten_mapping(node)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        lines[(*place, str(key))] = key_node.start_mark.line + 1
        mapping[key] = _value(loader, value_node, (*place, str(key)), lines, path)
    return mapping


def _refuse_twice(loader: yaml.SafeLoader, node: yaml.MappingNode, path: Path) -> None:
    """YAML keeps the last of two equal keys in silence; a project file may not."""
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str | int | float | bool):
            raise ConfigError(f"{path} line {line}: {key!r} is no name; keys must be plain words")
        if key in seen:
            raise ConfigError(
                f"{path} line {line}: {key!r} is already given on line {seen[key]}; keep one of them"
            )
        seen[key] = line
