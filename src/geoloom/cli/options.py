"""Options that every verb shares, and how a verb hands its options over."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..core.errors import UsageError
from ..project.signals import resuming
from .terminal import session

_PANEL = "How to run"

Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace the product if it is there.", rich_help_panel=_PANEL),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Answer with one JSON object on stdout.", rich_help_panel=_PANEL),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no remarks.", rich_help_panel=_PANEL)
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show tracebacks and what libraries say.", rich_help_panel=_PANEL),
]

COMMON = ("overwrite", "as_json", "quiet", "debug")

_NOTHING: tuple[Any, ...] = (None, [], {}, ())


def do(verb: str, context: typer.Context, **given: Any) -> None:
    """Do the step that a verb's options describe, and answer.

    An option that was not given is no setting: the step's own default holds, as in a project file.

    Args:
        verb: Which step.
        context: Holds the options by the names of the verb's parameters, which are the step's settings.
        given: Settings that the verb has worked out; they stand in for options of the same name. None, or an
            empty list or mapping, leaves one out.
    """
    worked_out = {name: value if value not in _NOTHING else None for name, value in given.items()}
    options = {**_given_options(context), **worked_out}
    common = {name: context.params[name] for name in COMMON if name in context.params}
    options = {name: value for name, value in options.items() if name not in COMMON}
    overwrite = common.pop("overwrite", False)
    with session(**common) as terminal:
        from ..project.perform import perform
        from ..project.steps import STEPS
        from ..project.validation import checked

        settings = {k: v for k, v in options.items() if v is not None}
        step, problems = checked(STEPS[verb], settings)
        if step is not None:
            problems = [((key,), message) for key, message in step.problems()]
        if problems or step is None:
            raise UsageError("; ".join(f"{_option(at)}: {message}" for at, message in problems))
        with resuming(step.going_on()):
            resume = bool(settings.get("resume"))
            outcome = perform(step, terminal, overwrite=overwrite, resume=resume)
        answer = {"verb": verb, "out": str(step.out), "seconds": outcome.seconds}
        terminal.answer({**answer, **outcome.result}, step.sentence(outcome.result))


def _given_options(context: typer.Context) -> dict[str, Any]:
    """What the user wrote, by parameter. A list option that is left out comes as an empty list, which would
    replace the step's default as if someone had asked for nothing."""
    return {
        name: value
        for name, value in context.params.items()
        if (source := context.get_parameter_source(name)) is not None and source.name != "DEFAULT"
    }


def pairs(option: str, texts: list[str] | None) -> dict[str, str] | None:
    """`["red=3", "nir=4"]` as a mapping; None for none.

    Raises:
        BadParameter: a text has no `=`, or a name is given twice.

    Example:
        >>> pairs("--band", ["red=3"])
        {'red': '3'}
    """
    found: dict[str, str] = {}
    for text in texts or []:
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise typer.BadParameter(f"{text!r}: expected NAME=VALUE", param_hint=option)
        if name.strip() in found:
            raise typer.BadParameter(
                f"{name.strip()} is given twice, as {found[name.strip()]} and as {value.strip()}; keep one",
                param_hint=option,
            )
        found[name.strip()] = value.strip()
    return found or None


def scalar(text: str) -> Any:
    """A word of the command line as the number, truth value or text that a project file would make of it.

    Example:
        >>> scalar("0.5"), scalar("true"), scalar("red")
        (0.5, True, 'red')
    """
    from ..project.plain_yaml import plain_scalar

    return plain_scalar(text)


def example(*commands: str) -> str:
    """The end of a verb's help: commands to copy."""
    title = "[bold]Example[/bold]" if len(commands) == 1 else "[bold]Examples[/bold]"
    return "\n\n".join([title, *(f"  $ {command}" for command in commands)])


def _option(at: tuple[str | int, ...]) -> str:
    return f"--{str(at[0]).replace('_', '-')}" if at else "options"
