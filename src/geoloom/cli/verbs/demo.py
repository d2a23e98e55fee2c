"""geoloom demo"""

from __future__ import annotations

from pathlib import Path

from ..options import common
from ..parameters import argument, flag, option
from ..terminal import session
from ..verb import verb


@verb("geoloom demo demo-out/", "geoloom demo sim/ --only-data --size 256")
@argument("out", help="Folder for the scene and all products.")
@option("--size", "-s", help="Side of the scene, pixels.", kind=int, default=1536)
@option("--epochs", "-e", help="Passes over the chips; as the project file if not given.", kind=int)
@option("--seed", help="Source of chance.", kind=int, default=0)
@flag(
    "--only-data",
    help="Make files to practise on and stop: scenes of two dates, and labels of several forms.",
)
@common
def demo(
    out: Path,
    size: int,
    epochs: int | None,
    seed: int,
    only_data: bool,
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
        from ..demo import guide, make_data, run_demo

        if only_data:
            files, text = make_data(out, size=size, seed=seed, overwrite=overwrite)
            terminal.answer({"verb": "demo", "out": str(out), "files": files}, text)
            return
        result = run_demo(out, terminal, size=size, epochs=epochs, seed=seed, overwrite=overwrite)
        terminal.answer({"verb": "demo", "out": str(out), **result}, guide(out, result))
