"""Evaluation: a model on chips or on a whole scene, or a finished map, against truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely
import torch
from odc.geo.geobox import GeoBox
from torch import Tensor

from ..chips.store import ChipStore
from ..core.classes import Classes
from ..core.errors import ChipError, ModelError
from ..core.files import may_replace, write_text
from ..core.grid import PixelWindow, block_windows, window_grid, window_inside
from ..core.outline import footprint
from ..core.progress import Progress
from ..core.roi import HINT, Roi
from ..io.headers.header import Header, read_header
from ..io.raster import read
from ..io.vector.areas import RoiSource, roi_mask, roi_of
from ..metrics.accuracy import Accuracy
from ..metrics.subject import Subject
from ..models.device import choose_device
from ..models.identity import file_hash, folder_hash
from ..models.saved import load_model, write_json
from ..models.scene_bands import InputBands, SourceBands, find_input
from ..splits.names import Split
from .count import Count
from .ground import ChipMosaic, chip_places
from .truth import Truth, match_classes

_TILE_PX = 512
_HALO_PX = 64
_BLOCK_PX = 1024


class Scorer(Protocol):
    """A loaded model, or anything that scores pixels likewise."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the input's channels."""

    @property
    def classes(self) -> Classes:
        """What the outputs mean."""

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """Probabilities float32 (B, K, H, W)."""


def evaluate(
    model: str | Path | Scorer,
    chips: str | Path | ChipStore,
    *,
    truth: str | Path | None = None,
    class_field: str | None = None,
    split: Split = "test",
    roi: RoiSource | None = None,
    unit: str | Sequence[str] | None = None,
    batch_size: int = 16,
    device: str = "auto",
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Accuracy:
    """Score a model on chips, or on a whole scene against truth.

    Every observed and labelled pixel counts once, all in one matrix. Where chips overlap, the mean of their
    scores counts; chips without a place on the ground are counted one by one. On a scene, scores are those
    that `predict` makes its map of, with the tiles that it takes by default.

    Classes are matched by name, those of a label raster without names by code. Truth of a class that the
    model lacks counts as an error, in a row of the matrix of its own.

    Args:
        model: Model folder, loaded model, or any predictor.
        chips: Chip store; or, with `truth`, a scene.
        truth: Label raster or vector file for the scene.
        class_field: Of a vector file: the attribute whose values are the names of the classes.
        split: Which chips of the store; a store without splits is taken whole.
        roi: Of a scene: where to count; see `core.roi.RoiLike`, or a vector file.
        unit: What the numbers of the scene or the chips are, instead of what these say; as of `predict`.
        batch_size: Chips at once.
        device: `auto`, `cpu` or `cuda`, where `model` is a folder.
        out: JSON file to write; the same as text goes beside it, as `.txt`.
        overwrite: Replace these.
        progress: Called with (done, total).

    Returns:
        All figures, curves included.

    Raises:
        ModelError: bands or classes do not match the model's.
        ChipError: the store has no labels or no such split.
        WriteError: `out` exists and `overwrite` is False.
    """
    _check_free(out, overwrite=overwrite, inputs=(model, chips, truth, roi))
    place = choose_device(device)
    identity = folder_hash(model) if isinstance(model, str | Path) else None
    scorer = load_model(model, place) if isinstance(model, str | Path) else model
    if truth is not None:
        if isinstance(chips, ChipStore):
            raise ChipError("truth is for a scene; chips carry their own: leave one of them out")
        wanted = Truth.of(truth, scorer.classes, class_field=class_field)
        count = Count(scorer.classes, wanted.positions, wanted.names, str(truth))
        header = read_header(chips)
        area = _roi(roi, header.grid)
        _count_scene(count, scorer, header, wanted, area, unit, progress)
        subject = Subject("scene", identity, bounds=_bounds(area))
    else:
        store = chips if isinstance(chips, ChipStore) else ChipStore.open(chips)
        chosen = store.indices(split if store.splits else None)
        count = count_chips(scorer, store, chosen, batch_size, progress, unit)
        subject = Subject(
            "chips",
            identity,
            chips=store.path.name,
            split=split if store.splits else None,
            chooses="val" not in store.splits,
        )
    return _report(count, subject, out)


def evaluate_map(
    class_map: str | Path,
    truth: str | Path,
    *,
    classes: Classes | None = None,
    class_field: str | None = None,
    groups: Sequence[str | Sequence[str]] | None = None,
    probabilities: str | Path | None = None,
    roi: RoiSource | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Accuracy:
    """Score a finished map, block by block: memory does not grow with the map.

    Truth is read or burned onto the map's own pixels. Pixels that have both a class and truth count; truth of
    a class that the map lacks counts as an error, in a row of the matrix of its own.

    Args:
        class_map: Raster of class codes.
        truth: Label raster, in any grid, or vector file, in any CRS.
        classes: Of the map; None takes the names that it carries.
        class_field: Of a vector file: the attribute that gives the class.
        groups: Of a vector file: value, or values, for each class of the map; None where they are its names.
        probabilities: Raster of one band per class on the map's pixels, for curves and cross-entropy.
        roi: Where to count; see `core.roi.RoiLike`, or a vector file.
        out: JSON file to write; the same as text goes beside it, as `.txt`.
        overwrite: Replace these.
        progress: Called with (done, total).

    Returns:
        All figures; curves and cross-entropy where `probabilities` are given.

    Raises:
        ModelError: the map names no classes and none are given, or none match the truth's.
        WriteError: `out` exists and `overwrite` is False.
    """
    _check_free(out, overwrite=overwrite, inputs=(class_map, truth, probabilities, roi))
    header = read_header(class_map)
    known = classes or map_classes(header)
    wanted = Truth.of(truth, known, class_field=class_field, groups=groups)
    area = _roi(roi, header.grid)
    count = Count(known, wanted.positions, wanted.names, str(truth))
    windows = list(block_windows(header.grid.shape, _BLOCK_PX))
    for done, window in enumerate(windows, start=1):
        grid = window_grid(header.grid, window)
        codes, stated = _stated(wanted, area, grid)
        if stated.any():
            mapped = read(header, grid, bands=[1], resampling="nearest")
            guess, is_class = known.encode(mapped.values[0])
            counted = stated & mapped.valid & is_class
            count.add_classes(codes, guess, counted)
            if probabilities is not None:
                scores = read(probabilities, grid).values
                observed = counted & np.isfinite(scores).all(axis=0)
                count.add_scores(codes, scores, observed, curves_alone=True)
        if progress is not None:
            progress(done, len(windows))
    bounds = _bounds(area)
    return _report(count, Subject("map", file_hash(class_map), bounds=bounds), out)


def map_classes(header: Header) -> Classes:
    """The classes that a map carries in its category names and colour table.

    Raises:
        ModelError: it carries none.
    """
    nodata = header.nodata[0]
    names = header.class_names or {}
    if not any(name for code, name in names.items() if code != nodata):
        raise ModelError(
            f"{header.uri} carries no class names, so that nothing says what its codes mean; give a map that "
            "geoloom predict wrote, or one with category names (in Python, classes= names them)"
        )
    return Classes.from_legend(names, header.colormap, unlabelled=nodata)


def count_chips(
    scorer: Scorer,
    store: ChipStore,
    chosen: np.ndarray,
    batch_size: int,
    progress: Progress | None = None,
    unit: str | Sequence[str] | None = None,
) -> Count:
    """Count every pixel of the ground under some chips once, by the mean of the scores that cover it.

    Args:
        scorer: Scores the chips.
        store: Holds them.
        chosen: Numbers of the chips.
        batch_size: Chips at once.
        progress: Called with (done, total).
        unit: As of `evaluate`.

    Raises:
        ChipError: the store has no labels.
        ModelError: bands or classes do not match the scorer's.
    """
    if store.classes is None:
        raise ChipError(f"{store.path} has no labels; cut the chips with a label raster")
    bands = _input(scorer, store, unit)
    channels = [number - 1 for number in bands.numbers]
    names = dict(zip(store.classes.codes, store.classes.names, strict=True))
    positions = match_classes(names, scorer.classes, str(store.path))
    count = Count(scorer.classes, positions, names, str(store.path))
    places = chip_places(store, chosen)
    mosaic = ChipMosaic(places, store.size)
    for start in range(0, len(places), batch_size):
        batch = places[start : start + batch_size]
        image = np.stack([store.image(place.chip)[channels] for place in batch])
        observed = np.stack([store.observed(place.chip) for place in batch])
        numbers = bands.convert(torch.from_numpy(image.astype(np.float32)))
        scores = scorer(numbers, torch.from_numpy(observed))
        for place, of_chip in zip(batch, scores.cpu().numpy(), strict=True):
            codes = store.mask(place.chip)
            counted = store.valid(place.chip) & np.isin(codes, list(names))
            for block in mosaic.add(place, codes, of_chip, counted):
                count.add_scores(block.codes, block.scores, block.counted)
        if progress is not None:
            progress(start + len(batch), len(places))
    return count


def _count_scene(
    count: Count,
    scorer: Scorer,
    header: Header,
    truth: Truth,
    roi: Roi | None,
    unit: str | Sequence[str] | None,
    progress: Progress | None,
) -> None:
    """The scores that a map is made of, wherever there is truth."""
    # By name: prediction's layer stands on this one.
    scene_scores = import_module("geoloom.inference.scores").scene_scores

    def under(window: PixelWindow) -> tuple[np.ndarray, np.ndarray]:
        part = window_inside(window, header.grid.shape)
        assert part is not None  # every tile touches the scene
        return _stated(truth, roi, window_grid(header.grid, part))

    blocks = scene_scores(
        scorer,
        header,
        wanted=lambda tile: under(tile.read)[1].any(),
        tile=_TILE_PX,
        halo=_HALO_PX,
        unit=unit,
        progress=progress,
    )
    for block in blocks:
        if block.valid is None or not block.valid.any():
            continue
        codes, stated = under(block.tile.emit)
        count.add_scores(codes, block.scores, stated & block.valid)


def _stated(truth: Truth, roi: Roi | None, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """The truth's codes on a grid, and where it is a class that is asked about."""
    codes, stated = truth.labels(grid)
    return codes, stated if roi is None else stated & roi_mask(roi, grid)


def _input(scorer: Scorer, store: ChipStore, unit: str | Sequence[str] | None) -> InputBands:
    """Which channels of the chips the scorer reads, and how their numbers become its own."""
    numbers = tuple(range(1, store.channels + 1))
    source = SourceBands(str(store.path), store.bands, numbers, (str(store.dtype),) * len(numbers))
    return find_input(getattr(scorer, "card", None) or scorer.bands, source, unit)


def _roi(roi: RoiSource | None, grid: GeoBox) -> Roi | None:
    """The area in the scene's CRS, moved there once for all windows.

    Raises:
        ModelError: it lies beside the scene, so that nothing could be counted.
    """
    if roi is None:
        return None
    area = roi_of(roi)
    there = area.on(grid)
    if not shapely.intersects(there, grid.extent.geom):
        west, south, east, north = footprint(grid).bounds
        raise ModelError(
            f"no pixel has both truth and a prediction: {area.described()} lies beside the scene, which "
            f"spans longitude {west:.4f}..{east:.4f}, latitude {south:.4f}..{north:.4f}; {HINT}"
        )
    return Roi(there, grid.crs, area.name)


def _bounds(area: Roi | None) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top of an area in its CRS."""
    if area is None:
        return None
    left, bottom, right, top = (float(v) for v in area.geometry.bounds)
    return left, bottom, right, top


def _check_free(out: str | Path | None, *, overwrite: bool, inputs: Iterable[Any]) -> None:
    if out is None:
        return
    files = [path for path in inputs if isinstance(path, str | Path)]
    for path in (Path(out), Path(out).with_suffix(".txt")):
        path.parent.mkdir(parents=True, exist_ok=True)
        may_replace(path, overwrite=overwrite, inputs=files)


def _report(count: Count, subject: Subject, out: str | Path | None) -> Accuracy:
    accuracy = replace(count.accuracy(), subject=subject)
    if out is not None:
        path = Path(out)
        write_json(path, accuracy.to_dict())
        write_text(path.with_suffix(".txt"), accuracy.text())
    return accuracy
