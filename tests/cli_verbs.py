"""The verbs that do something, by what is typed for them: those of groups too."""

from __future__ import annotations

import click

from geoloom.cli.app import app


def leaves(group: click.Group = app, before: str = "") -> dict[str, click.Command]:
    """`chips` -> its command, `weights list` -> its own."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        inner = isinstance(command, click.Group)
        found |= leaves(command, f"{before}{name} ") if inner else {before + name: command}
    return found


LEAVES = leaves()
