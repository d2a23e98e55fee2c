"""Two maps of classes compared after classification: what became what, where, and how much."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..core.area import pixel_areas_m2
from ..core.classes import Classes
from ..core.errors import GridError
from ..core.files import may_replace, write_text
from ..core.grid import PixelWindow, block_windows, crs_name, crs_title, lattice_window, window_grid
from ..core.legend import ClassColors, CodeNames, recolored
from ..core.progress import Progress
from ..evaluation.maps import map_classes
from ..io.geometry.overlap import WHOLE, share_covered
from ..io.headers.header import Header, read_header
from ..io.raster import read
from ..io.write.cog import CogWriter
from .change_matrix import ChangeMatrix, change_classes

log = logging.getLogger(__name__)

CLASSES_TAG = "GEOLOOM_CLASSES"
"""Tag of a map of changes that holds its classes as JSON, with what was before and after."""
_HECTARE_M2 = 10_000.0


@dataclass(frozen=True, slots=True)
class MapChange:
    """What `change` has written."""

    path: Path
    classes: Classes
    """Of the map, with `before` and `after`."""
    matrix: ChangeMatrix
    unmapped: int
    """Pixels without a class before or after."""


def change(
    before: str | Path,
    after: str | Path,
    out: str | Path,
    *,
    classes: CodeNames | None = None,
    colors: ClassColors | None = None,
    align: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> MapChange:
    """Compare two maps of classes, pixel by pixel: a map of changes, and areas by class before and after.

    Guarantee: the same bytes as `geoloom change` writes with the same options. Memory does not grow with the
    maps. Areas are those of the ellipsoid. A pixel without a class in either map is nodata.

    Errors of both maps come into the changes: where each is right on nine pixels of ten, up to a fifth of
    the pixels may change on paper alone.

    Args:
        before, after: Rasters of class codes.
        out: The map of changes: classes such as `forest -> pasture`. The matrix of hectares goes beside it
            as `<out>.matrix.csv`, and with pixels and classes as `<out>.matrix.json`.
        classes: Name by code, of both maps; None takes the names that each carries.
        colors: `#rrggbb`, or `transparent`, of changes by name; the others get fitting ones.
        align: Read `after` onto the pixels of `before`, each the nearest, where the grids differ.
        overwrite: Replace these files.
        progress: Called with (blocks done, blocks in all), over both passes.

    Returns:
        Path and classes of the map, and the matrix.

    Raises:
        GridError: the grids differ and `align` is not set, or do not overlap.
        ModelError: a map names no classes and none are given.
        ConfigError: no pixel has a class in both, too many changes occur, or a colour is of none.
        WriteError: a file exists and `overwrite` is not set, or is an input.

    Example:
        >>> change("2015.tif", "2020.tif", "change.tif").matrix.changed_hectares  # doctest: +SKIP
        1204.7
    """
    target, inputs = Path(out), (before, after)
    for product in (target, *matrix_paths(target)):
        may_replace(product, overwrite=overwrite, inputs=inputs)
    pair = _Pair.of(read_header(before), read_header(after), classes, align=align)
    total = 2 * sum(1 for _ in block_windows(pair.grid.shape))
    advance = progress or (lambda done, of: None)
    matrix, unmapped = _counted(pair, advance, total)
    made = recolored(change_classes(pair.earlier, pair.later, matrix.pixels), colors)
    _write(pair, made, target, overwrite=overwrite, progress=advance, total=total)
    csv, plain = matrix_paths(target)
    write_text(csv, matrix.csv())
    facts = {**matrix.to_dict(), "unmapped_pixels": unmapped, "classes": made.to_dict()}
    write_text(plain, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    return MapChange(target, made, matrix, unmapped)


def matrix_paths(out: Path) -> tuple[Path, Path]:
    """Where the matrix goes, as CSV and as JSON."""
    return out.with_name(f"{out.stem}.matrix.csv"), out.with_name(f"{out.stem}.matrix.json")


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two maps that are read on the pixels of the first."""

    before: Header
    after: Header
    earlier: Classes
    later: Classes

    @classmethod
    def of(cls, before: Header, after: Header, names: CodeNames | None, *, align: bool) -> _Pair:
        window = lattice_window(before.grid, after.grid)
        same = window == PixelWindow(0, 0, *before.grid.shape)
        if not same:
            differ = f"{_grid(before)}, and {_grid(after)}"
            if not align:
                raise GridError(
                    f"the maps lie on different pixels: {differ}; give align=True (--align) to read the "
                    "second on the pixels of the first, each the nearest"
                )
            share = share_covered(before, after, "; expected two maps of the same ground")
            log.warning(
                "the maps lie on different pixels: %s; the second is read on the first's", differ
            )
            if share < WHOLE:
                log.warning("%s covers %.1f %% of %s", after.uri, 100 * share, before.uri)
        return cls(before, after, map_classes(before, names), map_classes(after, names))

    @property
    def grid(self) -> GeoBox:
        return self.before.grid

    def blocks(self) -> Iterator[tuple[PixelWindow, GeoBox, NDArray[np.int64], NDArray[np.bool_]]]:
        """Window, grid, position of the pair of classes (h, w), and where both maps have one."""
        for window in block_windows(self.grid.shape):
            part = window_grid(self.grid, window)
            (i, first), (j, second) = (
                _positions(header, part, classes)
                for header, classes in ((self.before, self.earlier), (self.after, self.later))
            )
            yield window, part, i * len(self.later) + j, first & second


def _positions(
    header: Header, part: GeoBox, classes: Classes
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    stored = read(header, part, bands=[1], resampling="nearest")
    position, known = classes.encode(stored.values[0])
    return position, known & stored.valid


def _counted(pair: _Pair, progress: Progress, total: int) -> tuple[ChangeMatrix, int]:
    """The matrix, and the pixels that are not in it."""
    shape = len(pair.earlier), len(pair.later)
    size = shape[0] * shape[1]
    pixels, square_m, unmapped = np.zeros(size, np.int64), np.zeros(size), 0
    for done, (_, part, at, both) in enumerate(pair.blocks(), start=1):
        chosen = at[both]
        pixels += np.bincount(chosen, minlength=size)
        areas = np.broadcast_to(pixel_areas_m2(part), both.shape)[both]
        square_m += np.bincount(chosen, weights=areas, minlength=size)
        unmapped += int(both.size - chosen.size)
        progress(done, total)
    matrix = ChangeMatrix(
        pair.earlier.names,
        pair.later.names,
        pixels.reshape(shape),
        square_m.reshape(shape) / _HECTARE_M2,
    )
    return matrix, unmapped


def _write(
    pair: _Pair, made: Classes, out: Path, *, overwrite: bool, progress: Progress, total: int
) -> None:
    assert made.before is not None  # they are classes of change
    assert made.after is not None
    table = np.full(len(pair.earlier) * len(pair.later), made.nodata, dtype=np.uint8)
    for code, first, second in zip(made.codes, made.before, made.after, strict=True):
        row = pair.earlier.names.index(str(first)) * len(pair.later)
        table[row + pair.later.names.index(str(second))] = code
    with CogWriter(
        out,
        pair.grid,
        dtype="uint8",
        nodata=made.nodata,
        descriptions=["change"],
        colormap=made.colormap(),
        class_names=dict(zip(made.codes, made.names, strict=True)),
        tags={CLASSES_TAG: json.dumps(made.to_dict(), ensure_ascii=False)},
        inputs=(pair.before.uri, pair.after.uri),
        overwrite=overwrite,
    ) as writer:
        for done, (window, _, at, both) in enumerate(pair.blocks(), start=1 + total // 2):
            writer.write(
                np.where(both, table[at], made.nodata).astype(np.uint8), window.row, window.col
            )
            progress(done, total)


def _grid(header: Header) -> str:
    """A map's grid for people."""
    height, width = header.grid.shape
    a, _, c, _, e, f = header.grid.affine[:6]
    return (
        f"{header.uri} has {width} x {height} px of {abs(a):.8g} x {abs(e):.8g} from ({c:.8g}, {f:.8g}) in "
        f"{crs_title(crs_name(header.grid.crs))}"
    )
