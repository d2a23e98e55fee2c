"""The terminal: results on stdout, everything else on stderr, failures as a message and an exit code."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from ..core.errors import GeoloomError
from .progress import Advance, tracking

FAILED = 1
"""Exit code: the work could not be done."""
MISUSED = 2
"""Exit code: the command line is wrong."""

# Libraries that talk about themselves while they work; --debug lets them.
_CHATTY = (
    "lightning",
    "lightning.pytorch",
    "lightning.fabric",
    "py.warnings",
    "rasterio",
    "distributed",
)


class UsageError(Exception):
    """The command line is wrong: exit code 2."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """How this command speaks."""

    as_json: bool = False
    """One JSON object on stdout, whatever happens."""
    quiet: bool = False
    """No progress and no remarks; warnings and errors still come."""
    debug: bool = False
    """Tracebacks, and the libraries' own words."""

    def say(self, text: str) -> None:
        """A remark on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def track(self, label: str) -> AbstractContextManager[Advance]:
        """Progress on stderr while a block runs."""
        return tracking(label, quiet=self.quiet)

    def answer(self, result: Mapping[str, Any], text: str) -> None:
        """The command's result on stdout: `result` as JSON for machines, `text` for people."""
        if self.as_json:
            print(json.dumps(_strict({"ok": True, **result}), default=str, allow_nan=False))
        elif text:
            print(text)

    def fail(self, error: BaseException, code: int) -> typer.Exit:
        """Say what went wrong; raise the answer to leave with `code`."""
        expected = isinstance(error, GeoloomError | UsageError)
        name = type(error).__name__
        message = str(error) if expected else f"{name}: {error}"
        if not expected and not self.debug:
            message += "\n(not a case that geoloom foresaw; --debug shows where it happened)"
        if self.as_json:
            print(
                json.dumps({"ok": False, "error": name, "message": str(error), "exit_code": code})
            )
        print(f"geoloom: {message}", file=sys.stderr, flush=True)
        return typer.Exit(code)


def _strict(value: Any) -> Any:
    """The value without NaN and infinities, which JSON has not."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return value


@contextmanager
def session(
    *, as_json: bool = False, quiet: bool = False, debug: bool = False
) -> Iterator[Terminal]:
    """Run a command's body; turn what it raises into a message and an exit code.

    0 = done, 1 = could not be done, 2 = wrong use. With `debug`, errors pass through with their traceback.
    """
    terminal = Terminal(as_json=as_json, quiet=quiet, debug=debug)
    try:
        with _logging_to_stderr(debug):
            yield terminal
    except (typer.Exit, SystemExit):
        raise
    except UsageError as error:
        raise terminal.fail(error, MISUSED) from None
    except KeyboardInterrupt:
        terminal.say("stopped; run the same command again to go on")
        raise typer.Exit(130) from None
    except Exception as error:
        if debug:
            raise
        raise terminal.fail(error, FAILED) from None


@contextmanager
def _logging_to_stderr(debug: bool) -> Iterator[None]:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("geoloom")
    before = {name: logging.getLogger(name).level for name in ("geoloom", *_CHATTY)}
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.captureWarnings(True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.INFO if debug else logging.ERROR)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logging.captureWarnings(False)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
