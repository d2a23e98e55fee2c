"""The command line: verbs that convert options, call one library function and say what came of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..project.signals import exit_code, listen, unanswered


def main() -> None:
    """The `geoloom` command."""
    listen()
    try:
        _run()
    except (KeyboardInterrupt, SystemExit):
        if not unanswered():
            raise
        print("stopped before any work; the same command begins it", file=sys.stderr)
        sys.exit(exit_code())


def _run() -> None:
    # Threads of torch that wait for work sleep instead of spinning: on a machine that does other work as
    # well, spinning makes a training ten times slower, and on a quiet one it gains little.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Closed before Python began; click would put its complaints on stdout instead.
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process lives
    from .app import app

    app(prog_name="geoloom")
