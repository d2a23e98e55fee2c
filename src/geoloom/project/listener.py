"""Who hears how the work goes: the terminal of the command line, or whatever else runs a project."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.progress import Progress


class Listener(Protocol):
    """Takes remarks and progress."""

    @property
    def quiet(self) -> bool:
        """Whether neither is wanted."""

    @property
    def interactive(self) -> bool:
        """Whether the output is a terminal, so that a bar can move."""

    def say(self, text: str) -> None:
        """Take a remark."""

    def track(self, label: str) -> AbstractContextManager[Progress]:
        """Take progress while a block runs."""
