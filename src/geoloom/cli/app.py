"""The command's verbs. Nothing heavy is imported here, so that help answers at once."""

from __future__ import annotations

import click

from .._version import __version__
from .verb import Verbs
from .verbs.change import change
from .verbs.chips import chips
from .verbs.datasets import datasets
from .verbs.demo import demo
from .verbs.evaluate import evaluate
from .verbs.export import export
from .verbs.info import info
from .verbs.models import models
from .verbs.predict import predict
from .verbs.prepare import prepare
from .verbs.rasterize import rasterize
from .verbs.report import report
from .verbs.run import run
from .verbs.similar import similar
from .verbs.train import train
from .verbs.weights import weights


@click.group("geoloom", cls=Verbs, examples=["geoloom demo demo-out/"])
@click.version_option(__version__, message="geoloom %(version)s", help="Show the version.")
def app() -> None:
    """Turn satellite images and labels into trained networks and finished maps."""


# In the order of the work, after a look at it all.
_ORDER = (
    demo,
    prepare,
    rasterize,
    chips,
    train,
    evaluate,
    predict,
    report,
    change,
    similar,
    export,
    run,
    info,
    datasets,
    models,
    weights,
)
for _verb in _ORDER:
    app.add_command(_verb)
