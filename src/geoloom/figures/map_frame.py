"""What makes a picture a map: coordinates along its frame, a scale bar, a north arrow."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, TextArea
from matplotlib.patches import Polygon, Rectangle
from odc.geo.geobox import GeoBox
from pyproj import Geod

from ..core.grid import crs_name, transformer
from .style import INK, MUTED, PAPER, TICK_PT

_GEOD = Geod(ellps="WGS84")
_NICE = (1, 2, 5)
_DEGREE_STEPS = (1 / 60, 2 / 60, 5 / 60, 10 / 60, 15 / 60, 0.5, 1, 2, 5, 10, 15, 30, 45)


def lonlat(grid: GeoBox, col: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of pixel positions; columns and rows may be fractions."""
    a, b, c, d, e, f = grid.affine[:6]
    x, y = a * col + b * row + c, d * col + e * row + f
    if grid.crs.epsg == 4326:
        return x, y
    lon, lat = transformer(crs_name(grid.crs), "EPSG:4326").transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def pixel_size_m(grid: GeoBox) -> tuple[float, float]:
    """Width and height on the ground of the pixel at the grid's centre, metres, by geodesics.

    Example:
        >>> from affine import Affine
        >>> grid = GeoBox((10, 10), Affine(1 / 3600, 0, 0, 0, -1 / 3600, 5 / 3600), "EPSG:4326")
        >>> tuple(round(v, 2) for v in pixel_size_m(grid))
        (30.92, 30.72)
    """
    height, width = grid.shape
    col, row = width / 2, height / 2
    lon, lat = lonlat(grid, np.array([col, col + 1, col]), np.array([row, row, row + 1]))
    _, _, across = _GEOD.inv(lon[0], lat[0], lon[1], lat[1])
    _, _, down = _GEOD.inv(lon[0], lat[0], lon[2], lat[2])
    return float(across), float(down)


def nice_length(most: float) -> float:
    """The longest of 1, 2 or 5 times a power of ten that is no longer than `most`.

    Example:
        >>> nice_length(7300.0), nice_length(0.3)
        (5000.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return max(n * power for n in _NICE if n * power <= most * (1 + 1e-9))


def add_furniture(ax: Axes, grid: GeoBox) -> None:
    """Frame an image drawn in pixel coordinates (`imshow` of the grid) as a map."""
    height, width = grid.shape
    across, down = pixel_size_m(grid)
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect(down / across)
    for spine in ax.spines.values():
        spine.set_color(INK)
        spine.set_linewidth(0.8)
    _coordinates(ax, grid)
    _scale_bar(ax, width, height, across)
    _north_arrow(ax, grid)


def _coordinates(ax: Axes, grid: GeoBox) -> None:
    """Longitudes along the lower edge and latitudes along the left one, where they really cross it."""
    height, width = grid.shape
    along = np.linspace(0, 1, 101)
    lon, _ = lonlat(grid, along * width, np.full(101, float(height)))
    _, lat = lonlat(grid, np.zeros(101), along * height)
    x_at, x_text = _ticks(lon, along * width, "EW")
    y_at, y_text = _ticks(lat, along * height, "NS")
    ax.set_xticks(x_at, x_text)
    ax.set_yticks(y_at, y_text, rotation=90, va="center")
    ax.tick_params(labelsize=TICK_PT - 0.5, colors=MUTED, labelcolor=MUTED, length=3, width=0.8)


def _ticks(
    degrees: np.ndarray, position: np.ndarray, signs: str, wanted: int = 3
) -> tuple[list[float], list[str]]:
    """Round degrees within a monotone run along an edge; none where the run is broken or turns."""
    steps = np.diff(degrees)
    if not np.isfinite(degrees).all() or not ((steps > 0).all() or (steps < 0).all()):
        return [], []
    low, high = float(degrees.min()), float(degrees.max())
    fitting = [s for s in _DEGREE_STEPS if (high - low) / s >= wanted]
    step = fitting[-1] if fitting else nice_length((high - low) / wanted)
    values = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
    order = np.argsort(degrees)
    at = np.interp(values, degrees[order], position[order])
    return at.tolist(), [_degrees(float(v), step, signs) for v in values]


def _degrees(value: float, step: float, signs: str) -> str:
    sign = signs[0] if value >= 0 else signs[1]
    if step >= 1:
        return f"{abs(value):.0f}°{sign}"
    if step >= 1 / 60:
        minutes = round(abs(value) * 60)
        return f"{minutes // 60}°{minutes % 60:02d}′{sign}"
    digits = max(2, math.ceil(-math.log10(step)))
    return f"{abs(value):.{digits}f}°{sign}"


def _scale_bar(ax: Axes, width: int, height: int, across_m: float) -> None:
    length_m = nice_length(0.26 * width * across_m)
    length, left, low = length_m / across_m, 0.035 * width, 0.955 * height
    thick = 0.009 * height
    pad = 0.012 * width
    ax.add_patch(
        Rectangle(
            (left - pad, low - 4.6 * thick), length + 2 * pad, 6.4 * thick, facecolor=PAPER, alpha=0.82, lw=0,
            zorder=8,
        )
    )  # fmt: skip
    for half, color in ((0, INK), (1, PAPER)):
        ax.add_patch(
            Rectangle(
                (left + half * length / 2, low),
                length / 2,
                thick,
                fc=color,
                ec=INK,
                lw=0.7,
                zorder=9,
            )
        )
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    ax.text(
        left + length / 2, low - 0.6 * thick, text, ha="center", va="bottom", fontsize=TICK_PT,
        color=INK, zorder=9,
    )  # fmt: skip


def _north_arrow(ax: Axes, grid: GeoBox) -> None:
    height, width = grid.shape
    ahead = north_in_pixels(grid)
    if ahead is None:
        return
    centre = np.array([0.955 * width, 0.06 * height])
    size = 0.028 * max(width, height)
    side = np.array([-ahead[1], ahead[0]])
    tip, tail = centre + ahead * size, centre - ahead * size
    waist = centre - ahead * size * 0.55
    for hand, color in ((1, INK), (-1, PAPER)):
        wing = tail + hand * side * size * 0.55
        ax.add_patch(Polygon(np.array([tip, wing, waist]), fc=color, ec=INK, lw=0.7, zorder=9))
    label = TextArea("N", textprops={"fontsize": TICK_PT, "color": INK, "fontweight": "bold"})
    box = AnnotationBbox(
        label, tuple(centre - ahead * size * 1.75), pad=0.12, zorder=9,
        bboxprops={"facecolor": PAPER, "alpha": 0.82, "linewidth": 0, "boxstyle": "round,pad=0.1"},
    )  # fmt: skip
    ax.add_artist(box)


def north_in_pixels(grid: GeoBox) -> np.ndarray | None:
    """Unit vector (columns, rows) towards true north at the grid's centre; None where there is no north."""
    height, width = grid.shape
    col, row = width / 2, height / 2
    lon, lat = lonlat(grid, np.array([col]), np.array([row]))
    if not np.isfinite(lon).all():
        return None
    target = (lon, np.minimum(lat + 1e-3, 90.0))
    if grid.crs.epsg != 4326:
        target = transformer("EPSG:4326", crs_name(grid.crs)).transform(*target)
    a, b, c, d, e, f = (~grid.affine)[:6]
    x, y = float(target[0][0]), float(target[1][0])
    step = np.array([a * x + b * y + c - col, d * x + e * y + f - row])
    size = float(np.hypot(*step))
    return step / size if math.isfinite(size) and size > 0 else None
