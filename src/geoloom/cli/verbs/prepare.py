"""geoloom prepare"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import area, common, do, pairs, scalar
from ..parameters import argument, option
from ..verb import verb

_CLOUDS = "Clouds"
_RADAR = "Radar"
_FILES = "Several files, or a part"
_NUMBERS = "Normalisation"


@verb(
    "geoloom prepare scene.tif out.tif --index ndvi --band red=3 --band nir=4",
    "geoloom prepare scene.tif clear.tif --cloud-mask qa_pixel.tif",
    "geoloom prepare scene.tif 60m.tif --resolution 60 --name B1=blue --unit surface_reflectance",
    "geoloom prepare left.tif right.tif whole.tif --join mosaic",
)
@argument("scene", help="Scene; or several files, or 'B*.tif' in quotes, with --join.", many=True)
@argument("out", help="Raster to write: cloud-optimised GeoTIFF.")
@option(
    "--index",
    "-i",
    help="Spectral index to add: ndvi, ndwi, nbr, evi, savi, ... Repeatable.",
    many=True,
)
@option(
    "--band",
    "-b",
    help="Which band is which: red=3, nir=SR_B5. Repeatable. Bands called so need no saying.",
    many=True,
    metavar="ROLE=BAND",
)
@option(
    "--factor",
    help="What reflectance 1 is stored as, such as 10000; for evi, savi, tasselled caps.",
    kind=float,
)
@option(
    "--name",
    help="A band's new name: B1=blue, 3=red. Repeatable.",
    many=True,
    metavar="BAND=NAME",
)
@option("--unit", help="What the bands measure, one for all or one each: surface_reflectance.")
@option("--resolution", help="Side of the new pixels, in the CRS's units; averages.", kind=float)
@option("--drop", help="Band to leave out, number or name. Repeatable.", many=True)
@option("--cloud-mask", help="File with a quality band.", kind=Path, section=_CLOUDS)
@option("--cloud-band", help="Quality band inside the scene, number or name.", section=_CLOUDS)
@option(
    "--sensor",
    help="landsat_c2 (QA_PIXEL) or sentinel2_scl (scene classification).",
    default="landsat_c2",
    section=_CLOUDS,
)
@option(
    "--cloud-values",
    help="Values of the quality band that mean hidden, instead of a sensor's: 2,4.",
    metavar="VALUES",
    section=_CLOUDS,
)
@option(
    "--speckle",
    help="Filter of radar speckle: lee, or lee:size=7,looks=4.4.",
    section=_RADAR,
)
@option("--to-unit", help="dB or linear: what backscatter is brought to.", section=_RADAR)
@option("--join", help="mosaic, bands or dates, of several files.", section=_FILES)
@option(
    "--roi",
    help="Area to crop to: west,south,east,north in degrees; or a vector file.",
    section=_FILES,
)
@option(
    "--roi-crs",
    help="CRS of a roi of four numbers, then left,bottom,right,top: EPSG:32633.",
    section=_FILES,
)
@option("--crop-to", help="extent or polygons of the area.", default="extent", section=_FILES)
@option(
    "--normalize",
    help="mean_std, median_std, norm_range, reduce_sr or per_image.",
    section=_NUMBERS,
)
@option(
    "--normalization",
    help="Numbers fitted on another scene: its *.normalization.json.",
    kind=Path,
    section=_NUMBERS,
)
@option("--nodata", help="Unobserved value of the scene, if untagged.", kind=float)
@option(
    "--nodata-rule",
    help="A pixel is unobserved where any or all of its bands hold nodata.",
    default="any",
)
@option("--assume-crs", help="Instead of the scene's missing or wrong CRS.")
@common
@click.pass_context
def prepare(
    context: click.Context,
    /,
    band: tuple[str, ...],
    name: tuple[str, ...],
    unit: str | None,
    cloud_values: str | None,
    drop: tuple[str, ...],
    cloud_band: str | None,
    roi: str | None,
    **others: Any,
) -> None:
    """Join files, crop, take clouds out, add spectral indices, normalise.

    Scenes can be used without: training normalises by itself, and keeps the numbers with the model.
    """
    roles, names = pairs("--band", band), pairs("--name", name)
    do(
        "prepare",
        context,
        band={role: scalar(name) for role, name in roles.items()},
        name=names,
        unit=None if unit is None else unit if "," not in unit else unit.split(","),
        cloud_values=None if cloud_values is None else cloud_values.split(","),
        drop=[scalar(name) for name in drop],
        cloud_band=None if cloud_band is None else scalar(cloud_band),
        roi=area(roi),
    )
