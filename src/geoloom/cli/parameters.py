"""How a verb declares what it takes: arguments with help, options and flags in sections of the help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

OPTIONS = "Options"
"""The section of options that belong to no other."""

Function = TypeVar("Function", bound=Callable[..., Any])
Kind = type[str] | type[int] | type[float] | type[Path]

# ruff: noqa: A002 - `help` is what click calls it


class Argument(click.Argument):
    """An argument that says what it is for."""

    section = "Arguments"

    def __init__(self, names: list[str], *, help: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.help = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """The row of the help: what stands in the usage line, and what it is for."""
        return self.make_metavar(ctx), self.help or ""


class Option(click.Option):
    """An option in a section of the help."""

    def __init__(self, names: list[str], *, section: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.section = section


def argument(
    name: str,
    *,
    help: str,
    many: bool = False,
    metavar: str | None = None,
    optional: bool = False,
) -> Callable[[Function], Function]:
    """A path that the verb needs.

    Args:
        name: The parameter of the verb.
        help: What it is for.
        many: One or more of them, as a tuple.
        metavar: What stands in the usage line, where it is not the name in capitals.
        optional: It may be left out, as the last one.
    """
    return click.argument(
        name,
        cls=Argument,
        help=help,
        type=_click_type(Path),
        nargs=-1 if many else 1,
        required=not optional,
        metavar=metavar,
    )


def option(
    *names: str,
    help: str,
    kind: Kind = str,
    default: str | float | None = None,
    many: bool = False,
    metavar: str | None = None,
    section: str = OPTIONS,
) -> Callable[[Function], Function]:
    """An option with a value.

    Args:
        names: Its spellings; without dashes, the parameter of the verb where that is named otherwise.
        help: What it is for.
        kind: What the value is.
        default: The value where the option is left out, shown in the help; None where there is none.
        many: The option may be repeated; the verb takes a tuple, empty where it is left out.
        metavar: What stands for the value in the help, where it is not the kind.
        section: The heading that it comes under.
    """
    given = {} if default is None else {"default": default}
    return click.option(
        *names,
        cls=Option,
        help=help,
        type=_click_type(kind),
        multiple=many,
        metavar=metavar,
        section=section,
        **given,
    )


def flag(*names: str, help: str, section: str = OPTIONS) -> Callable[[Function], Function]:
    """An option without a value: True where it is given."""
    return click.option(*names, cls=Option, help=help, is_flag=True, default=False, section=section)


def _click_type(kind: Kind) -> Any:
    # Whether a file is there and of the right sort is for the verb to say, in its own words.
    return click.Path(path_type=Path) if kind is Path else kind
