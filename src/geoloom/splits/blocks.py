"""Ground dealt out among splits in blocks: which windows lie in one split's, and far enough from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ..core.errors import ChipError
from .label_counts import LabelCounts
from .overlap import OUTLINE, Ground
from .stratify.deal import deal

_ENOUGH_BLOCKS = 16
_BULGE = 0.05
"""By which share of its size a scene's outline, in another's pixels, may bulge beyond its corners."""
_EDGE_PARTS = 16
"""Into which the longest edge of a block is cut before it is moved to other scenes."""


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks over one group of scenes."""

    rows: np.ndarray
    """Edges in the anchor's pixels, increasing."""
    cols: np.ndarray
    codes: np.ndarray
    """(len(rows) - 1, len(cols) - 1) split of each block."""

    def at(self, rows_cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Block row and column of each point; points outside count to the nearest block."""
        positions = []
        for edges, values in ((self.rows, rows_cols[:, 0]), (self.cols, rows_cols[:, 1])):
            positions.append(
                np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(edges) - 2)
            )
        return positions[0], positions[1]


@dataclass(frozen=True, slots=True)
class BlockAreas:
    """Rectangular blocks, each of one split."""

    ground: Ground
    blocks: tuple[_Blocks, ...]
    """One set a group of the ground."""
    margin_px: float
    """How far a window keeps from blocks of other splits."""
    rectangles: tuple[np.ndarray, ...]
    """One table a group, (n, 5) float64: split code, top, left, bottom, right of what a split has there, in
    the anchor's pixels, less the margins."""

    def of(self, windows: np.ndarray) -> np.ndarray:
        """Split code of each window (n, 3); -1 where it comes nearer than the margin to another split."""
        codes = np.full(len(windows), -1, dtype=np.int8)
        low, high = self.ground.extents(windows)
        groups = self.ground.group_of[windows[:, 0]]
        for group in np.unique(groups):
            chosen, blocks = groups == group, self.blocks[group]
            top, left = blocks.at(low[chosen] - self.margin_px + 1e-6)
            bottom, right = blocks.at(high[chosen] + self.margin_px - 1e-6)
            covered = (bottom - top + 1) * (right - left + 1)
            splits = np.full(len(covered), -1, dtype=np.int8)
            for code in np.unique(blocks.codes):
                sums = np.zeros(np.add(blocks.codes.shape, 1), dtype=np.int64)
                sums[1:, 1:] = (blocks.codes == code).cumsum(0).cumsum(1)
                inside = (
                    sums[bottom + 1, right + 1]
                    - sums[top, right + 1]
                    - sums[bottom + 1, left]
                    + sums[top, left]
                )
                splits[inside == covered] = code
            codes[chosen] = splits
        return codes

    def shapes(self, scene: int) -> list[tuple[int, BaseGeometry]]:
        """The ground of each split in a scene's pixels (col, row), less the margins: split code and polygon.

        Blocks of one split side by side are one rectangle. Windows in a polygon lie in that split's blocks,
        and keep the margin from the others'.
        """
        height, width = self.ground.grids[scene].shape
        frame, found = shapely.box(0, 0, width, height), []
        around = OUTLINE * (height, width)
        if self.ground.anchor(scene) != scene:
            around = self.ground.to_anchor(scene, around)
        low, high = around.min(axis=0), around.max(axis=0)
        reach = _BULGE * (high - low)
        rectangles = self.rectangles[self.ground.group_of[scene]]
        near = (rectangles[:, 3:] > low - reach) & (rectangles[:, 1:3] < high + reach)
        for code, top, left, bottom, right in rectangles[near.all(axis=1)].tolist():
            outline = shapely.box(left, top, right, bottom)
            if self.ground.anchor(scene) != scene:
                longest = max(right - left, bottom - top)
                xy = shapely.get_coordinates(shapely.segmentize(outline, longest / _EDGE_PARTS))
                at = self.ground.from_anchor(scene, xy[:, ::-1])
                if not np.isfinite(at).all():
                    continue  # so far off that the scene's CRS has no place for it
                outline = shapely.Polygon(at[:, ::-1])
            if outline.intersects(frame):
                found.append((int(code), outline))
        return found

    def parts(self, scene: int) -> list[tuple[int, int, int, int]]:
        """Rectangles (top, left, bottom, right) of a scene's whole pixels, one per block, less the margin
        where another split is beside it. Windows inside may still come too near a block at its corner."""
        blocks = self.blocks[self.ground.group_of[scene]]
        around = np.pad(blocks.codes, 1, mode="edge")
        shape = np.array(self.ground.grids[scene].shape)
        rectangles = []
        for (i, j), code in np.ndenumerate(blocks.codes):
            apart = around[[i, i + 1, i + 2, i + 1], [j + 1, j, j + 1, j + 2]] != code
            top, left, bottom, right = apart * self.margin_px * (1, 1, -1, -1) + (
                blocks.rows[i],
                blocks.cols[j],
                blocks.rows[i + 1],
                blocks.cols[j + 1],
            )
            corners = (top, left) + OUTLINE * (bottom - top, right - left)
            at = self.ground.from_anchor(scene, corners)
            low = np.clip(np.ceil(at.min(axis=0) - 1e-6), 0, shape).astype(int)
            high = np.clip(np.floor(at.max(axis=0) + 1e-6), 0, shape).astype(int)
            rectangles.append((int(low[0]), int(low[1]), int(high[0]), int(high[1])))
        return rectangles


def _rectangles(blocks: _Blocks, margin_px: float) -> np.ndarray:
    """Code, top, left, bottom, right of what each split has: its blocks, joined where they make a rectangle,
    less the margin on each side that has another split beside it, or at its ends."""
    codes, around, found = blocks.codes, np.pad(blocks.codes, 1, mode="edge"), []
    for code, first, last, left, right in _joined(codes):
        above, below = around[first, left : right + 3], around[last + 2, left : right + 3]
        before = around[first + 1 : last + 2, left]
        after = around[first + 1 : last + 2, right + 2]
        top, bottom, west, east = (
            margin_px * bool((side != code).any()) for side in (above, below, before, after)
        )
        found.append(
            (
                code,
                float(blocks.rows[first] + top),
                float(blocks.cols[left] + west),
                float(blocks.rows[last + 1] - bottom),
                float(blocks.cols[right + 1] - east),
            )
        )
    table = np.array(found, dtype=np.float64).reshape(-1, 5)
    kept: np.ndarray = table[(table[:, 1:3] < table[:, 3:]).all(axis=1)]
    return kept


def _joined(codes: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """Code, first and last row, first and last column of rectangles that together are all blocks.

    They are runs along a row, joined with those of the same columns below.
    """
    done: list[tuple[int, int, int, int, int]] = []
    growing: dict[tuple[int, int, int], int] = {}
    for row, line in enumerate(codes):
        edges = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), len(line)]
        runs = {(int(line[a]), a, b - 1) for a, b in pairwise(edges)}
        ended = growing.keys() - runs
        done += [(run[0], growing.pop(run), row - 1, *run[1:]) for run in ended]
        growing |= {run: row for run in runs if run not in growing}
    done += [(run[0], first, len(codes) - 1, *run[1:]) for run, first in growing.items()]
    return sorted(done)


def block_areas(
    ground: Ground,
    counts: LabelCounts | None,
    *,
    shares: tuple[float, float, float],
    block_px: int | None,
    buffer_px: int,
    seed: int,
    block_m: float | None = None,
    inside: Mapping[int, BaseGeometry] | None = None,
) -> BlockAreas:
    """Blocks dealt out among splits so that each gets about its share of every class.

    Args:
        ground: Scenes and chip size.
        counts: Of labels; None deals by area alone.
        shares: Of train, test and val, summing to 1.
        block_px: Side of a block, in pixels of each group's first scene; None chooses.
        buffer_px: Least gap between chips of different splits.
        seed: Of the dealing.
        block_m: Side of a block, metres on the ground, instead of pixels.
        inside: Outline of the ground to divide, by scene, in its pixels; None is all of it.

    Raises:
        ChipError: there are fewer blocks than splits, or a block cannot hold a chip.
    """
    bounds = [_group_bounds(ground, members, inside) for members in ground.groups]
    need = max(ground.size) + buffer_px
    if block_px is not None and block_px < need:
        raise ChipError(
            f"blocks of {block_px} px hold no chip of {max(ground.size)} px and a gap of {buffer_px} px; "
            f"choose block_px of at least {need}"
        )
    if block_m is not None:
        sides_px = block_m / ground.pixel_sides_m()
        _check_side(f"blocks of {block_m:g} m", sides_px, ground, buffer_px)
        edges = [_edges([own], side)[0] for own, side in zip(bounds, sides_px, strict=True)]
    else:
        edges = _edges(bounds, block_px or 2 * need)
        if block_px is None and _count(edges) < _ENOUGH_BLOCKS:
            edges = _edges(bounds, need)
    return _dealt(
        ground, counts, edges, shares=shares, buffer_px=buffer_px, seed=seed, inside=inside
    )


def cell_areas(
    ground: Ground,
    counts: LabelCounts | None,
    *,
    shares: tuple[float, float, float],
    cell_m: float,
    buffer_px: int,
    seed: int,
) -> BlockAreas:
    """Cells dealt out as blocks are, whose edges lie at multiples of their side in each group's first scene's
    CRS; those at the scenes' edges are cut off.

    Args:
        ground: Scenes and chip size.
        counts: Of labels; None deals by area alone.
        shares: Of train, test and val, summing to 1.
        cell_m: Side of a cell, metres.
        buffer_px: Least gap between chips of different splits.
        seed: Of the dealing.

    Raises:
        ChipError: there are fewer cells than splits, or a cell cannot hold a chip.
    """
    sides_px = cell_m / ground.pixel_sides_m()
    edges = []
    for number, members in enumerate(ground.groups):
        grid = ground.grids[members[0]]
        a, b, c, d, e, f = grid.affine[:6]
        if not grid.crs.geographic:  # so that neighbouring scenes have the same lines
            unit_m = float(grid.crs.proj.axis_info[0].unit_conversion_factor or 1.0)
            sides_px[number] = cell_m / unit_m / np.hypot([b, a], [e, d])
        low, high = _group_bounds(ground, members, None)
        start = (f / e, c / a) if a and e and not (b or d) else (0.0, 0.0)
        rows, cols = (_lines(low[k], high[k], sides_px[number][k], start[k]) for k in (0, 1))
        edges.append((rows, cols))
    _check_side(f"cells of {cell_m:g} m", sides_px, ground, buffer_px)
    return _dealt(ground, counts, edges, shares=shares, buffer_px=buffer_px, seed=seed)


def _lines(low: float, high: float, side: float, start: float) -> np.ndarray:
    """The ends, and between them the pixel coordinates that lie at multiples of a side from -start."""
    first, last = np.ceil((low + start) / side), np.floor((high + start) / side)
    inner = np.arange(first, last + 1) * side - start
    inner = inner[(inner > low + 1e-6) & (inner < high - 1e-6)]
    return np.concatenate([[low], inner, [high]])


def _check_side(what: str, sides_px: np.ndarray, ground: Ground, buffer_px: int) -> None:
    need = max(ground.size) + buffer_px
    if sides_px.min() < need - 1e-6:
        raise ChipError(
            f"{what} are {sides_px.min():.4g} px, and hold no chip of {max(ground.size)} px and a gap of "
            f"{buffer_px} px; choose larger ones"
        )


def _dealt(
    ground: Ground,
    counts: LabelCounts | None,
    edges: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    shares: tuple[float, float, float],
    buffer_px: int,
    seed: int,
    inside: Mapping[int, BaseGeometry] | None = None,
) -> BlockAreas:
    """Blocks between edges, dealt out among splits."""
    need = max(ground.size) + buffer_px
    wanted = [code for code, share in enumerate(shares) if share > 0]
    if _count(edges) < len(wanted):
        raise ChipError(
            f"scenes of {[tuple(g.shape) for g in ground.grids]} pixels make {_count(edges)} blocks of "
            f"{need} px or more, fewer than the {len(wanted)} splits: use smaller chips, a smaller "
            "buffer_px, fewer splits, or regions by hand"
        )
    empty = tuple(
        _Blocks(rows, cols, np.zeros((len(rows) - 1, len(cols) - 1), dtype=np.int8))
        for rows, cols in edges
    )
    weights = _weights(ground, empty, counts, inside)
    codes = deal(weights, np.array(shares), wanted, np.random.default_rng(seed))
    dealt, start = [], 0
    for blocks in empty:
        stop = start + blocks.codes.size
        dealt.append(replace(blocks, codes=codes[start:stop].reshape(blocks.codes.shape)))
        start = stop
    margin_px = buffer_px / 2
    rectangles = tuple(_rectangles(blocks, margin_px) for blocks in dealt)
    return BlockAreas(ground, tuple(dealt), margin_px, rectangles)


def _group_bounds(
    ground: Ground, members: Sequence[int], inside: Mapping[int, BaseGeometry] | None
) -> np.ndarray:
    """(2, 2): least and greatest (row, col) of a group, in its anchor's pixels."""
    points = []
    for scene in members:
        height, width = ground.grids[scene].shape
        outline = OUTLINE * (height, width)
        if inside is not None:
            left, top, right, bottom = inside[scene].bounds
            outline = (top, left) + OUTLINE * (bottom - top, right - left)
        points.append(ground.to_anchor(scene, outline) if scene != members[0] else outline)
    at = np.concatenate(points)
    return np.stack([at.min(axis=0), at.max(axis=0)])


def _edges(
    bounds: Sequence[np.ndarray], least_px: float | np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Block edges of each group: equal blocks, as many as are at least `least_px` wide."""
    edges = []
    for low, high in bounds:
        parts = np.maximum(1, ((high - low + 1e-6) // least_px).astype(int))
        rows, cols = (np.linspace(low[k], high[k], parts[k] + 1) for k in (0, 1))
        edges.append((rows, cols))
    return edges


def _count(edges: Sequence[tuple[np.ndarray, np.ndarray]]) -> int:
    return sum((len(rows) - 1) * (len(cols) - 1) for rows, cols in edges)


def _weights(
    ground: Ground,
    blocks: Sequence[_Blocks],
    counts: LabelCounts | None,
    inside: Mapping[int, BaseGeometry] | None,
) -> np.ndarray:
    """(blocks, kinds): what each block holds of each class, or its area where there are no labels."""
    if counts is None:
        areas = [np.outer(np.diff(b.rows), np.diff(b.cols)).ravel() for b in blocks]
        # Of each group, whose pixels are its own; rounded, so that equal blocks are equal.
        return np.concatenate([np.round(own / own.max(), 6) for own in areas])[:, None]
    parts = []
    for members, some in zip(ground.groups, blocks, strict=True):
        labels = np.zeros((*some.codes.shape, counts.cells[0].shape[-1]))
        for scene in members:
            cells = counts.cells[scene]
            centres = (np.indices(cells.shape[:2]).reshape(2, -1).T + 0.5) * counts.cell_px
            height, width = ground.grids[scene].shape
            centres = np.minimum(centres, (height - 0.5, width - 0.5))
            pixels = cells.reshape(len(centres), -1)
            if inside is not None:
                pixels = pixels * shapely.intersects_xy(inside[scene], centres[:, ::-1])[:, None]
            at = centres if scene == members[0] else ground.to_anchor(scene, centres)
            np.add.at(labels, some.at(at), pixels)
        parts.append(labels.reshape(some.codes.size, -1))
    weights = np.concatenate(parts)
    return weights[:, weights.any(axis=0)]
