"""The command line: verbs that convert options, call one library function and say what came of it."""

from __future__ import annotations


def main() -> None:
    """The `geoloom` command."""
    from .app import app

    app()
