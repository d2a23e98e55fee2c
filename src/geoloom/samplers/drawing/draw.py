"""Where chips may be cut, decided inside the ground of their split before any image pixel is read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ...core.classes import Classes
from ...core.errors import ChipError, ConfigError, suggest
from ...datasets.base import GeoDataset
from ...splits.features import FeatureAreas, FeatureSplit
from ...splits.label_counts import LabelCounts
from ...splits.patches import LabelledPixels
from ...splits.rules import RandomSplit, SplitAreas, SplitRule
from .candidates import Candidates, Kind
from .label_blocks import count_labels, draw_centred, label_blocks
from .label_classes import settle_classes
from .options import ChipOptions
from .scattered import scattered
from .sources import Source, sources_of
from .windows import Accept, centred_windows, random_windows, sequential_windows

log = logging.getLogger(__name__)

ChipSplit: TypeAlias = SplitRule | FeatureSplit
"""How chips may be divided."""

# How many more windows than wanted are drawn, since some will hold too much nodata.
_SPARE = 3
_LEAST_SPARE = 64
_CELLS = 32
"""Of the lattice on which labels are counted, along the longest side."""


def draw_candidates(
    datasets: Sequence[GeoDataset],
    options: ChipOptions,
    *,
    classes: Classes | None = None,
    split: ChipSplit | None = None,
    names: Sequence[str | None] | None = None,
) -> Candidates:
    """Decide where chips may be cut and which split each belongs to: labels are read, images are not.

    Random chips are drawn inside the ground of their split, so none is lost; sequential chips and chips at
    points that straddle two splits are dropped and counted.

    Args:
        datasets: Of images, all or none with labels; each is read on its own.
        options: Which chips.
        classes: Of the labels, instead of what they say.
        split: How the ground, or the labelled polygons, are divided; a `RandomSplit` divides chips, once they
            are chosen.
        names: Of the scenes, where each dataset is one scene.

    Raises:
        ChipError: a scene is smaller than a chip, or no split is possible.
        ConfigError: a class of interest is unknown, or needs labels that are not there.
    """
    sources = sources_of(datasets, options.size, names)
    counts = _counts(sources) if "mask" in datasets[0].layers else None
    if counts is not None:
        classes = settle_classes(sources, counts.total(), classes)
    elif classes is not None or options.class_of_interest or options.balanced:
        raise ConfigError(
            "classes were asked for, but the labels are values, which have none; leave class_of_interest, "
            "balanced and classes out"
            if "value" in datasets[0].layers
            else "classes were asked for, but the scenes have no labels; give label rasters"
        )
    drawn = Candidates.none(sources, options, classes)
    areas: SplitAreas | FeatureAreas | None = None
    if isinstance(split, FeatureSplit):
        areas = _features(drawn, split)
        drawn = replace(drawn, features=areas)
    elif split is not None and not isinstance(split, RandomSplit):
        areas = split.areas(drawn.ground, counts)
    if options.strategy == "random":
        shares = (1.0,) if areas is None or split is None else split.shares()
        drawn = _random(drawn, areas, shares)
    else:
        drawn = _listed(drawn, areas)
    if drawn.unsplit:
        log.warning(
            "%d of %d chips dropped: they %s",
            drawn.unsplit,
            drawn.unsplit + len(drawn.windows),
            "show no label" if drawn.features else "lie too near the ground of another split",
        )
    return drawn


def _features(drawn: Candidates, split: FeatureSplit) -> FeatureAreas:
    """Polygons dealt out, from one pass over the labels.

    Raises:
        ConfigError: labels are no classes.
    """
    if drawn.classes is None:
        raise ConfigError(
            "a split by polygons (FeatureSplit, --split feature) needs labels of classes; split by blocks"
        )
    parts: list[list[tuple[int, int, np.ndarray, np.ndarray]]] = [[] for _ in drawn.sources]
    for number, block, codes, labelled in label_blocks(drawn.sources):
        known = labelled & np.isin(codes, drawn.classes.codes)
        parts[number].append((block.row, block.col, codes, known))
    pixels = [LabelledPixels.of(own) for own in parts]
    return split.features(drawn.ground, pixels, drawn.classes, scattered(drawn.sources, pixels))


def _counts(sources: Sequence[Source]) -> LabelCounts:
    longest = max(max(source.shape) for source in sources)
    return count_labels(sources, cell_px=max(16, -(-longest // _CELLS)))


def _listed(drawn: Candidates, areas: SplitAreas | FeatureAreas | None) -> Candidates:
    """Windows that follow from the sources or the points."""
    options, parts = drawn.options, []
    for number, source in enumerate(drawn.sources):
        if options.strategy == "sequential":
            whole = [(0, 0, *source.shape)]
            corners = _tiled(whole if areas is None else areas.parts(number), options)
        else:
            assert options.points is not None
            corners = centred_windows(*options.points, source.frame, options.size)
        corners = corners[source.touches(corners, options.size)]
        parts.append(np.column_stack([np.full(len(corners), number), corners]))
    windows = np.concatenate(parts).astype(np.int64)
    if not len(windows) and options.points is not None:
        raise ChipError(
            f"none of the points lies in {', '.join(source.name for source in drawn.sources)}; "
            "check their CRS"
        )
    splits = np.full(len(windows), -1, dtype=np.int8) if areas is None else areas.of(windows)
    kept = np.ones(len(windows), bool) if areas is None else splits >= 0
    kind_of = np.zeros(int(kept.sum()), dtype=np.int64)
    return replace(
        drawn,
        windows=windows[kept],
        splits=splits[kept],
        kind_of=kind_of,
        kinds=(Kind(-1, None, len(kind_of)),),
        unsplit=int((~kept).sum()),
    )


def _tiled(parts: Sequence[tuple[int, int, int, int]], options: ChipOptions) -> np.ndarray:
    """Sequential windows laid inside each part, so that hardly any straddles two splits."""
    corners = [np.empty((0, 2), dtype=np.int64)]
    for top, left, bottom, right in parts:
        shape = bottom - top, right - left
        if shape[0] >= options.size[0] and shape[1] >= options.size[1]:
            inside = sequential_windows(shape, options.size, options.stride or options.size)
            corners.append(inside + np.array([top, left]))
    return np.unique(np.concatenate(corners), axis=0)


def _random(
    drawn: Candidates, areas: SplitAreas | FeatureAreas | None, shares: Sequence[float]
) -> Candidates:
    """Random windows: a kind is a split, and within it a class where chips are centred on classes."""
    options, sources = drawn.options, drawn.sources
    assert options.count is not None
    rng = np.random.default_rng(options.seed)
    quotas = _parts(options.count, shares)
    accept = _accept(sources, options.size, areas)
    kinds: list[Kind] = []
    windows: list[np.ndarray] = []
    if options.class_of_interest is None and not options.balanced:
        spare = [quota and quota * _SPARE + _LEAST_SPARE for quota in quotas]
        shapes = [source.shape for source in sources]
        windows = random_windows(shapes, options.size, spare, accept, rng)
        kinds = [Kind(split, None, quota) for split, quota in enumerate(quotas)]
    else:
        assert drawn.classes is not None
        groups = _groups(options, drawn.classes)
        parts = [_parts(quota, [1.0] * len(groups)) for quota in quotas]
        most = max(map(max, parts)) * _SPARE + _LEAST_SPARE
        members = {g: codes for g, (_, codes) in enumerate(groups)}
        centred = draw_centred(sources, members, options.size, most, len(quotas), accept, rng)
        for (g, split), own in centred.items():
            kinds.append(Kind(split, groups[g][0], parts[split][g]))
            windows.append(own)
    kind_of = np.repeat(np.arange(len(kinds)), [len(own) for own in windows])
    if areas is None:
        kinds = [replace(kind, split=-1) for kind in kinds]
    return replace(
        drawn,
        windows=np.concatenate(windows),
        splits=np.array([kind.split for kind in kinds], dtype=np.int8)[kind_of],
        kind_of=kind_of,
        kinds=tuple(kinds),
    )


def _accept(
    sources: Sequence[Source], size: tuple[int, int], areas: SplitAreas | FeatureAreas | None
) -> Accept:
    """Gives the split of windows, 0 without one, and -1 where a source has no data at the centre."""
    partial = [
        number
        for number, source in enumerate(sources)
        if source.area_px is not None or source.limit_px is not None
    ]

    def accept(windows: np.ndarray) -> np.ndarray:
        splits = np.zeros(len(windows), np.int8) if areas is None else areas.of(windows)
        for number in partial:
            own = np.flatnonzero(windows[:, 0] == number)
            splits[own[~sources[number].holds_centres(windows[own, 1:], size)]] = -1
        return splits

    return accept


def _groups(options: ChipOptions, classes: Classes) -> list[tuple[str, tuple[int, ...]]]:
    """Name and codes that chips are centred on: one group, or one per class where they are balanced."""
    names = options.class_of_interest or classes.names
    for name in names:
        if name not in classes.names:
            raise ConfigError(f"unknown class of interest {name!r}{suggest(name, classes.names)}")
    codes = [classes.codes[classes.names.index(name)] for name in names]
    if options.balanced:
        return [(name, (code,)) for name, code in zip(names, codes, strict=True)]
    return [(" or ".join(names), tuple(codes))]


def _parts(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers near `total * shares` that sum to `total`."""
    edges = np.round(np.cumsum([0.0, *shares]) / sum(shares) * total).astype(int)
    return [int(n) for n in np.diff(edges)]
