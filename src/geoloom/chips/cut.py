"""Cutting chips from scenes into a store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from ..core.classes import Classes
from ..core.errors import ChipError, ConfigError
from ..core.grid import crs_name
from ..io.vector.layers import read_features
from ..splits.names import SPLITS
from ..splits.rules import BlockSplit, RandomSplit, SplitRule, check_splits, counts_by_split
from .plan import Chip, ChipOrder, ChipPlan, Strategy, cut_plan, deal_at_random, plan_chips
from .scenes import Pixels, grid_of, open_scenes, window_at
from .store import ChipStore, ChipWriter
from .zarr.layout import check_target

log = logging.getLogger(__name__)

DEFAULT_SPLIT = BlockSplit()

Progress = Callable[[int, int], None]

_PARTLY_WORTH_SAYING = 0.01
"""Share of the labelled pixels above which losing them to one band's nodata is worth a warning."""


def cut_chips(
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    labels: str | Path | Sequence[str | Path] | None = None,
    size: int | tuple[int, int] = 256,
    strategy: Strategy = "random",
    count: int | None = None,
    stride: int | tuple[int, int] | None = None,
    points: str | Path | None = None,
    classes: Classes | None = None,
    class_of_interest: str | Sequence[str] | None = None,
    balanced: bool = False,
    min_valid: float = 0.1,
    split: SplitRule | None = DEFAULT_SPLIT,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    label_nodata: float | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ChipStore:
    """Cut chips from scenes of any size into one store that says where each lies.

    Scenes are read window by window on their own lattices; labels, whatever their CRS and resolution, are
    read onto those.

    Args:
        images: One scene or several, alike in bands and type.
        out: The store to make, by custom `*.zarr`.
        labels: A raster of class codes for each scene; None for chips without labels.
        size: Rows and columns of a chip, pixels; one number for square ones.
        strategy: `random`; `sequential`, which covers every pixel; or `centroids`, chips around points.
        count: Chips wanted in all, for `random`.
        stride: Pixels from chip to chip, for `sequential`; None sets them side by side.
        points: Vector file, for `centroids`; of lines and polygons, the centroids count.
        classes: Names and codes of the labels; None takes them from the label rasters.
        class_of_interest: For `random`: centre the chips on pixels of these classes.
        balanced: For `random`: as many chips centred on each class as on any other.
        min_valid: Least share of a chip that is observed (and labelled), 0..1; others are left out.
        split: How training, test and validation are kept apart; None leaves the chips undivided.
        bands: Band numbers (from 1) or names; None means all but alpha.
        nodata, label_nodata: Unobserved value in place of the files' own.
        seed: Of all drawing.
        overwrite: Replace a chip store of that name.
        progress: Told (chips so far, chips wanted at most).

    Returns:
        The finished store, whose `provenance` counts what was dropped and why.

    Raises:
        WriteError: `out` exists.
        ChipError: no chip can be cut, or a split would be empty.
        ConfigError: the options do not go together.

    Example:
        >>> cut_chips("scene.tif", "chips.zarr", labels="labels.tif", count=2000)  # doctest: +SKIP
    """
    inputs = [
        *_several(images),
        *(_several(labels) if labels else ()),
        *([points] if points else ()),
    ]
    check_target(Path(out), overwrite=overwrite, inputs=inputs)
    scenes = open_scenes(
        _several(images),
        None if labels is None else _several(labels),
        bands=bands,
        nodata=nodata,
        label_nodata=label_nodata,
    )
    order = ChipOrder(
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
    plan = plan_chips(scenes, order, classes=classes, split=split)
    return write_plan(plan, out, split=split, overwrite=overwrite, progress=progress)


def write_plan(
    plan: ChipPlan,
    out: str | Path,
    *,
    split: SplitRule | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    notes: Mapping[str, Any] | None = None,
) -> ChipStore:
    """Cut a plan into a store.

    Args:
        plan: What `plan_chips` decided.
        out: The store to make.
        split: The rule that it was planned with; a `RandomSplit` is dealt here, once it is known which
            chips hold enough that is valid.
        overwrite: Replace a chip store of that name.
        progress: Told (chips so far, chips wanted at most).
        notes: Kept in the store's provenance; JSON values.

    Raises:
        ChipError: no chip, or none of a split, holds enough that is valid.
    """
    first = plan.scenes[0]
    places: list[tuple[int, int, int]] = []
    codes: list[int] = []
    kinds: list[int] = []
    labelled = partly = 0
    with ChipWriter(
        out,
        channels=len(first.bands),
        size=plan.order.size,
        dtype=first.dtype,
        bands=first.bands,
        scaling=first.scaling,
        classes=plan.classes,
        overwrite=overwrite,
        provenance={**describe(plan, split), **(notes or {})},
    ) as writer:
        for scene in plan.scenes:
            writer.add_source(scene.name, scene.grid)
        for chip in cut_plan(plan, progress):
            _add(writer, plan, chip)
            places.append((chip.scene, chip.row, chip.col))
            codes.append(chip.split)
            kinds.append(chip.kind)
            labelled += _count(chip.pixels.labelled)
            partly += _count(_partly_observed(chip.pixels))
        if isinstance(split, RandomSplit):
            codes = deal_at_random(plan, split, places).tolist()
            writer.assign([SPLITS[code] for code in codes])
        _check(plan, split, codes, kinds)
    if partly > _PARTLY_WORTH_SAYING * labelled:
        log.warning(
            "%d of %d labelled pixels are left out because some of their bands, not all, hold nodata; if "
            "these are measurements (a stretched image whose darkest value is its nodata value), prepare "
            "the scene first with nodata_rule='all' (geoloom prepare --nodata-rule all)",
            partly,
            labelled,
        )
    return ChipStore.open(out)


def _partly_observed(pixels: Pixels) -> np.ndarray | None:
    """(h, w) bool: labelled and not observed, though its bands do not all hold one nodata value."""
    if pixels.labelled is None:
        return None
    image = np.isnan(pixels.image) if pixels.image.dtype.kind == "f" else pixels.image
    return np.asarray(pixels.labelled & ~pixels.observed & (image != image[:1]).any(axis=0))


def _count(where: np.ndarray | None) -> int:
    return 0 if where is None else int(np.count_nonzero(where))


def _add(writer: ChipWriter, plan: ChipPlan, chip: Chip) -> None:
    scene = plan.scenes[chip.scene]
    grid = grid_of(scene.grid, window_at(chip.row, chip.col, plan.order.size))
    writer.add(
        chip.pixels.image.astype(scene.dtype, copy=False),
        chip.pixels.mask,
        chip.pixels.observed,
        labelled=chip.pixels.labelled,
        crs="" if grid.crs is None else crs_name(grid.crs),
        transform=grid.affine[:6],
        source=scene.name,
        row=chip.row,
        col=chip.col,
        split=SPLITS[chip.split] if chip.split >= 0 else None,
    )


def _check(
    plan: ChipPlan, split: SplitRule | None, codes: Sequence[int], kinds: Sequence[int]
) -> None:
    """Say what is missing: a warning for chips, an error for a whole split."""
    if split is not None:
        wanted = [name for name, share in zip(SPLITS, split.shares(), strict=True) if share > 0]
        _check_observed(plan, counts_by_split(codes), wanted)
        check_splits(counts_by_split(codes), wanted)
    if not codes:
        raise ChipError(_too_little(plan, "chip", len(plan.windows)))
    found = Counter(kinds)
    short = [
        f"{found[k]} of {kind.quota}"
        + (f" on {kind.centre}" if kind.centre else "")
        + (f" for {SPLITS[kind.split]}" if kind.split >= 0 else "")
        for k, kind in enumerate(plan.kinds)
        if found[k] < kind.quota
    ]
    if short:
        log.warning(
            "fewer chips than wanted (%s): the others would %shold less than %g %% that is valid",
            "; ".join(short),
            "repeat a place or " if plan.order.strategy == "random" else "",
            100 * plan.order.min_valid,
        )


def _check_observed(plan: ChipPlan, found: Mapping[str, int], wanted: Sequence[str]) -> None:
    """Refuse a split that is empty only because its windows hold too little."""
    tried = counts_by_split(plan.splits)
    for name in wanted:
        if not found[name] and tried[name]:
            raise ChipError(_too_little(plan, f"{name} chip", tried[name]))


def _too_little(plan: ChipPlan, what: str, tried: int) -> str:
    labelled = " and labelled" if plan.classes is not None else ""
    return (
        f"no {what}: none of the {tried} windows tried is observed{labelled} on at least "
        f"{100 * plan.order.min_valid:g} % of its pixels; lower min_valid (--min-valid), use smaller chips, "
        "or centre them on what is labelled (class_of_interest, --class-of-interest; balanced, --balanced)"
    )


def describe(plan: ChipPlan, split: SplitRule | None) -> dict[str, Any]:
    """How the chips are cut, as JSON values."""
    order = plan.order
    return {
        "strategy": order.strategy,
        "count": order.count,
        "stride": order.stride,
        "class_of_interest": order.class_of_interest,
        "balanced": order.balanced,
        "min_valid": order.min_valid,
        "seed": order.seed,
        "split": None if split is None else repr(split),
        "dropped_between_splits": plan.unsplit,
        "planned": sum(kind.quota for kind in plan.kinds),
    }


def read_points(path: str | Path) -> tuple[np.ndarray, str]:
    """x and y (n, 2) of point features, and their CRS; of other features, the centroids."""
    features = read_features(path)
    centres = shapely.centroid(features.geometries)
    return np.column_stack([shapely.get_x(centres), shapely.get_y(centres)]), crs_name(features.crs)


def _several(paths: str | Path | Sequence[str | Path]) -> list[str | Path]:
    found = [paths] if isinstance(paths, str | Path) else list(paths)
    if not found:
        raise ChipError("no scene was given")
    return found


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
