"""The steps of the cycle by verb: what the command line and project files share."""

from __future__ import annotations

from .base import Step
from .change import Change
from .chips import Chips
from .evaluate import Evaluate
from .export import Export
from .predict import Predict
from .prepare import Prepare
from .rasterize import Rasterize
from .report import Report
from .similar import Similar
from .train import Train

STEPS: dict[str, type[Step]] = {
    step.verb: step
    for step in (
        Prepare,
        Rasterize,
        Chips,
        Train,
        Evaluate,
        Predict,
        Report,
        Change,
        Similar,
        Export,
    )
}
