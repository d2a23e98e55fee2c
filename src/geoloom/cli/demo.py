"""The demo: a project file and a simulated scene, run like any other project."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.files import may_replace, write_text
from .terminal import Terminal


def run_demo(
    out: Path, terminal: Terminal, *, size: int, epochs: int | None, seed: int, overwrite: bool
) -> dict[str, Any]:
    """Make the scene, write the project file beside it, and do what the file says.

    A scene of the same size and seed is kept, and so are the steps that it has been through.

    Raises:
        WriteError: the folder holds files of the same names that geoloom did not make, and not `overwrite`.
        GridError: the scene would be too small.
    """
    from ..project.project_file import read_project
    from ..project.runner import refuse_foreign, run_project

    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    project = out / "project.yaml"
    if overwrite or not project.exists():
        text = files(__package__).joinpath("demo.yaml").read_text(encoding="utf-8")
        write_text(project, text)
    _make_scene(out / "data", terminal, size=size, seed=seed)
    made = read_project(project, [] if epochs is None else [f"epochs={epochs}"])
    if not overwrite:
        refuse_foreign(made.steps)
    lines = run_project(made, terminal, overwrite=overwrite)
    return {"seconds": round(time.monotonic() - began, 1), "steps": lines}


def make_data(out: Path, *, size: int, seed: int, overwrite: bool) -> tuple[dict[str, str], str]:
    """Make a simulated scene with labels of several forms, and do nothing with them.

    Returns:
        What each file holds, by its path; and the same for people.

    Raises:
        WriteError: a file of theirs is there, and not `overwrite`.
        GridError: the scene would be too small.
    """
    from ..testing.simulate_inputs import CONTENTS, simulated_inputs

    for name in CONTENTS:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        may_replace(out / name, overwrite=overwrite)
    simulated_inputs(out, size_px=size, seed=seed)
    made = {str(out / name): holds for name, holds in CONTENTS.items()}
    width = max(map(len, made))
    return made, "\n".join(f"{path:{width}}  {holds}" for path, holds in made.items())


def _make_scene(folder: Path, terminal: Terminal, *, size: int, seed: int) -> None:
    from ..project.record import read_run_record, write_run_record
    from ..testing.simulate import simulated_scene

    wanted = {"size": size, "seed": seed}
    record = read_run_record(folder) or {}
    if record.get("settings") == wanted and (folder / "truth.gpkg").exists():
        terminal.say(f"[0] simulate -> {folder}: done before, nothing changed")
        return
    terminal.say(f"[0] simulate -> {folder}: {size} x {size} px")
    simulated_scene(folder, size_px=size, seed=seed)
    write_run_record(folder, {"verb": "simulate", "settings": wanted, "status": "done"})


def guide(out: Path, result: dict[str, Any]) -> str:
    """What the demo did, and where to look."""
    scores = [line["result"] for line in result["steps"] if line["verb"] == "evaluate"]
    on_chips, on_map = scores[0], scores[-1]
    shown = [
        ("report.html", "the report: open it in a browser"),
        ("map.tif", "the map, for any GIS"),
        ("map.gpkg", "its polygons"),
        ("model/", "the trained network, with all that it needs to map other scenes"),
        ("chips.zarr", "the chips that it learned from"),
        ("data/", "the simulated scene, its clouds and the truth"),
        ("project.yaml", f"what was done; change it and: geoloom run {out / 'project.yaml'}"),
    ]
    width = max(len(str(out / name)) for name, _ in shown)
    return "\n".join(
        [
            f"A simulated scene went through the whole cycle in {result['seconds']:.0f} s.",
            f"Accuracy on test chips, on land that the network has not seen: {_score(on_chips)}.",
            f"Accuracy of the whole map against the polygons of truth: {_score(on_map)}.",
            "",
            *(f"  {out / name!s:{width}}  {what}" for name, what in shown),
        ]
    )


def _score(result: dict[str, Any]) -> str:
    return f"{result['accuracy']:.3f} (mean F1 {result['mean_f1']:.3f})"
