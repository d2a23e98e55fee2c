"""A verb, and the group of all verbs: help with examples, and JSON also for a wrong command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from .help import MAX_COLUMNS, Help, HelpContext
from .parameters import OPTIONS, Argument
from .streams import answer
from .terminal import MISUSED, failure

_SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": MAX_COLUMNS,
    "show_default": True,
}
_WANTS_JSON = f"{__name__}.wants_json"
_WESTERN_POINT = re.compile(r"-\.?\d[^,]*,[^,]+")
"""Coordinates that begin with a minus, which click would take for an option."""


class Verb(click.Command):
    """A command whose help has sections and ends with commands to copy."""

    context_class = HelpContext

    def __init__(self, name: str, *, examples: Sequence[str], **attributes: Any) -> None:
        super().__init__(name, context_settings=_SETTINGS, **attributes)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take points such as `-51.2,-3.4` for arguments."""
        shown = [f" {arg}" if _WESTERN_POINT.fullmatch(arg) else arg for arg in args]
        return super().parse_args(ctx, shown)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Usage, what the verb does, its parameters by section, examples."""
        assert isinstance(formatter, Help)  # the formatter of its context class
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        formatter.write_sections(self.sections(ctx))
        formatter.write_examples(self.examples)

    def sections(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """The rows of the help by heading, in the order of declaration after what belongs to no section."""
        by_heading: dict[str, list[tuple[str, str]]] = {Argument.section: [], OPTIONS: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                by_heading.setdefault(getattr(parameter, "section", OPTIONS), []).append(record)
        return {heading: rows for heading, rows in by_heading.items() if rows}


class Verbs(Verb, click.Group):
    """All verbs; with `--json`, one JSON object on stdout whatever happens, a missing argument included."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which they were added."""
        return list(self.commands)

    def sections(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """The options, then each verb with the first paragraph of its help."""
        verbs = [
            (name, (verb.help or "").partition("\n\n")[0]) for name, verb in self.commands.items()
        ]
        return {**super().sections(ctx), "Commands": verbs}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options before the verb off the command line; show the help where there is nothing."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit(MISUSED)
        ctx.meta[_WANTS_JSON] = "--json" in args
        with _failing_in_json(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the verb that the command line names."""
        with _failing_in_json(ctx):
            return super().invoke(ctx)


@contextmanager
def _failing_in_json(ctx: click.Context) -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        if ctx.meta.pop(_WANTS_JSON, False):  # once
            answer(failure("UsageError", error.format_message(), error.exit_code))
        raise


def verb(*examples: str) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function a verb of its name, its docstring the help, with commands to copy."""
    return click.command(cls=Verb, examples=examples)
