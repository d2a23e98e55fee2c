"""EuroSAT, divided by longitude."""

from __future__ import annotations

from dataclasses import replace

from ..benchmarks.declaration import SplitFiles
from .eurosat import HOME, UNDIVIDED, divided

BENCHMARK = divided(
    replace(
        UNDIVIDED,
        name="EuroSATSpatial",
        about="EuroSAT divided by longitude, 60/20/20 %: training and test lie apart",
        note=None,
    ),
    SplitFiles.at(
        f"{HOME}eurosat-spatial-{{split}}.txt",
        train="7be3254be39f23ce4d4d144290c93292",
        val="acf392290050bb3df790dc8fc0ebf193",
        test="5ec1733f9c16116bf0aa2d921fc613ef",
    ),
)
