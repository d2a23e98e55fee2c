"""geoloom predict"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do


def predict(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    scene: Annotated[Path, typer.Argument(help="Scene to map, of any size.")],
    out: Annotated[Path, typer.Argument(help="Map to write: cloud-optimised GeoTIFF.")],
    probabilities: Annotated[
        Path | None, typer.Option(help="Write the class probabilities too, one band a class.")
    ] = None,
    vector: Annotated[
        Path | None, typer.Option(help="Write the map's polygons too, as a GeoPackage.")
    ] = None,
    tile: Annotated[int, typer.Option(help="Side of a tile, pixels.")] = 512,
    halo: Annotated[int, typer.Option(help="Context around a tile, pixels.")] = 64,
    blend: Annotated[
        str, typer.Option(help="cosine: blend overlaps. crop: use each tile's middle.")
    ] = "cosine",
    tta: Annotated[
        bool,
        typer.Option("--tta", help="Average over a tile's eight orientations; eight times slower."),
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size", "-b", help="Tiles a step; 1 on a processor and 4 on a GPU if not given."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    nodata: Annotated[
        float | None, typer.Option(help="Unobserved value of the scene, if untagged.")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="In place of the scene's missing or wrong CRS.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local: this process. dask: a cluster.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler; default: a local cluster.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes of the local cluster.")] = 2,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Map a whole scene with a model, on the scene's own grid.

    A run that was stopped goes on where it was when the same command is given again.
    """
    do("predict", context)
