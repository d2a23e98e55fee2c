"""The command's verbs as a group that answers in JSON also where a command line cannot be understood."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from .streams import answer
from .terminal import failure

# Typer brings a Click of its own in some versions; this is the root of its complaints in all of them.
_WrongUse: type[Exception] = typer.BadParameter.__bases__[0]


class Verbs(TyperGroup):
    """Promises with `--json` one JSON object on stdout, whatever happens: a missing argument too."""

    def invoke(self, ctx: Any) -> Any:
        """Call the verb that the command line names."""
        wants_json = "--json" in [*getattr(ctx, "_protected_args", ()), *ctx.args]
        try:
            return super().invoke(ctx)
        except _WrongUse as error:
            if wants_json:
                code = int(getattr(error, "exit_code", 2))
                answer(failure("UsageError", error.format_message(), code))  # type: ignore[attr-defined]
            raise
