"""Output to stdout and stderr: a pipe may be broken and a stream closed, and the work goes on."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from ..core.errors import WriteError


def report(text: str) -> None:
    """A line on stderr; lost where it cannot be written."""
    if sys.stderr is None:  # closed before Python began
        return
    with suppress(OSError, ValueError):  # a broken pipe, a full disk, a closed stream
        print(text, file=sys.stderr, flush=True)


def answer(text: str) -> None:
    """The result on stdout; lost where its reader has gone, as `head` does after its lines.

    Raises:
        WriteError: it cannot be written for another reason, such as a full disk.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is left in the buffer would be tried again, and complained about, when Python ends.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    except OSError as error:
        raise WriteError(f"the answer cannot be written to stdout: {error.strerror}") from error


def on_a_terminal() -> bool:
    """Whether stderr is a terminal, where a bar can move."""
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()
