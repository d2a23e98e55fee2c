"""What a network gives: classes, values, boxes or features, as plain data that all packages ask.

Whatever depends on the kind of a task is asked here: how many channels, which activation, which key of a
sample is the target, and how answers are written. Tables of other packages (losses, tallies, sections of the
report) are looked up by `outputs.kind`, so that none of them switches on a kind.
"""

from __future__ import annotations

from ..gives import Gives
from .base import Activation, Kind, Per
from .box_outputs import BoxOutputs
from .class_outputs import ClassOutputs
from .feature_outputs import FeatureOutputs
from .reading import Outputs, outputs_from_dict, read_outputs
from .target import IGNORE_INDEX, TARGETS, Target, require_targets
from .value_outputs import ValueOutputs
from .written import WrittenFeatures, WrittenRaster

__all__ = [
    "IGNORE_INDEX",
    "TARGETS",
    "Activation",
    "BoxOutputs",
    "ClassOutputs",
    "FeatureOutputs",
    "Gives",
    "Kind",
    "Outputs",
    "Per",
    "Target",
    "ValueOutputs",
    "WrittenFeatures",
    "WrittenRaster",
    "outputs_from_dict",
    "read_outputs",
    "require_targets",
]
