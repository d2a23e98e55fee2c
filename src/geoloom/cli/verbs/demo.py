"""geoloom demo"""

from __future__ import annotations

from pathlib import Path

from ..options import common
from ..parameters import argument, option
from ..terminal import session
from ..verb import verb


@verb("geoloom demo demo-out/")
@argument("out", help="Folder for the scene and all products.")
@option("--size", "-s", help="Side of the scene, pixels.", kind=int, default=1536)
@option("--epochs", "-e", help="Passes over the chips; as the project file if not given.", kind=int)
@option("--seed", help="Source of chance.", kind=int, default=0)
@common
def demo(
    out: Path,
    size: int,
    epochs: int | None,
    seed: int,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Try everything on a simulated scene of deforestation: prepare, train, map, report.

    Takes some minutes on two cores and needs no data. The folder holds the project file that it ran, to
    change and run again.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from ..demo import guide, run_demo

        result = run_demo(out, terminal, size=size, epochs=epochs, seed=seed, overwrite=overwrite)
        terminal.answer({"verb": "demo", "out": str(out), **result}, guide(out, result))
