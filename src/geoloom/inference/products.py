"""The files that a prediction writes, and what goes into them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..core.classes import MAX_CODE, Classes
from ..core.errors import ModelError, WriteError
from ..core.files import clear_scratch, hold_all, may_replace
from ..io.write.cog import CogWriter, source_files
from .plan import Tile
from .record import RunNote

MARK_EVERY_S = 2.0
"""Seconds between records of progress: a killed run loses so much, and the row of tiles it was in."""

_FOLDERS = {"model.json": "a model folder", "zarr.json": "a chip store"}
"""Files by which a folder is known that nothing else should be written to."""


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

    def held(self) -> AbstractContextManager[None]:
        """Be the only run that writes them; raises as `core.files.hold`."""
        return hold_all(self.all)

    def check(self, scene: str, *, overwrite: bool) -> None:
        """Refuse what could not be written in the end, before any work.

        Raises:
            WriteError: two products share a path, one is the scene itself, one exists and `overwrite` is
                not set, or a folder is missing, a model or a chip store.
        """
        if len({path.absolute() for path in self.all}) < len(self.all):
            raise WriteError(f"two products share a path: {', '.join(map(str, self.all))}")
        for path in self.all:
            may_replace(path, overwrite=overwrite, inputs=source_files([scene]))
            for name, what in _FOLDERS.items():
                if (path.parent / name).exists():
                    raise WriteError(f"{path.parent} is {what}; write {path.name} elsewhere")
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
        labels: Writes the map, where it is not there yet.
        scores: Writes the probabilities, where they are wanted and not there yet.
        rows: Of the scene.
        resumable: Whether to record progress.
    """

    def __init__(
        self,
        classes: Classes,
        labels: CogWriter | None,
        scores: CogWriter | None,
        *,
        rows: int,
        resumable: bool,
    ) -> None:
        self._classes, self._labels, self._scores = classes, labels, scores
        # The map last: when it is there, all of them are.
        self._writers = tuple(writer for writer in (scores, labels) if writer is not None)
        self._resumable, self._marked = resumable, time.monotonic()
        self.rows_done = min((writer.rows_done for writer in self._writers), default=rows)
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
        if self._labels is not None:
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

    def publish(self, note: RunNote | None) -> None:
        """Finish all, which takes a while, and only then give them their names, which takes none.

        Args:
            note: Written in between, so that a killed run's products are known as its own.
        """
        finished = {writer.path: writer.finish() for writer in self._writers}
        if note is not None and finished:
            note.write(finished)
        for writer in self._writers:
            writer.publish()


@contextmanager
def open_products(
    targets: Targets,
    grid: GeoBox,
    classes: Classes,
    *,
    key: Mapping[str, Any] | None,
    finished: Collection[Path],
) -> Iterator[Products]:
    """Writers of the rasters but for those in `finished`, to be published before the block ends.

    After an error they leave no product; what was written stays for a resume where `key`, which says what a
    resumed run must have in common with this one, is given. What may be replaced was settled before.
    """
    labels = scores = None
    for path in finished:
        clear_scratch(path)
    with ExitStack() as stack:
        if targets.map not in finished:
            labels = CogWriter(
                targets.map,
                grid,
                nodata=map_nodata(classes),
                descriptions=["class"],
                colormap=classes.colormap(),
                class_names=dict(zip(classes.codes, classes.names, strict=True)),
                overwrite=True,
                resume=key is not None,
                key=key,
            )
            stack.callback(labels.abandon)
        if targets.probabilities is not None and targets.probabilities not in finished:
            scores = CogWriter(
                targets.probabilities,
                grid,
                count=len(classes),
                dtype="float32",
                nodata=float("nan"),
                descriptions=classes.names,
                overwrite=True,
                resume=key is not None,
                key=key,
            )
            stack.callback(scores.abandon)
        rows = int(grid.shape[0])
        yield Products(classes, labels, scores, rows=rows, resumable=key is not None)
