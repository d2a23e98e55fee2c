"""geoloom run"""

from __future__ import annotations

from pathlib import Path

from ..options import common, plugins, use_plugins
from ..parameters import argument, flag, option
from ..terminal import session
from ..verb import verb


@verb("geoloom run project.yaml --set root=../data")
@argument("project", help="Project file, YAML.")
@option(
    "--set",
    "sets",
    help="Change a variable (root=../data) or a setting of a verb's steps (train.epochs=5).",
    many=True,
    metavar="NAME=VALUE",
)
@flag("--dry-run", help="Show what would be done and why; do nothing.")
@flag("--again", help="Do every step, also those done before.")
@plugins
@common
def run(
    project: Path,
    sets: tuple[str, ...],
    dry_run: bool,
    again: bool,
    plugin: tuple[Path, ...],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Do the steps of a project file, but for those that are done already.

    The whole file is checked before any work. A step is done again when its settings or inputs have changed.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from ...project.project_file import read_project
        from ...project.runner import plan, refuse_foreign, run_project

        use_plugins(plugin)
        made = read_project(project, sets)
        if not overwrite:
            refuse_foreign(made.steps)
        if dry_run:
            planned = plan(made.steps, again=again)
            steps = [
                {"verb": p.step.verb, "out": str(p.step.out)}
                | {"action": p.action, "reason": p.reason}
                for p in planned
            ]
            text = [f"{p.action:6} {p.step.verb} -> {p.step.out} ({p.reason})" for p in planned]
            terminal.answer({"verb": "run", "steps": steps}, "\n".join(text))
            return
        lines = run_project(made, terminal, overwrite=overwrite, again=again)
        text = [f"{line['verb']:9} {line['out']}" for line in lines]
        terminal.answer(
            {"verb": "run", "project": made.name, "steps": lines},
            "\n".join([f"{made.name} is done:", *text]),
        )
