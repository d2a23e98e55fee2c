"""Which windows of a scene are read, in which order, and which pixels each one finishes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from ..core.errors import ConfigError, GridError
from ..core.grid import PixelWindow

Blend = Literal["cosine", "crop"]

_MOST_TILES = 1_000_000
"""Of one map: at the usual 512 px, half a million pixels on a side."""

_STEP_PX = 32
"""Tiles are evened out in steps of this size, by which most networks halve their input."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One window of the scene that the model sees at once."""

    row: int
    """Which row of tiles, from 0."""
    col: int
    """Which column of tiles, from 0."""
    read: PixelWindow
    """What the model sees: the core with a halo on every side, also beyond the scene's edge."""
    emit: PixelWindow
    """The pixels, inside the scene, that are final once this tile and all before it are added. The
    windows of all tiles cover the scene once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All tiles of a scene, row by row: plain data, made without touching a file."""

    shape: tuple[int, int]
    """Rows and columns of the scene."""
    core: tuple[int, int]
    """Rows and columns from one tile to the next."""
    halo_px: int
    """Context around a core that the model sees too."""
    blend: Blend
    """`cosine` fades neighbours into each other over 2 * halo_px; `crop` cuts the halo off."""
    tiles: tuple[Tile, ...]

    @property
    def read_shape(self) -> tuple[int, int]:
        """Rows and columns that the model sees: the same for every tile."""
        return self.core[0] + 2 * self.halo_px, self.core[1] + 2 * self.halo_px

    @property
    def overlap_px(self) -> int:
        """How far a tile's result reaches beyond its core."""
        return self.halo_px if self.blend == "cosine" else 0

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        last = self.tiles[-1]
        return last.row + 1, last.col + 1

    def rows_final_after(self, tile_row: int) -> int:
        """How many of the scene's first rows are final once a row of tiles is done."""
        emit = self.tiles[tile_row * self.counts[1]].emit
        return emit.row + emit.height

    def first_row_needed(self, rows_done: int) -> int:
        """The first row of tiles that adds to rows from `rows_done` on."""
        rows, _ = self.counts
        for row in range(rows):
            if (row + 1) * self.core[0] + self.overlap_px > rows_done:
                return row
        return rows


@dataclass(frozen=True, slots=True)
class Batch:
    """Tiles that go through the model together: neighbours in one row of tiles."""

    tiles: tuple[Tile, ...]

    ends_row: bool
    """Whether these are the last tiles of their row."""

    @property
    def row(self) -> int:
        """Their row of tiles."""
        return self.tiles[0].row


def plan_tiles(
    shape: tuple[int, int],
    tile_px: int = 512,
    halo_px: int = 64,
    blend: Blend = "cosine",
    *,
    seen_px: tuple[int, int] | None = None,
) -> Plan:
    """Cut a scene into even tiles of at most `tile_px`, or into those that a network asks for.

    Guarantee: every pixel is in exactly one tile's `emit`; the plan depends on nothing but its arguments.

    Args:
        shape: Rows and columns of the scene, any size.
        tile_px: Largest side of a tile without its halo, pixels. Tiles are evened out, so that a scene a
            little larger than one tile does not cost two whole ones.
        halo_px: Context on every side, pixels; about half of what the model sees at once is plenty.
        blend: How overlapping results become one.
        seen_px: Rows and columns that the model sees, where it takes no others: tiles are then of that size
            less the halo on both sides, and not evened out; `tile_px` does not count.

    Raises:
        GridError: a size is not positive, the halo is negative or leaves nothing of what is seen, or there
            are more than a million tiles.

    Example:
        >>> plan = plan_tiles((1000, 520), tile_px=512, halo_px=64)
        >>> len(plan.tiles), plan.core, plan.read_shape
        (4, (512, 288), (640, 416))
    """
    if min(shape) < 1 or tile_px < 1 or halo_px < 0:
        raise GridError(
            f"cannot plan tiles of {tile_px} px with a halo of {halo_px} px over a scene of {shape}; "
            "tile and scene must be at least 1 px, the halo at least 0"
        )
    if blend not in ("cosine", "crop"):
        raise GridError(f"no blend is called {blend!r}; use 'cosine' or 'crop'")
    if seen_px is not None and min(seen_px) <= 2 * halo_px:
        raise GridError(
            f"the model takes images of {seen_px[1]} x {seen_px[0]} px, and a halo of {halo_px} px on both "
            f"sides leaves nothing of them; give a halo of at most {(min(seen_px) - 1) // 2} (--halo)"
        )
    if seen_px is None:
        core = _even(shape[0], tile_px), _even(shape[1], tile_px)
    else:
        core = seen_px[0] - 2 * halo_px, seen_px[1] - 2 * halo_px
    overlap = halo_px if blend == "cosine" else 0
    counts = -(-shape[0] // core[0]), -(-shape[1] // core[1])
    if counts[0] * counts[1] > _MOST_TILES:
        raise GridError(
            f"a map of {shape[1]} x {shape[0]} px is {counts[0] * counts[1]:,} tiles, and at most "
            f"{_MOST_TILES:,} are planned: choose coarser pixels (--resolution), an area (--roi), or "
            "larger tiles (--tile)"
        )
    tiles = []
    for row in range(counts[0]):
        top, height = _final(row, counts[0], core[0], overlap, shape[0])
        for col in range(counts[1]):
            left, width = _final(col, counts[1], core[1], overlap, shape[1])
            read = PixelWindow(
                row * core[0] - halo_px,
                col * core[1] - halo_px,
                core[0] + 2 * halo_px,
                core[1] + 2 * halo_px,
            )
            tiles.append(Tile(row, col, read, PixelWindow(top, left, height, width)))
    return Plan(shape, core, halo_px, blend, tuple(tiles))


def model_plan(
    shape: tuple[int, int],
    seen_px: tuple[int, int] | None,
    tile_px: int = 512,
    halo_px: int = 64,
    blend: Blend = "cosine",
    *,
    stated: Collection[str] = (),
) -> Plan:
    """The tiles for a model: as asked for, or such as give it images of the one size that it takes.

    Args:
        shape, tile_px, halo_px, blend: As of `plan_tiles`. A halo that is not stated is at most a quarter of
            what the model takes.
        seen_px: Rows and columns of its images, where it takes no others.
        stated: Which of `tile` and `halo` someone has asked for.

    Raises:
        ConfigError: a tile is stated that makes another size.
        GridError: as of `plan_tiles`.
    """
    if seen_px is None:
        return plan_tiles(shape, tile_px, halo_px, blend)
    halo = halo_px if "halo" in stated else min(halo_px, min(seen_px) // 4)
    side = tile_px + 2 * halo
    if "tile" in stated and (side, side) != seen_px:
        square = seen_px[0] == seen_px[1] and seen_px[0] > 2 * halo
        raise ConfigError(
            f"the model takes images of {seen_px[1]} x {seen_px[0]} px alone, and a tile of {tile_px} px "
            f"with a halo of {halo} on both sides is {side}; "
            + (
                f"give tile={seen_px[0] - 2 * halo} (--tile), or leave it out"
                if square
                else "leave it out"
            )
        )
    return plan_tiles(shape, halo_px=halo, blend=blend, seen_px=seen_px)


def batches(plan: Plan, size: int, first_row: int = 0) -> Iterator[Batch]:
    """The plan's tiles in groups of at most `size`, never across rows of tiles.

    The groups of a row do not depend on where a run begins: a resumed run feeds the model the same ones.
    """
    wanted = (tile for tile in plan.tiles if tile.row >= first_row)
    for _, row in groupby(wanted, key=lambda tile: tile.row):
        tiles = tuple(row)
        for start in range(0, len(tiles), size):
            yield Batch(tiles[start : start + size], start + size >= len(tiles))


def _even(length: int, most: int) -> int:
    """The side that covers `length` with the fewest tiles of at most `most`, and the least to spare."""
    count = -(-length // most)
    side = -(-length // count)
    return min(most, -(-side // _STEP_PX) * _STEP_PX)


def _final(index: int, count: int, core: int, overlap: int, length: int) -> tuple[int, int]:
    """Start and length, inside the scene, of what is final after tile `index` along one axis."""
    start = 0 if index == 0 else index * core - overlap
    stop = length if index == count - 1 else (index + 1) * core - overlap
    start, stop = min(max(start, 0), length), min(max(stop, 0), length)
    return start, stop - start
