"""A look at a raster of any size: read onto a zoomed-out grid, and stretched for the eye."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import BandError
from ..core.resampling import Resampling
from ..io.headers.header import Header, read_header
from ..io.raster import Raster, read
from .composites import composites_of

_STRIP_VALUES = 24_000_000
"""Source values that one read may need: bounds its memory to a few hundred megabytes."""

MAX_PX = 1400
"""Longest side of a look, unless asked otherwise: more than a printed column shows."""

Source = str | Path | Raster


def zoomed_out(grid: GeoBox, max_px: int) -> GeoBox:
    """The same area in at most `max_px` pixels per side; the grid itself where it is small enough.

    Pixels grow by a whole factor, so that classes stay on the source's lattice.
    """
    factor = math.ceil(max(grid.shape) / max_px)
    return grid if factor <= 1 else grid.zoom_out(factor)


def look(
    source: Source,
    *,
    bands: Sequence[int | str] | None = None,
    max_px: int = MAX_PX,
    resampling: Resampling | None = None,
    grid: GeoBox | None = None,
    scaled: bool = False,
) -> Raster:
    """Read a raster for the eye, at most `max_px` a side; a raster in memory is taken as it is.

    Args:
        source: File, or a raster read before.
        bands: Numbers (from 1) or names; None means all.
        max_px: Longest side, pixels.
        resampling: How to shrink; None means `average` for measurements and `mode` for classes.
        grid: Where to look, instead of the whole file.
        scaled: Whether a file's scale and offset are applied.
    """
    if isinstance(source, Raster):
        return _chosen(source, bands)
    header = read_header(source)
    target = zoomed_out(header.grid, max_px) if grid is None else grid
    if resampling is None:
        resampling = "mode" if header.categorical else "average"
    return _read_in_strips(header, target, bands, resampling, scaled=scaled)


def _read_in_strips(
    header: Header,
    grid: GeoBox,
    bands: Sequence[int | str] | None,
    resampling: Resampling,
    *,
    scaled: bool,
) -> Raster:
    """As `read`, with memory for a part of the source at a time: reads do not depend on how a grid is cut."""
    height = int(grid.shape[0])
    count = len(header.find(bands))
    source_values = math.prod(header.grid.shape) * count
    strips = min(height, math.ceil(source_values / _STRIP_VALUES))
    edges = np.linspace(0, height, strips + 1).astype(int)
    parts = [
        read(
            header,
            grid[int(top) : int(bottom), :],
            bands=bands,
            resampling=resampling,
            scaled=scaled,
        )
        for top, bottom in itertools.pairwise(edges)
    ]
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate([part.values for part in parts], axis=1)
    valid = np.concatenate([part.valid for part in parts])
    return Raster(values, valid, grid, parts[0].bands)


def look_at_image(
    source: Source,
    *,
    bands: Sequence[int | str] | None = None,
    max_px: int = MAX_PX,
    grid: GeoBox | None = None,
) -> Raster:
    """One or three bands of a scene, chosen from the bands' names unless given.

    Raises:
        BandError: neither one nor three bands are asked for.
    """
    if bands is None:
        names = source.bands if isinstance(source, Raster) else read_header(source).band_names
        bands = composites_of(names)[0].bands
    if len(bands) not in (1, 3):
        raise BandError(f"a picture is made of one band or three, not {len(bands)}: {list(bands)}")
    return look(source, bands=bands, max_px=max_px, grid=grid)


def look_at_classes(source: Source, *, max_px: int = MAX_PX, grid: GeoBox | None = None) -> Raster:
    """A class map, shrunk by the most frequent class."""
    return look(source, bands=[1], max_px=max_px, resampling="mode", grid=grid)


def stretch(
    raster: Raster, *, percentiles: tuple[float, float] = (2.0, 98.0)
) -> tuple[np.ndarray, tuple[tuple[float, float], ...]]:
    """Bands as 8-bit colours, each stretched between two percentiles of its valid pixels.

    Args:
        raster: One band or three.
        percentiles: Darkest and brightest share, per cent.

    Returns:
        uint8 (H, W, 4), red, green, blue and alpha, alpha 0 where not valid; and the (low, high) limits
        of each band.

    Example:
        >>> from affine import Affine
        >>> grid = GeoBox((1, 3), Affine.scale(1, -1), "EPSG:3857")
        >>> values = np.array([[[0.0, 5.0, 10.0]]])
        >>> shown, limits = stretch(Raster(values, np.ones((1, 3), bool), grid, ("a",)), percentiles=(0, 100))
        >>> shown[0, :, 0].tolist(), limits
        ([0, 128, 255], ((0.0, 10.0),))
    """
    limits = tuple(limits_of(band[raster.valid], percentiles) for band in raster.values)
    return in_colors(raster.values, raster.valid, limits), limits


def in_colors(
    values: np.ndarray, valid: np.ndarray, limits: Sequence[tuple[float, float]]
) -> np.ndarray:
    """One band or three as 8-bit colours, black at the lower and full at the upper limit of each.

    Args:
        values: (1 or 3, H, W).
        valid: bool (H, W), True = observed.
        limits: Of each band.

    Returns:
        uint8 (H, W, 4), red, green, blue and alpha; all 0 where not valid.
    """
    picture = np.zeros((*valid.shape, 4), dtype=np.uint8)
    picture[..., 3] = np.where(valid, 255, 0)
    for position, (band, (low, high)) in enumerate(zip(values, limits, strict=True)):
        span = high - low or 1.0
        unit = np.clip((band.astype(np.float32) - low) / span, 0, 1)
        eight_bit = np.rint(np.nan_to_num(unit) * 255).astype(np.uint8)
        picture[..., position] = np.where(valid, eight_bit, 0)
    if len(values) == 1:
        picture[..., 1] = picture[..., 2] = picture[..., 0]
    return picture


def limits_of(values: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """The two percentiles of finite values; (0, 1) where there are none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, percentiles)
    return float(low), float(high)


def paint(codes: np.ndarray, valid: np.ndarray, classes: Classes) -> np.ndarray:
    """Class codes in their colours, uint8 (H, W, 4); alpha 0 where not valid or not a class.

    Example:
        >>> paint(np.array([[1, 9]]), np.array([[True, True]]), Classes.of(["water"])).tolist()
        [[[44, 127, 184, 255], [0, 0, 0, 0]]]
    """
    table = np.zeros((256, 4), dtype=np.uint8)
    for code, color in classes.colormap().items():
        table[code] = color
    inside = valid & (codes >= 0) & (codes <= 255)
    return table[np.where(inside, codes, 0).astype(np.intp)] * inside[..., None].astype(np.uint8)


def classes_of(source: Source) -> Classes:
    """The classes of a map: its names and colours where the file has them, else one for each value found."""
    header: Header | None = None if isinstance(source, Raster) else read_header(source)
    names = dict(header.class_names or {}) if header else {}
    colors = dict(header.colormap or {}) if header else {}
    if not names:
        seen = look_at_classes(source)
        values = np.unique(seen.values[0][seen.valid])
        names = {int(v): f"class {int(v)}" for v in values}
    return Classes.from_legend(names, colors)


def _chosen(raster: Raster, bands: Sequence[int | str] | None) -> Raster:
    if bands is None:
        return raster
    positions = [b - 1 if isinstance(b, int) else raster.bands.index(b) for b in bands]
    names = tuple(raster.bands[i] for i in positions)
    return Raster(raster.values[positions], raster.valid, raster.grid, names)
