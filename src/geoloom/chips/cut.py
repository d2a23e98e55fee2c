"""Cutting chips from scenes into a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from ..core.classes import Classes
from ..core.errors import ChipError, ConfigError, suggest
from ..core.legend import CodeNames, as_classes
from ..core.progress import Progress
from ..datasets.base import GeoDataset
from ..samplers.drawing.draw import ChipSplit, draw_candidates
from ..samplers.drawing.options import ChipOptions, Strategy
from ..samplers.points import read_points
from ..splits.rules import BlockSplit
from .inputs import Input, LabelKind, input_paths, open_inputs
from .store import ChipStore
from .write import write_candidates
from .zarr.layout import check_target

DEFAULT_SPLIT = BlockSplit()


def cut_chips(
    images: Input | Sequence[Input],
    out: str | Path,
    *,
    labels: Input | Sequence[Input] | None = None,
    label_kind: LabelKind = "classes",
    size: int | tuple[int, int] = 256,
    strategy: Strategy = "random",
    count: int | None = None,
    stride: int | tuple[int, int] | None = None,
    points: str | Path | None = None,
    classes: Classes | CodeNames | None = None,
    class_of_interest: str | Sequence[str] | None = None,
    balanced: bool = False,
    min_valid: float = 0.1,
    split: ChipSplit | None = DEFAULT_SPLIT,
    min_gap_m: float | None = None,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    label_nodata: float | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ChipStore:
    """Cut chips from scenes of any size into one store that says where each lies.

    Scenes are read window by window on their own lattices; labels, whatever their CRS and resolution, are
    read onto those. Chips lie where there are both.

    Args:
        images: One or several, alike in bands and type: raster files, each of which is read on its own; or
            what `geoloom.open` opens, a folder of scenes, a sensor's, a STAC index; or datasets, such as
            `images & labels`. Of a dataset, each scene is cut on its own pixels, and what it did not
            observe others of its time fill.
        out: The store to make, usually `*.zarr`.
        labels: For each of the images, class codes as a raster, a vector file or a dataset; None for chips
            without labels, or where the datasets hold them.
        label_kind: What labels that are files hold: `classes`; or `values`, measurements in the unit of each
            of a raster's bands.
        size: Rows and columns of a chip, pixels; one number for square ones.
        strategy: `random`; `sequential`, which covers every pixel; or `centroids`, chips around points.
        count: Chips wanted in all, for `random`.
        stride: Pixels from chip to chip, for `sequential`; None sets them side by side.
        points: Vector file, for `centroids`; of lines and polygons, the centroids count.
        classes: Classes, or names by code, of the labels; None takes them from the labels.
        class_of_interest: For `random`: centre the chips on pixels of these classes.
        balanced: For `random`: as many chips centred on each class as on any other.
        min_valid: Least share of a chip that is observed (and labelled), 0..1; others are left out.
        split: How training, test and validation are kept apart: ground, such as `BlockSplit`; or, for few
            polygons, these as wholes, `FeatureSplit`. None leaves the chips undivided.
        min_gap_m: Least gap between chips of different splits, metres, as measured; a smaller one is refused.
        bands: Band names, or numbers (from 1) of raster files; None means all but alpha.
        nodata, label_nodata: Unobserved value instead of the files' own.
        seed: Of all drawing.
        overwrite: Replace a chip store of that name.
        progress: Called with (chips so far, chips wanted at most).

    Returns:
        The finished store, whose `provenance` counts what was dropped and why.

    Raises:
        WriteError: `out` exists.
        ChipError: no chip can be cut, or a split would be empty.
        ConfigError: the options do not go together.

    Example:
        >>> cut_chips("scene.tif", "chips.zarr", labels="labels.tif", count=2000)  # doctest: +SKIP
        >>> cut_chips("sentinel2/", "chips.zarr", labels="plots.gpkg", count=2000)  # doctest: +SKIP
    """
    if min_gap_m is not None and split is None:
        raise ConfigError(
            f"min_gap_m={min_gap_m:g} is between splits, and split=None leaves chips undivided; give a split"
        )
    image_inputs = _several(images)
    label_inputs = None if labels is None else _several(labels)
    given = [*image_inputs, *(label_inputs or ()), *([points] if points else ())]
    check_target(Path(out), overwrite=overwrite, inputs=input_paths(given))
    inputs = open_inputs(
        image_inputs,
        label_inputs,
        bands=bands,
        nodata=nodata,
        label_nodata=label_nodata,
        label_kind=_kind(label_kind),
    )
    options = ChipOptions(
        size=_pair(size),
        strategy=strategy,
        count=count,
        stride=None if stride is None else _pair(stride),
        points=None if points is None else read_points(points),
        class_of_interest=_names(class_of_interest),
        balanced=balanced,
        min_valid=min_valid,
        seed=seed,
    )
    candidates = draw_candidates(
        [given.dataset for given in inputs],
        options,
        classes=as_classes(classes),
        split=split,
        names=[given.name for given in inputs],
    )
    return write_candidates(
        candidates,
        out,
        split=split,
        overwrite=overwrite,
        progress=progress,
        min_gap_m=min_gap_m,
    )


def _several(inputs: Input | Sequence[Input]) -> list[Input]:
    listed = [inputs] if isinstance(inputs, str | Path | GeoDataset) else list(inputs)
    if not listed:
        raise ChipError("no scene was given")
    return listed


def _kind(given: LabelKind) -> LabelKind:
    if given not in get_args(LabelKind):
        raise ConfigError(f"unknown label_kind {given!r}{suggest(given, get_args(LabelKind))}")
    return given


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ConfigError(f"expected one number or (rows, columns), found {value!r}")
    return int(value[0]), int(value[1])


def _names(value: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, str) else tuple(value)
