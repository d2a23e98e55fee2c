"""Options that every verb shares, and how a verb hands its options over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..core.errors import UsageError
from ..project.signals import resuming
from .parameters import Function, flag, option
from .terminal import session

HOW = "How to run"
"""The section of the options that every verb shares."""

overwrite = flag("--overwrite", help="Replace the product if it is there.", section=HOW)
as_json = flag("--json", "as_json", help="Answer with one JSON object on stdout.", section=HOW)
quiet = flag("--quiet", "-q", help="No progress, no remarks.", section=HOW)
debug = flag("--debug", help="Show tracebacks and what libraries say.", section=HOW)

plugins = option(
    "--plugin",
    help="A Python file that registers networks or datasets of your own. Repeatable.",
    kind=Path,
    many=True,
    metavar="FILE",
    section=HOW,
)

COMMON = ("overwrite", "as_json", "quiet", "debug")


class_codes = option(
    "--class",
    "-c",
    "classes",
    help="What a code means, where the file does not say: 1=cropland. Repeatable.",
    many=True,
    metavar="CODE=NAME",
)
class_colors = option(
    "--color",
    help="A class's colour, or transparent. Repeatable.",
    many=True,
    metavar="NAME=#RRGGBB",
)


def common(function: Function) -> Function:
    """The options that every verb with a product takes: `COMMON`, in this order."""
    return overwrite(as_json(quiet(debug(function))))


def use_plugins(files: Sequence[Path]) -> None:
    """Load what `--plugin` names.

    Raises:
        ConfigError: a file is none, or fails.
    """
    if files:
        from ..core.registry.plugins import load_plugin

        for file in files:
            load_plugin(file)


_NOTHING: tuple[Any, ...] = (None, [], {}, ())


def do(verb: str, context: click.Context, **given: Any) -> None:
    """Do the step that a verb's options describe, and answer.

    An option that was not given is not a setting: the step's own default holds, as in a project file.

    Args:
        verb: Which step.
        context: Holds all options, also those that the verb's function does not name; their names are the
            step's settings.
        given: Settings that the verb has worked out; they stand in for options of the same name. None, or an
            empty list or mapping, leaves one out.
    """
    worked_out = {name: value if value not in _NOTHING else None for name, value in given.items()}
    options = {**_given_options(context), **worked_out}
    common = {name: context.params[name] for name in COMMON if name in context.params}
    options = {name: value for name, value in options.items() if name not in COMMON}
    overwrite = common.pop("overwrite", False)
    dry_run = options.pop("dry_run", False)
    files = options.pop("plugin", ())
    with session(**common) as terminal:
        use_plugins(files)
        from ..project.perform import perform
        from ..project.steps import STEPS
        from ..project.validation import checked

        settings = {k: v for k, v in options.items() if v is not None}
        step, problems = checked(STEPS[verb], settings)
        if step is not None:
            problems = [((key,), message) for key, message in step.problems()]
        if problems or step is None:
            raise UsageError("; ".join(f"{_option(at)}: {message}" for at, message in problems))
        if dry_run:
            from ..project.perform import check_inputs

            check_inputs(step)
            values, text = step.preview()
            terminal.answer({"verb": verb, "out": str(step.out), **values}, text)
            return
        with resuming(step.going_on()):
            resume = bool(settings.get("resume"))
            outcome = perform(step, terminal, overwrite=overwrite, resume=resume)
        answer = {"verb": verb, "out": str(step.out), "seconds": outcome.seconds}
        terminal.answer({**answer, **outcome.result}, step.sentence(outcome.result))


def _given_options(context: click.Context) -> dict[str, Any]:
    """What the user wrote, by parameter. A list option that is left out comes as an empty list, which would
    replace the step's default as if someone had asked for nothing."""
    return {
        name: value
        for name, value in context.params.items()
        if (source := context.get_parameter_source(name)) is not None and source.name != "DEFAULT"
    }


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """`["red=3", "nir=4"]` as a mapping.

    Raises:
        BadParameter: a text has no `=`, or a name is given twice.

    Example:
        >>> pairs("--band", ["red=3"])
        {'red': '3'}
    """
    given: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise click.BadParameter(f"{text!r}: expected NAME=VALUE", param_hint=option)
        if name.strip() in given:
            raise click.BadParameter(
                f"{name.strip()} is given twice, as {given[name.strip()]} and as {value.strip()}; keep one",
                param_hint=option,
            )
        given[name.strip()] = value.strip()
    return given


def codes(texts: Sequence[str]) -> dict[str, str]:
    """`["1=cropland"]` as a mapping of codes to names.

    Raises:
        BadParameter: a code is not a whole number; or as `pairs`.
    """
    named = pairs("--class", texts)
    for code, name in named.items():
        if not code.isdecimal():
            swapped = f"; did you mean {name}={code}?" if name.isdecimal() else ""
            raise click.BadParameter(
                f"{code}={name}: expected CODE=NAME, the code a whole number{swapped}",
                param_hint="--class",
            )
    return named


def area(text: str | None) -> Any:
    """What `--roi` means: four numbers, or a word or path as it is.

    Raises:
        BadParameter: there are commas, but not four numbers.

    Example:
        >>> area("13,45,14,46"), area("park.gpkg")
        (['13', '45', '14', '46'], 'park.gpkg')
    """
    if text is None or "," not in text:
        return text
    numbers = text.split(",")
    if len(numbers) != 4:
        raise click.BadParameter(
            f"found {text}; expected four numbers: west,south,east,north", param_hint="--roi"
        )
    return numbers


def scalar(text: str) -> Any:
    """A word of the command line as the number, truth value or text that a project file would make of it.

    Example:
        >>> scalar("0.5"), scalar("true"), scalar("red")
        (0.5, True, 'red')
    """
    from ..project.plain_yaml import plain_scalar

    return plain_scalar(text)


def _option(at: tuple[str | int, ...]) -> str:
    return f"--{str(at[0]).replace('_', '-')}" if at else "options"
