"""A look at a raster's pixels: figures of each band, counts of codes, and what looks suspicious."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.area import pixel_areas_m2
from ..core.grid import block_windows, window_grid
from ..io.headers.header import Header, read_header
from ..io.headers.validity import as_stored
from ..io.raster import read
from .suspicions import suspicions

MOST_VALUES = 1 << 26
"""Values (pixels times bands) up to which every pixel is read; of larger rasters every n-th block."""
MOST_BANDS = 64
"""Bands of which figures are given, from the first."""
MOST_CODES = 256
_BLOCK_PX = 512


@dataclass(slots=True)
class BandFigures:
    """What was seen of a band."""

    name: str
    nodata: float | None
    looked_at: int = 0
    """Pixels."""
    valid: int = 0
    """Observed ones among them."""
    is_nodata: int = 0
    """Pixels that hold the declared nodata value."""
    total: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")
    counts: dict[float, int] | None = field(default_factory=dict)
    """Observed pixels by value; None once there were more than `MOST_CODES`."""
    whole: bool = True
    """Whether all values are whole numbers."""

    def add(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """See a block, (h, w) each."""
        stored = None if self.nodata is None else as_stored(self.nodata, values.dtype)
        if stored is not None:
            missing = np.isnan(values) if np.isnan(self.nodata or 0) else values == stored
            self.is_nodata += int(missing.sum())
            valid = valid & ~missing
        if values.dtype.kind == "f":
            valid = valid & np.isfinite(values)
        seen = values[valid]
        self.looked_at += values.size
        self.valid += seen.size
        if not seen.size:
            return
        self.total += float(seen.sum(dtype=np.float64))
        self.min, self.max = min(self.min, float(seen.min())), max(self.max, float(seen.max()))
        if seen.dtype.kind == "f" and self.whole:
            self.whole = bool((seen == np.rint(seen)).all())
        if self.counts is None:
            return
        each, numbers = np.unique(seen, return_counts=True)
        for value, number in zip(each.tolist(), numbers.tolist(), strict=True):
            self.counts[value] = self.counts.get(value, 0) + number
        if len(self.counts) > MOST_CODES:
            self.counts = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; None where nothing was observed."""
        seen = self.valid > 0
        return {
            "name": self.name,
            "min": self.min if seen else None,
            "max": self.max if seen else None,
            "mean": self.total / self.valid if seen else None,
            "valid": self.valid / self.looked_at if self.looked_at else 0.0,
        }


@dataclass(frozen=True, slots=True)
class RasterInspection:
    """What a look at a raster's pixels gave."""

    header: Header
    bands: tuple[BandFigures, ...]
    share: float
    """Of the pixels that were looked at, 0..1; below 1 all figures are those of a sample."""
    codes: tuple[tuple[int, str, int, float], ...]
    """Code, name, pixels and hectares on the ellipsoid; empty where the values are no codes."""
    suspicious: tuple[str, ...]
    """What deserves a look before the raster is used, in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = [
            {"code": code, "name": name, "pixels": pixels, "hectares": hectares}
            for code, name, pixels, hectares in self.codes
        ]
        return {
            "looked_at": self.share,
            "statistics": [band.to_dict() for band in self.bands],
            **({"codes": rows} if rows else {}),
            "suspicious": list(self.suspicious),
        }


def inspect_raster(image: str | Path | Header, *, exact: bool = False) -> RasterInspection:
    """Look at a raster's pixels, block by block: memory does not grow with it.

    Of rasters of more than `MOST_VALUES` values, blocks evenly spread over the raster are looked at, unless
    `exact` is set; `share` says how much that was. Values are as stored.

    Args:
        image: Raster.
        exact: Look at every pixel of rasters of any size.

    Raises:
        ReadError: it cannot be read.
    """
    header = image if isinstance(image, Header) else read_header(image)
    numbers = header.data_bands[:MOST_BANDS]
    bands = tuple(BandFigures(header.band_names[n - 1], header.nodata[n - 1]) for n in numbers)
    height, width = header.grid.shape
    windows = list(block_windows(header.grid.shape, _BLOCK_PX))
    step = 1 if exact else max(1, -(-height * width * len(numbers) // MOST_VALUES))
    chosen = windows[::step]
    joint = _Joint()
    edge = _Border(len(bands))
    areas: dict[int, float] = {}
    for window in chosen:
        part = window_grid(header.grid, window)
        raster = read(header, part, bands=numbers, nodata=float("nan"))
        for band, values in zip(bands, raster.values, strict=True):
            band.add(values, raster.valid)
        joint.add(raster.values, raster.valid)
        edge.add(raster.values, window.row, window.col, height, width)
        if len(bands) == 1 and bands[0].counts is not None and bands[0].whole:
            cells = np.broadcast_to(pixel_areas_m2(part), raster.valid.shape)
            for code, at in _each(raster.values[0], raster.valid):
                areas[code] = areas.get(code, 0.0) + float(cells[at].sum()) / 1e4
    looked = sum(w.height * w.width for w in chosen) / (height * width)
    codes = _codes(header, bands, areas)
    found = suspicions(header, bands, joint.shares(), edge.fill())
    return RasterInspection(header, bands, looked, codes, tuple(found))


def _each(values: NDArray[Any], valid: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[Any]]]:
    seen = np.unique(values[valid])
    if len(seen) <= MOST_CODES and np.isfinite(seen).all():
        for value in seen.tolist():
            yield int(value), valid & (values == value)


def _codes(
    header: Header, bands: tuple[BandFigures, ...], areas: dict[int, float]
) -> tuple[tuple[int, str, int, float], ...]:
    counts = bands[0].counts
    if len(bands) > 1 or counts is None or not bands[0].whole:
        return ()
    names = header.class_names or {}
    return tuple(
        (int(code), names.get(int(code), ""), number, areas.get(int(code), 0.0))
        for code, number in sorted(counts.items())
    )


class _Joint:
    """How many observed pixels hold one value in all bands."""

    def __init__(self) -> None:
        self.pixels, self.equal = 0, dict[float, int]()

    def add(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        self.pixels += int(valid.sum())
        alike = valid & (values == values[0]).all(axis=0)
        kind = values.dtype
        ends = {
            0.0,
            *((float(np.iinfo(kind).min), float(np.iinfo(kind).max)) if kind.kind in "iu" else ()),
        }
        for value in ends:
            number = int((values[0][alike] == value).sum())
            self.equal[value] = self.equal.get(value, 0) + number

    def shares(self) -> dict[float, float]:
        """Share of the observed pixels by value: 0 and the ends of the type."""
        return {v: n / self.pixels for v, n in self.equal.items()} if self.pixels else {}


class _Border:
    """What fills the outermost rows and columns."""

    def __init__(self, count: int) -> None:
        self.count, self.pixels, self.values = count, 0, dict[float, int]()

    def add(self, values: NDArray[Any], row: int, col: int, height: int, width: int) -> None:
        h, w = values.shape[1:]
        outer = np.zeros((h, w), dtype=bool)
        outer[0] |= row == 0
        outer[-1] |= row + h == height
        outer[:, 0] |= col == 0
        outer[:, -1] |= col + w == width
        on_edge = values[:, outer]
        self.pixels += on_edge.shape[1]
        each, numbers = np.unique(
            on_edge[0][(on_edge == on_edge[0]).all(axis=0)], return_counts=True
        )
        for at in numbers.argsort()[-8:]:
            value = float(each[at])
            self.values[value] = self.values.get(value, 0) + int(numbers[at])

    def fill(self) -> tuple[float, float] | None:
        """The value that most of the border holds in all bands, and its share of the border."""
        if not self.values or not self.pixels:
            return None
        value = max(self.values, key=self.values.__getitem__)
        return value, self.values[value] / self.pixels
