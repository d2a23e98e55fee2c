"""The command line: verbs that convert options, call one library function and say what came of it."""

from __future__ import annotations

import os


def main() -> None:
    """The `geoloom` command."""
    # Threads of torch that wait for work sleep instead of spinning: on a machine that does other work as
    # well, spinning makes a training ten times slower, and on a quiet one it gains little.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from .app import app

    app()
