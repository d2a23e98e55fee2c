"""The terminal: results on stdout, everything else on stderr, failures as a message and an exit code."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.exceptions import Exit

from ..core.errors import GeoloomError, UsageError
from ..project.signals import exit_code
from .progress import tracking
from .streams import answer, on_a_terminal, report

if TYPE_CHECKING:
    from ..core.progress import Progress

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


@dataclass(frozen=True, slots=True)
class Terminal:
    """How this command speaks."""

    as_json: bool = False
    """One JSON object on stdout, whatever happens."""
    quiet: bool = False
    """No progress and no remarks; warnings and errors still come."""
    debug: bool = False
    """Tracebacks, and the libraries' own words."""

    @property
    def interactive(self) -> bool:
        """Whether the output is a terminal, so that a bar can move."""
        return on_a_terminal()

    def say(self, text: str) -> None:
        """A remark on stderr."""
        if not self.quiet:
            report(text)

    def track(self, label: str) -> AbstractContextManager[Progress]:
        """Progress on stderr while a block runs."""
        return tracking(label, quiet=self.quiet)

    def answer(self, result: Mapping[str, Any], text: str) -> None:
        """The command's result on stdout: `result` as JSON for machines, `text` for people."""
        if self.as_json:
            answer(json.dumps(_strict({"ok": True, **result}), default=str, allow_nan=False))
        elif text:
            answer(text)

    def fail(self, error: BaseException, code: int) -> Exit:
        """Say what went wrong; raise the answer to leave with `code`."""
        expected = isinstance(error, GeoloomError)
        name = type(error).__name__
        message = str(error) if expected else f"{name}: {error}"
        if _out_of_memory(error):
            message = (
                f"the memory is not enough ({message.splitlines()[0]}); ask for less at once: a smaller "
                "--size, --tile, --batch-size or --width"
            )
        elif not expected and not self.debug:
            message += "\n(not a case that geoloom foresaw; --debug shows where it happened)"
        if self.as_json:
            answer(failure(name, str(error), code))
        report(f"geoloom: {message}")
        return Exit(code)


def failure(name: str, message: str, code: int) -> str:
    """A failure as the one JSON object of an answer."""
    return json.dumps({"ok": False, "error": name, "message": message, "exit_code": code})


def _out_of_memory(error: BaseException) -> bool:
    # torch says so in a RuntimeError on processors, and in a kind of it on GPUs.
    about_memory = isinstance(error, RuntimeError) and "memory" in str(error)
    return isinstance(error, MemoryError) or (about_memory and "alloc" in str(error))


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

    0 = done, 1 = could not be done, 2 = wrong use, 130 and 143 = stopped by SIGINT and SIGTERM.
    With `debug`, errors pass through with their traceback.
    """
    terminal = Terminal(as_json=as_json, quiet=quiet, debug=debug)
    try:
        with _logging_to_stderr(debug):
            yield terminal
    except (Exit, SystemExit):
        raise
    except UsageError as error:
        raise terminal.fail(error, MISUSED) from None
    except KeyboardInterrupt as stop:
        terminal.say(str(stop) or "stopped; the same command starts over")
        raise Exit(exit_code()) from None
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
