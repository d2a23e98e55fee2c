"""What TorchGeo calls things, and what they are called here: hints for errors about unknown names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

_DIVIDE = "divide(dataset, BlockSplit(test=, val=), size=) of geoloom.splits"
_INDEX = 'AppendIndex("ndvi", {"nir": 3, "red": 2}) of geoloom.transforms appends any index'

_NUMBERED = (
    "SampleDataset of geoloom.datasets, or a Benchmark, which declares a dataset in one file"
)
_FOLDERS = "ImageFolder(folder) of geoloom.datasets reads a folder a class"
_STATES = "ChesapeakeDC to ChesapeakeWV of geoloom.datasets, a class a state"
_MODULES = "SampleDataModule(dataset) and GeoDataModule(dataset, sampler) of geoloom.tasks"
_BY_HAND = "give a folder with the files; geoloom datasets info NAME says where to get them"

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
    "RandomPatchSampler": "RandomGeoSampler of geoloom.samplers",
    "SemanticSegmentation": "SegmentationTask of geoloom.tasks",
    "NonGeoDataset": _NUMBERED,
    "VisionDataset": _NUMBERED,
    "NonGeoClassificationDataset": _FOLDERS,
    "VisionClassificationDataset": _FOLDERS,
    "RGBBandsMissingError": "it is BandError of geoloom.core.errors; dataset.plot(sample, rgb=[...]) draws "
    "any bands",
    "DatasetNotFoundError": "it is DatasetError of geoloom.core.errors",
    "DependencyNotFoundError": "it is MissingExtraError of geoloom.core.errors",
    "Chesapeake7": _STATES,
    "Chesapeake13": _STATES,
    "COWC": "COWCCounting or COWCDetection of geoloom.datasets",
    "SpaceNet": "SpaceNet1, SpaceNet2, SpaceNet4 or SpaceNet7 of geoloom.datasets",
    "LandCoverAIGeo": "LandCoverAIBase(root, split=None).as_geo() of geoloom.datasets",
    "datamodules": _MODULES,
    "trainers": "tasks and data modules are in geoloom.tasks",
}
"""Name in TorchGeo -> what to write."""

OF_DATASETS: Mapping[str, str] = {
    "classes": "all codes are read; choose classes by with_transforms(EncodeClasses(...)) of "
    "geoloom.transforms",
    "download": _BY_HAND,
    "checksum": _BY_HAND,
    "cache": "blocks are kept in memory anyway, as many as fit",
    "years": "choose times by dataset.at(..., when=) or a sampler's toi=",
    "split": "divide(dataset, BlockSplit(test=, val=), size=) of geoloom.splits divides what has a place",
    "time_series": "dataset.series(...) gives images (T, C, H, W)",
}
"""Keyword of a TorchGeo dataset that is asked by place -> what to write."""

OF_LAYERS: Mapping[str, str] = {
    name: hint for name, hint in OF_DATASETS.items() if name != "classes"
}
"""Likewise of features."""

_PLACED = "samples keep the pixels of their files; where these have a place, dataset.as_geo() takes any grid"
_LOADED = "give it to the DataLoader, or to SampleDataModule of geoloom.tasks"

OF_SAMPLES: Mapping[str, str] = {
    "paths": "the folder is the first argument, root",
    "crs": _PLACED,
    "res": _PLACED,
    "cache": "leave it out: samples are read from their files each time",
    "is_image": "leave it out: `dataset.outputs` says what samples teach",
    "transform": "give transforms=, one function from sample to sample",
    "target_transform": "give transforms=, one function from sample to sample",
    "splits": "give split=, one at a time; split=None opens all, and dataset.split(name) takes one of them",
    "api_key": "leave it out; where files take a login, geoloom datasets info NAME says how to get them",
    "num_classes": "leave it out: `dataset.classes` are those of its authors",
    "mask": 'of outlines give labels="mask", where the dataset lets choose; other masks are always given',
    "annotations": "leave it out: `dataset.outputs` says what samples teach",
    "aois": 'give aoi=, such as aoi="2", where the dataset lets choose',
    "batch_size": _LOADED,
    "num_workers": _LOADED,
    "verbose": "leave it out; track= is told of each file that is fetched",
}
"""Keyword of a TorchGeo dataset whose samples are numbered -> what to write."""

OF_PLOTS: Mapping[str, str] = {
    "suptitle": "it is title=",
    "show_titles": "leave it out: panels say what they show",
    "show_feats": "leave it out: boxes and outlines are drawn where samples have them",
    "encode": "leave it out: any sample is drawn",
}
"""Keyword of `plot` in TorchGeo -> what to write."""

_PAIR = (
    "a pair is one image (2, C, H, W), of a batch (B, 2, C, H, W): image[..., {}, :, :, :] is {}"
)

OF_KEYS: Mapping[str, str] = {
    "image1": _PAIR.format(0, "before"),
    "image2": _PAIR.format(1, "after"),
    "bbox_xyxy": "it is `boxes` (N, 4), in pixels",
    "bbox": "the ground is `bounds`, left, bottom, right, top; objects have `boxes` (N, 4), in pixels",
    "masks": "outlines of objects are `box_masks` (N, H, W)",
    "labels": "of objects it is `box_labels` (N,), of a whole image `label`, or `multilabel` (K,)",
    "label": "of objects it is `box_labels` (N,), of several classes `multilabel` (K,), of numbers `value`",
    "dates": "it is `times` (T,), seconds since 1970 UTC",
    "filename": "dataset.table names the file of each sample",
}
"""Key of a TorchGeo sample -> where it is."""

_BANDS = "write [band.name for band in dataset.bands]"

OF_ATTRIBUTES: Mapping[str, str] = {
    "all_bands": _BANDS,
    "all_band_names": _BANDS,
    "rgb_bands": "dataset.plot(sample) finds red, green and blue, and takes rgb=[...]",
    "BAND_SETS": "it is dataset.benchmark.band_sets, where there are some",
    "class_to_idx": "write {name: i for i, name in enumerate(dataset.classes.names)}",
    "root": "it is dataset.path",
    "files": "dataset.table has a row a sample, with its file",
}
"""Attribute of a TorchGeo dataset whose samples are numbered -> what to write."""

OF_LAYER_ATTRIBUTES: Mapping[str, str] = {
    "index": "it is dataset.regions, and as a table dataset.to_geodataframe()",
    "datasets": "it is dataset.parts",
    "ordinal_map": "with_transforms(EncodeClasses(dataset.classes)) of geoloom.transforms gives positions",
    "ordinal_cmap": "it is dataset.classes.colors",
}
"""Attribute of a TorchGeo dataset that is asked by place -> what to write."""

OF_SPLITS: Mapping[str, str] = {
    "training": "train",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "testing": "test",
}
"""What splits are called elsewhere -> here."""


def hint_of_name(name: str) -> str | None:
    """What to write instead of a name that TorchGeo has; None where none is known.

    Example:
        >>> hint_of_name("EuroSATDataModule")
        'SampleDataModule(dataset) and GeoDataModule(dataset, sampler) of geoloom.tasks'
    """
    return NAMES.get(name, _MODULES if name.endswith("DataModule") else None)


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
    """A decorator of a method: a keyword of another library is an error that names ours.

    Raises:
        TypeError: as Python has it for unknown keywords, with the hint.
    """

    def decorate(method: Callable[_P, _R]) -> Callable[_P, _R]:
        called = "" if method.__name__ == "__init__" else f".{method.__name__}"

        @wraps(method)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            for name in sorted(instead.keys() & kwargs.keys()):
                raise TypeError(
                    f"{type(args[0]).__name__}{called}() got an unexpected keyword argument {name!r}: "
                    f"{instead[name]}"
                )
            return method(*args, **kwargs)

        return checked

    return decorate
