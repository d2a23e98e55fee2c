"""What `--help` looks like: bold headings, terms in one column beside what they mean, commands to copy."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

MAX_COLUMNS = 100
"""Lines are as wide as the terminal, and no wider than this."""

_MAX_TERM = 30
"""Longer terms have a line of their own."""

_GLUE = "\0"
"""Stands for a space where a command must not be broken: everywhere but before an option."""


class Help(click.HelpFormatter):
    """Lays out usage, sections and examples; click takes the colours away where no terminal reads them."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """How the command is called."""
        super().write_usage(prog, args, prefix or f"{_styled('Usage:', bold=True)} ")

    def write_heading(self, heading: str) -> None:
        """The title of a section."""
        self.write(f"{_styled(heading, bold=True)}\n")

    def write_sections(self, sections: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Terms and what they mean, a heading for each section, all terms in a column of one width."""
        lengths = [len(term) for rows in sections.values() for term, _ in rows]
        width = min(max(lengths), _MAX_TERM)
        for heading, rows in sections.items():
            with self.section(heading):
                self.write_dl([(_coloured(f"{term:{width}}"), text) for term, text in rows])

    def write_examples(self, commands: Sequence[str]) -> None:
        """Commands as a shell takes them: a long one goes on behind a backslash."""
        with self.section("Example" if len(commands) == 1 else "Examples"):
            for command in commands:
                text = re.sub(" (?!-)", _GLUE, command)
                lines = textwrap.wrap(
                    text, self.width - 8, break_long_words=False, break_on_hyphens=False
                )
                self.write("  $ " + " \\\n      ".join(lines).replace(_GLUE, " ") + "\n")


class HelpContext(click.Context):
    """A context whose help is laid out by `Help`."""

    formatter_class = Help


def _coloured(term: str) -> str:
    """A term whose name stands out: the options before a placeholder, or the whole of it."""
    words = term.split(" ")
    if not term.lstrip().startswith("-"):
        return _styled(term, fg="cyan")
    return " ".join(_styled(word, fg="cyan") if word.startswith("-") else word for word in words)


def _styled(text: str, **style: Any) -> str:
    """The text in a style, unless the user wants none (https://no-color.org) or the terminal knows none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)
