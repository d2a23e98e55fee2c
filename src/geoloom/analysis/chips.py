"""Where training chips lie in their scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from odc.geo.geobox import GeoBox

from ..core.errors import ChipError
from ..core.grid import crs_name, transformer
from ..figures.images import Bands, map_figure, show_on
from ..figures.map_frame import add_furniture
from ..figures.style import INK, LABEL_PT, SERIES
from ..figures.views import Source, look_at_image, stretch

SPLIT_COLORS = {"train": "#ffd400", "val": "#00c2d1", "test": "#ff4fa3"}
"""Bright, since they are drawn over imagery; distinguishable by colour-blind readers."""


EACH_UP_TO = 40
"""Chips that are outlined one by one; more would be a carpet of lines."""


@dataclass(frozen=True, slots=True)
class Footprints:
    """Outlines of chips in the pixel coordinates of a grid."""

    corners: np.ndarray
    """float64 (N, 4, 2), columns and rows of each chip's corners."""
    splits: tuple[str, ...]
    """N names, such as `train`."""


def plot_chips(
    chips: Any, scene: Source, *, bands: Bands = None, title: str | None = None, max_px: int = 1000
) -> Figure:
    """Chips over their scene, coloured by split, with their numbers.

    Each chip is outlined; where there are many, the ground that those of a split cover together is.

    Args:
        chips: A chip store, or the table of one: columns `split`, `crs`, and the affine `a` to `f`.
        scene: File or raster that the chips were cut from.
        bands, title, max_px: As in `plot_image`.

    Raises:
        ChipError: no chip lies in the scene.
    """
    seen = look_at_image(scene, bands=bands, max_px=max_px)
    footprints = chip_footprints(chips, seen.grid)
    picture, _ = stretch(seen)
    picture[..., :3] = (picture[..., :3] * 0.62).astype(np.uint8)
    figure, (ax,) = map_figure(seen.grid, 1, title)
    show_on(ax, picture, seen.grid)
    names = [s for s in SPLIT_COLORS if s in footprints.splits]
    names += sorted(set(footprints.splits) - set(names))
    one_by_one = len(footprints.splits) <= EACH_UP_TO
    handles = []
    for i, split in enumerate(names):
        corners = footprints.corners[[s == split for s in footprints.splits]]
        color = SPLIT_COLORS.get(split, SERIES[i % len(SERIES)])
        shapes = PolyCollection(
            list(corners) if one_by_one else _ground(corners),
            facecolors="none" if one_by_one else to_rgba(color, 0.22),
            edgecolors=color,
            linewidths=1.1,
            zorder=5,
        )
        ax.add_collection(shapes)
        label = f"{split} ({len(corners):,})"
        handles.append(Line2D([], [], color=color, lw=2.5, label=label))
    add_furniture(ax, seen.grid)
    figure.legend(
        handles=handles, loc="outside lower left", ncols=4, frameon=False, fontsize=LABEL_PT,
        labelcolor=INK,
    )  # fmt: skip
    return figure


def _ground(corners: np.ndarray) -> list[np.ndarray]:
    """The outlines of the ground that chips cover together, holes left out."""
    whole = shapely.union_all(shapely.polygons(corners))
    return [np.asarray(part.exterior.coords) for part in shapely.get_parts(whole)]


def chip_footprints(chips: Any, grid: GeoBox) -> Footprints:
    """Corners of the chips that touch a grid, in its pixel coordinates.

    Raises:
        ChipError: none does.
    """
    table = getattr(chips, "table", chips)
    side = chips.size if table is not chips else None  # a bare table has a size of its own
    sizes = _sizes(table, side)
    outlines, splits = [], []
    height, width = grid.shape
    for row, (rows, cols) in zip(table.to_dict("records"), sizes, strict=True):
        affine = Affine(*(float(row[name]) for name in "abcdef"))
        corners = _in_pixels(affine, rows, cols, str(row["crs"]), grid)
        low, high = corners.min(axis=0), corners.max(axis=0)
        if (high > 0).all() and low[0] < width and low[1] < height:
            outlines.append(corners)
            splits.append(row["split"] if isinstance(row["split"], str) else "unsplit")
    if not outlines:
        raise ChipError(
            f"none of {len(table)} chips lies in the scene ({crs_name(grid.crs)}, {width} x {height}); "
            "give the scene that they were cut from"
        )
    return Footprints(np.array(outlines), tuple(splits))


def _sizes(table: Any, side: Any) -> Sequence[tuple[int, int]]:
    if {"height", "width"} <= set(table.columns):
        return list(zip(table["height"], table["width"], strict=True))
    pair = tuple(side) if isinstance(side, tuple | list) else (side, side)
    if pair[0] is None:
        raise ChipError("the table does not say how large chips are; give the chip store itself")
    return [(int(pair[0]), int(pair[1]))] * len(table)


def _in_pixels(affine: Affine, rows: int, cols: int, crs: str, grid: GeoBox) -> np.ndarray:
    at_col = np.array([0, cols, cols, 0], dtype=np.float64)
    at_row = np.array([0, 0, rows, rows], dtype=np.float64)
    x = affine.a * at_col + affine.b * at_row + affine.c
    y = affine.d * at_col + affine.e * at_row + affine.f
    target = crs_name(grid.crs)
    if crs != target:
        x, y = transformer(crs, target).transform(x, y)
    a, b, c, d, e, f = (~grid.affine)[:6]
    return np.column_stack([a * x + b * y + c, d * x + e * y + f])
