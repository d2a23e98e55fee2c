"""What TorchGeo calls things, and what they are called here: hints for errors about unknown names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

_DIVIDE = "divide(dataset, BlockSplit(test=, val=), size=) of geoloom.splits"
_INDEX = 'AppendIndex("ndvi", {"nir": 3, "red": 2}) of geoloom.transforms appends any index'

NAMES: Mapping[str, str] = {
    "stack_samples": "leave collate_fn out, as torch's own does; or take geoloom.datasets.collate",
    "concat_samples": "a & b and a | b put samples together",
    "merge_samples": "a & b and a | b put samples together",
    "random_grid_cell_assignment": _DIVIDE,
    "random_bbox_assignment": "divide(dataset, SceneSplit(test=, val=)) of geoloom.splits",
    "random_bbox_splitting": _DIVIDE,
    "roi_split": 'divide(dataset, RoiSplit({"train": ..., "test": ...})) of geoloom.splits',
    "time_series_split": 'divide(dataset, TimeSplit({"train": ("2018", "2020"), "test": "2021"})) of '
    "geoloom.splits",
    "BoundingBox": "a query is a grid; dataset.at(box, when=) makes one",
    "SemanticSegmentationTask": "SegmentationTask of geoloom.tasks",
    "PixelwiseRegressionTask": "PixelRegressionTask of geoloom.tasks",
    "AppendNormalizedDifferenceIndex": _INDEX,
    "Units": 'give units="pixels" or units="crs"',
}
"""Name in TorchGeo -> what to write."""

_EARLY = "give a folder with the files; geoloom datasets info NAME says where to get them"

OF_DATASETS: Mapping[str, str] = {
    "classes": "all codes are read; choose classes by with_transforms(EncodeClasses(...)) of "
    "geoloom.transforms",
    "download": _EARLY,
    "checksum": _EARLY,
    "cache": "blocks are kept in memory anyway, as many as fit",
    "years": "choose times by dataset.at(..., when=) or a sampler's toi=",
}
"""Keyword of a TorchGeo dataset -> what to write."""

OF_TASKS: Mapping[str, str] = {
    "model": "the network comes first: a name of gl.list_models(), or your module",
    "backbone": "the network comes first: a name of gl.list_models(), or your module",
    "num_classes": "give outputs= after the network: classes, their names, or how many",
    "num_outputs": "give outputs= after the network: names and units of values, or how many",
    "ignore_index": "what is not `valid` does not count; EncodeClasses leaves codes out",
    "lr": "it is learning_rate=",
    "patience": "give schedule=, see geoloom.tasks.Schedule",
    "weights": "give a network whose weights are loaded",
}
"""Keyword of a TorchGeo task -> what to write."""


def hints_keywords(
    instead: Mapping[str, str],
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A decorator of `__init__`: a keyword of another library is an error that names ours.

    Raises:
        TypeError: as Python has it for unknown keywords, with the hint.
    """

    def decorate(init: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(init)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            for name in instead.keys() & kwargs.keys():
                raise TypeError(
                    f"{type(args[0]).__name__}() got an unexpected keyword argument {name!r}: {instead[name]}"
                )
            return init(*args, **kwargs)

        return checked

    return decorate
