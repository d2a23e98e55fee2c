"""What to cut, decided before any image pixel is read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from ..core.classes import Classes
from ..core.errors import ChipError, ConfigError, suggest
from ..splits.label_counts import LabelCounts
from ..splits.overlap import Ground
from ..splits.rules import RandomSplit, SplitAreas, SplitRule, warn_of_overlaps
from .scenes import ChipScene, Pixels, window_at
from .strategies import centred_windows, check_fits, random_windows, sequential_windows
from .survey import draw_centred, settle_classes, survey

log = logging.getLogger(__name__)

Strategy = Literal["random", "sequential", "centroids"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)

# How many more windows than wanted are drawn, since some will hold too much nodata.
_SPARE = 3
_LEAST_SPARE = 64
_SURVEY_CELLS = 32
_BATCH = 256


@dataclass(frozen=True, slots=True)
class ChipOrder:
    """What chips are wanted.

    Raises:
        ConfigError: the strategy is unknown, or an option does not go with it.
    """

    size: tuple[int, int]
    """Rows and columns, pixels."""
    strategy: Strategy = "random"
    count: int | None = None
    """Chips wanted in all; `random` only."""
    stride: tuple[int, int] | None = None
    """Rows and columns from chip to chip; `sequential` only; None is the size."""
    points: tuple[np.ndarray, str] | None = None
    """(n, 2) x and y, and their CRS; `centroids` only."""
    class_of_interest: tuple[str, ...] | None = None
    """Centre random chips on pixels of these classes; None draws anywhere."""
    balanced: bool = False
    """As many random chips centred on each class (of interest) as on any other."""
    min_valid: float = 0.1
    """Least share of a chip's pixels that is observed (and labelled, where there are labels)."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"unknown strategy {self.strategy!r}{suggest(self.strategy, STRATEGIES)}"
            )
        needs: dict[str, tuple[Any, str]] = {
            "count": (self.count, "random"),
            "points": (self.points, "centroids"),
        }
        for name, (value, strategy) in needs.items():
            if (value is None) == (self.strategy == strategy):
                raise ConfigError(
                    f"strategy {self.strategy!r} "
                    + (f"needs {name}" if value is None else f"takes no {name}: {strategy!r} does")
                )
        if self.stride is not None and self.strategy != "sequential":
            raise ConfigError(f"strategy {self.strategy!r} takes no stride: 'sequential' does")
        if self.strategy != "random" and (self.class_of_interest or self.balanced):
            raise ConfigError("class_of_interest and balanced go with strategy 'random' only")
        if not 0 <= self.min_valid <= 1 or min(self.size) < 1 or (self.count or 1) < 1:
            raise ConfigError(
                f"size {self.size} and count {self.count} must be positive, min_valid {self.min_valid} from "
                "0 to 1"
            )


@dataclass(frozen=True, slots=True)
class Kind:
    """Chips that are counted together."""

    split: int
    """Split code; -1 where undecided."""
    centre: str | None
    """Class that they are centred on; None for any."""
    quota: int
    """Chips wanted."""


@dataclass(frozen=True, slots=True)
class ChipPlan:
    """Windows to cut, in order of preference, and how many of each kind."""

    scenes: tuple[ChipScene, ...]
    order: ChipOrder
    classes: Classes | None
    windows: np.ndarray
    """(n, 3) int64: scene, row, col of the upper-left pixel."""
    splits: np.ndarray
    """(n,) int8 split code; -1 where undecided."""
    kind_of: np.ndarray
    """(n,) int64 position in `kinds`."""
    kinds: tuple[Kind, ...]
    unsplit: int
    """Windows dropped because they lie too near the ground of another split."""
    keep_order: bool = False
    """Cut in this order, not in that in which windows lie in the scenes."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip that was cut."""

    scene: int
    row: int
    col: int
    split: int
    """Split code; -1 where undecided."""
    kind: int
    """Position in the plan's kinds."""
    pixels: Pixels


def plan_chips(
    scenes: Sequence[ChipScene],
    order: ChipOrder,
    *,
    classes: Classes | None = None,
    split: SplitRule | None = None,
) -> ChipPlan:
    """Decide where chips are cut and which split each belongs to. Labels are read, in blocks; images are not.

    Random chips are drawn inside the ground of their split, so none is lost; sequential chips and chips at
    points that straddle two splits are dropped and counted.

    Raises:
        ChipError: a scene is smaller than a chip, or no split is possible.
        ConfigError: a class of interest is unknown, or needs labels that are not there.
    """
    for scene in scenes:
        check_fits(scene.grid.shape, order.size)
    found = _survey(scenes) if scenes[0].has_labels else None
    if found is not None:
        classes = settle_classes(scenes, found.total(), classes)
    elif classes is not None or order.class_of_interest or order.balanced:
        raise ConfigError(
            "classes were asked for, but the scenes have no labels; give label rasters"
        )
    ground = Ground.of([scene.grid for scene in scenes], order.size)
    areas = None
    if split is not None and not isinstance(split, RandomSplit):
        areas = split.areas(ground, found)
    if order.strategy == "random":
        drawn = _random(scenes, order, classes, areas, split)
    else:
        drawn = _listed(scenes, order, areas)
    if drawn.unsplit:
        log.warning(
            "%d of %d chips dropped: they lie too near the ground of another split",
            drawn.unsplit,
            drawn.unsplit + len(drawn.windows),
        )
    return ChipPlan(tuple(scenes), order, classes, *drawn)


def cut_plan(plan: ChipPlan, progress: Callable[[int, int], None] | None = None) -> Iterator[Chip]:
    """The chips of a plan, one by one; those with too little that is valid are replaced by the next drawn.

    Scenes are read in the order in which they lie on disk, some hundred windows at a time.

    Args:
        plan: What to cut.
        progress: Told (chips so far, chips wanted at most).
    """
    waiting = [np.flatnonzero(plan.kind_of == k).tolist() for k in range(len(plan.kinds))]
    left = [min(kind.quota, len(some)) for kind, some in zip(plan.kinds, waiting, strict=True)]
    total, done = sum(left), 0
    while any(wanted and some for wanted, some in zip(left, waiting, strict=True)):
        # Never more than are still wanted, so that which chips are taken does not depend on reading order.
        batch: list[int] = []
        for wanted, some in zip(left, waiting, strict=True):
            batch += some[: min(wanted, _BATCH)]
            del some[: min(wanted, _BATCH)]
        if plan.keep_order:
            batch.sort()
        places = plan.windows[batch]
        on_disk = np.lexsort((places[:, 2], places[:, 1], places[:, 0]))
        for i in range(len(batch)) if plan.keep_order else on_disk:
            chip = _cut(plan, int(batch[i]))
            if chip is not None:
                left[chip.kind] -= 1
                done += 1
                yield chip
        if progress is not None:
            progress(done, total)


def shuffled(plan: ChipPlan, seed: int) -> ChipPlan:
    """The same chips, in random order."""
    order = np.random.default_rng(seed).permutation(len(plan.windows))
    return replace(
        plan,
        windows=plan.windows[order],
        splits=plan.splits[order],
        kind_of=plan.kind_of[order],
        keep_order=True,
    )


def deal_at_random(
    plan: ChipPlan, rule: RandomSplit, places: Sequence[tuple[int, int, int]]
) -> np.ndarray:
    """Split codes of chips at (scene, row, col), dealt at random, with a warning that names those that
    overlap."""
    codes = rule.deal(len(places))
    windows = np.array(places, dtype=np.int64).reshape(-1, 3)
    ground = Ground.of([scene.grid for scene in plan.scenes], plan.order.size)
    warn_of_overlaps(ground, windows, codes)
    return codes


def _cut(plan: ChipPlan, i: int) -> Chip | None:
    scene, row, col = (int(v) for v in plan.windows[i])
    pixels = plan.scenes[scene].pixels(window_at(row, col, plan.order.size))
    useful = pixels.observed
    if plan.classes is not None and pixels.mask is not None:
        useful = useful & pixels.labelled & plan.classes.encode(pixels.mask)[1]
    if useful.mean() < plan.order.min_valid:
        return None
    return Chip(scene, row, col, int(plan.splits[i]), int(plan.kind_of[i]), pixels)


class _Drawn(NamedTuple):
    windows: np.ndarray
    splits: np.ndarray
    kind_of: np.ndarray
    kinds: tuple[Kind, ...]
    unsplit: int = 0


def _listed(scenes: Sequence[ChipScene], order: ChipOrder, areas: SplitAreas | None) -> _Drawn:
    """Windows that follow from the scenes or the points."""
    parts = []
    for index, scene in enumerate(scenes):
        if order.strategy == "sequential":
            whole = [(0, 0, *scene.grid.shape)]
            found = _tiled(whole if areas is None else areas.parts(index), order)
        else:
            assert order.points is not None
            found = centred_windows(*order.points, scene.grid, order.size)
        parts.append(np.column_stack([np.full(len(found), index), found]))
    windows = np.concatenate(parts).astype(np.int64)
    if not len(windows) and order.points is not None:
        raise ChipError(
            f"none of the points lies in {', '.join(scene.name for scene in scenes)}; check their CRS"
        )
    splits = np.full(len(windows), -1, dtype=np.int8) if areas is None else areas.of(windows)
    kept = np.ones(len(windows), bool) if areas is None else splits >= 0
    kind_of = np.zeros(int(kept.sum()), dtype=np.int64)
    kinds = (Kind(-1, None, len(kind_of)),)
    return _Drawn(windows[kept], splits[kept], kind_of, kinds, int((~kept).sum()))


def _tiled(parts: Sequence[tuple[int, int, int, int]], order: ChipOrder) -> np.ndarray:
    """Sequential windows laid inside each part: of a divided scene, so that few straddle two splits."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for top, left, bottom, right in parts:
        shape = bottom - top, right - left
        if shape[0] >= order.size[0] and shape[1] >= order.size[1]:
            inside = sequential_windows(shape, order.size, order.stride or order.size)
            found.append(inside + np.array([top, left]))
    return np.unique(np.concatenate(found), axis=0)


def _random(
    scenes: Sequence[ChipScene],
    order: ChipOrder,
    classes: Classes | None,
    areas: SplitAreas | None,
    rule: SplitRule | None,
) -> _Drawn:
    """Random windows: a kind is a split, and within it a class where chips are centred on classes."""
    assert order.count is not None
    rng = np.random.default_rng(order.seed)
    quotas = _parts(order.count, (1.0,) if areas is None or rule is None else rule.shares())

    def accept(windows: np.ndarray) -> np.ndarray:
        return np.zeros(len(windows), np.int8) if areas is None else areas.of(windows)

    kinds: list[Kind] = []
    drawn: list[np.ndarray] = []
    if order.class_of_interest is None and not order.balanced:
        spare = [quota and quota * _SPARE + _LEAST_SPARE for quota in quotas]
        shapes = [tuple(scene.grid.shape) for scene in scenes]
        drawn = random_windows(shapes, order.size, spare, accept, rng)
        kinds = [Kind(split, None, quota) for split, quota in enumerate(quotas)]
    else:
        assert classes is not None
        groups = _groups(order, classes)
        parts = [_parts(quota, [1.0] * len(groups)) for quota in quotas]
        most = max(map(max, parts)) * _SPARE + _LEAST_SPARE
        members = {g: codes for g, (_, codes) in enumerate(groups)}
        centred = draw_centred(scenes, members, order.size, most, len(quotas), accept, rng)
        for (g, split), windows in centred.items():
            kinds.append(Kind(split, groups[g][0], parts[split][g]))
            drawn.append(windows)
    kind_of = np.repeat(np.arange(len(kinds)), [len(windows) for windows in drawn])
    if areas is None:
        kinds = [replace(kind, split=-1) for kind in kinds]
    splits = np.array([kind.split for kind in kinds], dtype=np.int8)[kind_of]
    return _Drawn(np.concatenate(drawn), splits, kind_of, tuple(kinds))


def _groups(order: ChipOrder, classes: Classes) -> list[tuple[str, tuple[int, ...]]]:
    """Name and codes that chips are centred on: one group, or one a class where they are balanced."""
    names = order.class_of_interest or classes.names
    for name in names:
        if name not in classes.names:
            raise ConfigError(f"unknown class of interest {name!r}{suggest(name, classes.names)}")
    codes = [classes.codes[classes.names.index(name)] for name in names]
    if order.balanced:
        return [(name, (code,)) for name, code in zip(names, codes, strict=True)]
    return [(" or ".join(names), tuple(codes))]


def _parts(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers near `total * shares` that sum to `total`."""
    edges = np.round(np.cumsum([0.0, *shares]) / sum(shares) * total).astype(int)
    return [int(n) for n in np.diff(edges)]


def _survey(scenes: Sequence[ChipScene]) -> LabelCounts:
    longest = max(max(scene.grid.shape) for scene in scenes)
    return survey(scenes, cell_px=max(16, -(-longest // _SURVEY_CELLS)))
