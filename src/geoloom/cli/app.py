"""The command's verbs. Nothing heavy is imported here, so that help answers at once."""

from __future__ import annotations

from typing import Annotated

import typer

from .._version import __version__
from .group import Verbs
from .options import example
from .verbs.chips import chips
from .verbs.demo import demo
from .verbs.evaluate import evaluate
from .verbs.info import info
from .verbs.models import models
from .verbs.predict import predict
from .verbs.prepare import prepare
from .verbs.rasterize import rasterize
from .verbs.report import report
from .verbs.run import run
from .verbs.train import train

app = typer.Typer(
    cls=Verbs,
    name="geoloom",
    help="Turn satellite images and labels into trained networks and finished maps.",
    epilog=example("geoloom demo demo-out/"),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"geoloom {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Turn satellite images and labels into trained networks and finished maps."""


# In the order of the work, after a look at it all.
app.command(epilog=example("geoloom demo demo-out/"))(demo)
app.command(
    epilog=example(
        "geoloom prepare scene.tif out.tif --index ndvi --band red=3 --band nir=4",
        "geoloom prepare scene.tif clear.tif --cloud-mask qa_pixel.tif",
        "geoloom prepare left.tif right.tif whole.tif --join mosaic",
    )
)(prepare)
app.command(
    epilog=example(
        "geoloom rasterize labels.shp scene.tif labels.tif --class-field class",
        "geoloom rasterize prodes.shp scene.tif labels.tif -f agregClass -c forest=FLORESTA "
        "-c deforestation=DESMATAMENTO",
    )
)(rasterize)
app.command(
    epilog=example(
        "geoloom chips scene.tif labels.tif chips.zarr --size 256 --count 2000",
        "geoloom chips scene.tif labels.tif chips.zarr --split regions --region train=left "
        "--region test=right",
    )
)(chips)
app.command(epilog=example("geoloom train chips.zarr model/ --model fcn8s --width 0.25 -e 50"))(
    train
)
app.command(
    epilog=example(
        "geoloom evaluate model/ chips.zarr",
        "geoloom evaluate model/ scene.tif --truth labels.gpkg --class-field class",
        "geoloom evaluate map.tif labels.gpkg --class-field class --out accuracy.json",
    )
)(evaluate)
app.command(
    epilog=example(
        "geoloom predict model/ scene.tif map.tif --vector map.gpkg",
        "geoloom predict model/ scene.tif map.tif --engine dask --workers 4",
    )
)(predict)
app.command(epilog=example("geoloom report model/ map.tif report.html --truth labels.gpkg"))(report)
app.command(epilog=example("geoloom run project.yaml --set root=../data"))(run)
app.command(
    epilog=example("geoloom info scene.tif", "geoloom info labels.shp --field class"),
)(info)
app.command(epilog=example("geoloom models"))(models)
