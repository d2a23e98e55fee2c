"""The command's verbs. Nothing heavy is imported here, so that help answers at once."""

from __future__ import annotations

from typing import Annotated

import typer

from .._version import __version__
from .options import example
from .verbs.info import info
from .verbs.models import models
from .verbs.run import run

app = typer.Typer(
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


app.command(epilog=example("geoloom run project.yaml --set root=../data"))(run)
app.command(epilog=example("geoloom info scene.tif"))(info)
app.command(epilog=example("geoloom models"))(models)
