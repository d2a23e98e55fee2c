"""A YAML file that remembers the line of every value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import ConfigError
from .plain_yaml import MOST_BYTES, PlainLoader, PlainYamlError, check_bounds

_STRANGE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML has no place for (YAML 1.1, section 5.1)."""

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
        ConfigError: the file is missing, is not plain YAML, stands for more than any project needs, or gives
            one key twice; the message has the line.
    """
    text = _text_of(path)
    loader = PlainLoader(text)
    try:
        check_bounds(text)
        node = loader.get_single_node()
        reader = _Reader(loader, path)
        data = reader.value(node, ()) if node is not None else None
        return Document(path, data, reader.lines)
    except PlainYamlError as error:
        raise _refusal(path, error.line, error.message) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise _refusal(
            path, line, f"{error.problem or error.context}; expected YAML, indented with spaces"
        ) from error
    finally:
        loader.dispose()


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ConfigError(
                f"{path} has more than {MOST_BYTES:,} bytes; give a project file, which is a short text"
            )
        text = raw.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} not found; give the path of a project file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text ({error}); expected YAML") from error
    strange = _STRANGE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise _refusal(
            path,
            line,
            f"holds the control character {strange[0]!r}; remove it, or write a plain one",
        )
    return text


def _refusal(path: Path, line: int | None, message: str) -> ConfigError:
    return ConfigError(f"{path} line {line or '?'}: {message}")


class _Reader:
    """Turns nodes into plain values, and notes their lines."""

    def __init__(self, loader: yaml.SafeLoader, path: Path) -> None:
        self._loader, self._path = loader, path
        self._merged: set[int] = set()
        self.lines: dict[Place, int] = {}

    def value(self, node: yaml.Node, place: Place) -> Any:
        """The value of a node at a place."""
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*place, i)) for i, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._scalar(node)
        self._merge(node)
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node)
            self.lines[(*place, str(key))] = key_node.start_mark.line + 1
            mapping[key] = self.value(value_node, (*place, str(key)))
        return mapping

    def _item(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = node.start_mark.line + 1
        return self.value(node, place)

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node, deep=True)
        except (ValueError, OverflowError) as error:  # 5,000 digits, for one
            shown = str(node.value)[:40]
            raise PlainYamlError(
                node.start_mark.line + 1, f"{shown!r} is not a number that a setting can have"
            ) from error

    def _merge(self, node: yaml.MappingNode) -> None:
        """Put in what `<<` refers to, and refuse keys given twice; once, however many aliases lead here."""
        if id(node) in self._merged:
            return
        self._merged.add(id(node))
        self._refuse_twice(node)
        self._loader.flatten_mapping(node)

    def _refuse_twice(self, node: yaml.MappingNode) -> None:
        """YAML keeps the last of two equal keys in silence; a project file may not."""
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise PlainYamlError(
                    line, "a list or mapping is not a name; keys must be plain words"
                )
            key = self._scalar(key_node)
            if not isinstance(key, str | int | float | bool):
                raise PlainYamlError(line, f"{key!r} is not a name; keys must be plain words")
            if key in seen:
                raise PlainYamlError(
                    line, f"{key!r} is already given on line {seen[key]}; keep one of them"
                )
            seen[key] = line
