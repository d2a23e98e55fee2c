"""geoloom prepare"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Debug, Json, Overwrite, Quiet, do, pairs, scalar

_CLOUDS = "Clouds"
_FILES = "Several files, or a part"
_NUMBERS = "Normalisation"


def prepare(
    context: typer.Context,
    scene: Annotated[list[Path], typer.Argument(help="Scene; or several files, with --join.")],
    out: Annotated[Path, typer.Argument(help="Raster to write: cloud-optimised GeoTIFF.")],
    index: Annotated[
        list[str] | None,
        typer.Option("--index", "-i", help="Spectral index to add: ndvi, evi, evi2. Repeatable."),
    ] = None,
    band: Annotated[
        list[str] | None,
        typer.Option(
            "--band",
            "-b",
            metavar="ROLE=BAND",
            help="Which band is which: red=3, nir=SR_B5. Repeatable. Bands called so need no saying.",
        ),
    ] = None,
    factor: Annotated[
        float, typer.Option(help="What reflectance 1 is stored as, such as 10000; for evi, evi2.")
    ] = 1.0,
    drop: Annotated[
        list[str] | None, typer.Option(help="Band to leave out, number or name. Repeatable.")
    ] = None,
    cloud_mask: Annotated[
        Path | None, typer.Option(help="File with a quality band.", rich_help_panel=_CLOUDS)
    ] = None,
    cloud_band: Annotated[
        str | None,
        typer.Option(
            help="Quality band inside the scene, number or name.", rich_help_panel=_CLOUDS
        ),
    ] = None,
    sensor: Annotated[
        str,
        typer.Option(
            help="landsat_c2 (QA_PIXEL) or sentinel2_scl (scene classification).",
            rich_help_panel=_CLOUDS,
        ),
    ] = "landsat_c2",
    join: Annotated[
        str | None,
        typer.Option(help="mosaic, bands or dates, of several files.", rich_help_panel=_FILES),
    ] = None,
    crop: Annotated[
        Path | None, typer.Option(help="Vector layer to crop to.", rich_help_panel=_FILES)
    ] = None,
    crop_to: Annotated[
        str, typer.Option(help="extent or polygons of the layer.", rich_help_panel=_FILES)
    ] = "extent",
    normalize: Annotated[
        str | None,
        typer.Option(
            help="mean_std, median_std, norm_range, reduce_sr or per_image.",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    normalization: Annotated[
        Path | None,
        typer.Option(
            help="Numbers fitted on another scene: its *.normalization.json.",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    nodata: Annotated[
        float | None, typer.Option(help="Unobserved value of the scene, if untagged.")
    ] = None,
    nodata_rule: Annotated[
        str, typer.Option(help="A pixel is unobserved where any or all of its bands hold nodata.")
    ] = "any",
    crs: Annotated[
        str | None, typer.Option(help="In place of the scene's missing or wrong CRS.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Join files, crop, take clouds out, add spectral indices, normalise.

    Scenes can be used without: training normalises by itself, and keeps the numbers with the model.
    """
    roles = pairs("--band", band) or {}
    do(
        "prepare",
        context,
        band={role: scalar(name) for role, name in roles.items()},
        drop=[scalar(name) for name in drop or []],
        cloud_band=None if cloud_band is None else scalar(cloud_band),
    )
