"""geoloom demo"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet
from ..terminal import session


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for the scene and all products.")],
    size: Annotated[int, typer.Option("--size", "-s", help="Side of the scene, pixels.")] = 1536,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", "-e", help="Passes over the chips; as the project file if not given."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Source of chance.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Try everything on a simulated scene of deforestation: prepare, train, map, report.

    Takes some minutes on two cores and needs no data. The folder holds the project file that it ran, to
    change and run again.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from ..demo import guide, run_demo

        result = run_demo(out, terminal, size=size, epochs=epochs, seed=seed, overwrite=overwrite)
        terminal.answer({"verb": "demo", "out": str(out), **result}, guide(out, result))
