"""What every step of the cycle has: settings, inputs, one product, and the work between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from ...core.errors import suggest
from ..terminal import Terminal


class Step(BaseModel, ABC):
    """One verb with its settings, the same for the command line and for a project file.

    A field is an argument or option of the verb, underscores for dashes. Making one checks types and ranges
    and touches no file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    verb: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    """The settings that name input files."""
    incidental: ClassVar[frozenset[str]] = frozenset()
    """Settings that change how the work is done, not what comes of it; changing one repeats nothing."""

    out: Path
    """The product: the file or folder that the step makes."""

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """(setting, path) of every file that the step reads."""
        # A trailing underscore keeps a setting off a Python name; users write it without.
        values = [(name.rstrip("_"), getattr(self, name)) for name in self.reads]
        return tuple(
            (name, path)
            for name, value in values
            for path in (value if isinstance(value, tuple) else (value,))
            if path is not None
        )

    def also_written(self) -> tuple[Path, ...]:
        """Files that the step makes besides its product."""
        return ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """(setting, what is wrong with it): what can be known before any work, beyond types and ranges."""
        yield from ()

    @abstractmethod
    def perform(self, terminal: Terminal, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Do the work.

        Args:
            terminal: Where progress is shown.
            overwrite: Replace a product that is there.
            resume: Go on with what an interrupted run of the same settings left.

        Returns:
            What came of it: plain values, for the record and for `--json`.
        """

    def sentence(self, result: dict[str, Any]) -> str:
        """What to tell a person at the end."""
        return f"{self.out} is written"

    def settings(self) -> dict[str, Any]:
        """The settings as plain values, defaults included."""
        return self.model_dump(mode="json")


def as_list(value: Any) -> Any:
    """One value as a list of one, so that a project file may give either."""
    return [value] if isinstance(value, str | int | float | Path) else value


def named(setting: str, value: str, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """A problem where `value` is none of the known names."""
    names = tuple(known)
    if value not in names:
        yield setting, f"no {setting} is named {value!r}{suggest(value, names)}"
