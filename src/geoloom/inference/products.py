"""The files that a prediction writes, and what goes into them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..core.classes import MAX_CODE, Classes
from ..core.errors import ModelError, WriteError
from ..io.cog import CogWriter, require_writable
from .plan import Tile

MARK_EVERY_S = 2.0
"""Seconds between records of progress: a killed run loses so much, and the row of tiles it was in."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the products go."""

    map: Path
    """Class codes, uint8."""
    probabilities: Path | None
    """One float32 band a class."""
    vector: Path | None
    """Polygons of equal class, GeoPackage."""

    @property
    def all(self) -> tuple[Path, ...]:
        """Those that are wanted."""
        return tuple(p for p in (self.map, self.probabilities, self.vector) if p is not None)

    def to_dict(self) -> dict[str, str | None]:
        """Their paths, for the record."""
        return {
            "map": str(self.map),
            "probabilities": None if self.probabilities is None else str(self.probabilities),
            "vector": None if self.vector is None else str(self.vector),
        }

    def check(self, scene: str, *, overwrite: bool) -> None:
        """Refuse what could not be written in the end, before any work.

        Raises:
            WriteError: two products share a path, one is the scene itself, one exists and `overwrite` is
                not set, or a folder is missing.
        """
        if len(set(self.all)) < len(self.all):
            raise WriteError(f"two products share a path: {', '.join(map(str, self.all))}")
        for path in self.all:
            if path.exists() and Path(scene).exists() and path.samefile(scene):
                raise WriteError(f"{path} is the scene itself; write the product elsewhere")
            require_writable(path, overwrite=overwrite)
        if self.vector is not None and self.vector.suffix.lower() != ".gpkg":
            raise WriteError(f"{self.vector} is no GeoPackage; give it the ending .gpkg")


def map_nodata(classes: Classes) -> int:
    """The code of unobserved pixels: 255, or the first code that is no class.

    Raises:
        ModelError: all 256 codes are classes.

    Example:
        >>> map_nodata(Classes.of(["a", "b"], codes=[0, 255]))
        1
    """
    for code in (MAX_CODE, *range(MAX_CODE)):
        if code not in classes.codes:
            return int(code)
    raise ModelError("the model has 256 classes, which leaves no code for unobserved pixels")


def label(
    scores: NDArray[np.float32], valid: NDArray[np.bool_], classes: Classes
) -> NDArray[np.uint8]:
    """The code of the largest score, the first one where equal, and the map's nodata where not valid.

    Args:
        scores: (K, H, W); a pixel where one is not finite counts as not observed.
        valid: (H, W), True = observed.

    Returns:
        (H, W).
    """
    best = scores[0].copy()
    codes = np.full(best.shape, classes.codes[0], dtype=np.uint8)
    for layer, code in zip(scores[1:], classes.codes[1:], strict=True):
        better = layer > best
        codes[better] = code
        np.maximum(best, layer, out=best)  # hands on NaN, which then marks the pixel
    codes[~(valid & np.isfinite(best))] = map_nodata(classes)
    return codes


class Products:
    """The open writers of a run. One process alone has them.

    Args:
        classes: What scores mean.
        labels: Writes the map.
        scores: Writes the probabilities, where they are wanted.
        resumable: Whether to record progress.
    """

    def __init__(
        self, classes: Classes, labels: CogWriter, scores: CogWriter | None, *, resumable: bool
    ) -> None:
        self._classes, self._labels, self._scores = classes, labels, scores
        self._writers = (labels,) if scores is None else (labels, scores)
        self._resumable, self._marked = resumable, time.monotonic()
        self.rows_done = min(writer.rows_done for writer in self._writers)
        """Rows from the top that an earlier run finished in all products."""

    def write(
        self, tile: Tile, scores: NDArray[np.float32], valid: NDArray[np.bool_] | None
    ) -> None:
        """Write the final scores (K, H, W) of `tile.emit`; rows that are done already are left alone."""
        skip = max(0, self.rows_done - tile.emit.row)
        if skip >= tile.emit.height or tile.emit.width == 0:
            return
        scores = scores[:, skip:]
        seen = np.zeros(scores.shape[1:], bool) if valid is None else valid[skip:]
        row, col = tile.emit.row + skip, tile.emit.col
        self._labels.write(label(scores, seen, self._classes), row, col)
        if self._scores is not None:
            self._scores.write(np.where(seen, scores, np.float32("nan")), row, col)

    def mark(self, rows: int) -> None:
        """Record that the first `rows` rows are final; not too often, for it waits for the disk."""
        now = time.monotonic()
        if self._resumable and rows > self.rows_done and now - self._marked >= MARK_EVERY_S:
            for writer in self._writers:
                writer.mark(rows)
            self._marked = now


@contextmanager
def open_products(
    targets: Targets,
    grid: GeoBox,
    classes: Classes,
    *,
    key: Mapping[str, Any] | None,
    overwrite: bool,
) -> Iterator[Products]:
    """Writers that finish their products on a clean exit.

    After an error they leave no product; what was written stays for a resume where `key`, which says what a
    resumed run must have in common with this one, is given.
    """
    with ExitStack() as stack:
        labels = stack.enter_context(
            CogWriter(
                targets.map,
                grid,
                nodata=map_nodata(classes),
                descriptions=["class"],
                colormap=classes.colormap(),
                class_names=dict(zip(classes.codes, classes.names, strict=True)),
                overwrite=overwrite,
                resume=key is not None,
                key=key,
            )
        )
        scores = None
        if targets.probabilities is not None:
            scores = stack.enter_context(
                CogWriter(
                    targets.probabilities,
                    grid,
                    count=len(classes),
                    dtype="float32",
                    nodata=float("nan"),
                    descriptions=classes.names,
                    overwrite=overwrite,
                    resume=key is not None,
                    key=key,
                )
            )
        yield Products(classes, labels, scores, resumable=key is not None)
