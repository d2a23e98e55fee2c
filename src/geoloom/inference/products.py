"""The files that a prediction writes, and what goes into them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.errors import ModelError, WriteError
from ..core.files import clear_scratch, hold_all, may_replace
from ..core.outputs import Outputs, WrittenRaster
from ..io.write.cog import CogWriter, source_files
from .record import RunNote
from .smoothing.blocks import MapBlock

MARK_EVERY_S = 2.0
"""Seconds between records of progress: a killed run loses so much, and the row of tiles it was in."""

_FOLDERS = {"model.json": "a model folder", "zarr.json": "a chip store"}
"""Files by which a folder is known that nothing else should be written to."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the products go."""

    map: Path
    """Class codes, uint8; or values, float32."""
    probabilities: Path | None
    """One float32 band a class."""
    vector: Path | None
    """Polygons of equal class, GeoPackage."""
    min_area: float | None = None
    """Hectares that a polygon has at least."""

    @property
    def all(self) -> tuple[Path, ...]:
        """Those that are wanted."""
        return tuple(p for p in (self.map, self.probabilities, self.vector) if p is not None)

    def of_scene(self, name: str) -> Targets:
        """Those of one scene, where these are folders, which may be one and the same."""
        chances, shapes = self.probabilities, self.vector
        return Targets(
            self.map / f"{name}.tif",
            None if chances is None else chances / f"{name}.probabilities.tif",
            None if shapes is None else shapes / f"{name}.gpkg",
            self.min_area,
        )

    def to_dict(self) -> dict[str, str | float | None]:
        """Their paths, and what decides the polygons but not the rasters, for the record."""
        return {
            **({} if self.min_area is None else {"min_area_ha": self.min_area}),
            "map": str(self.map),
            "probabilities": None if self.probabilities is None else str(self.probabilities),
            "vector": None if self.vector is None else str(self.vector),
        }

    def locked(self) -> AbstractContextManager[None]:
        """Be the only run that writes them; raises as `core.files.hold`."""
        return hold_all(self.all)

    def check_outputs(self, outputs: Outputs) -> None:
        """Refuse products that such a model does not give.

        Raises:
            ModelError: it gives values, which have neither probabilities nor polygons.
        """
        asked = {"probabilities": self.probabilities, "vector": self.vector}
        wrong = [name for name, path in asked.items() if path is not None]
        if wrong and outputs.kind != "classes":
            raise ModelError(
                f"the model gives {outputs.short}; {' and '.join(wrong)} are made of one class per pixel: "
                "leave them out"
            )

    def check(self, inputs: Sequence[str], *, overwrite: bool) -> None:
        """Refuse what could not be written in the end, before any work.

        Args:
            inputs: Files that the map is made from.
            overwrite: Whether products that exist may be replaced.

        Raises:
            WriteError: two products share a path, one is an input, one exists and `overwrite` is not set, or
                a folder is missing, a model or a chip store.
        """
        if len({path.absolute() for path in self.all}) < len(self.all):
            raise WriteError(f"two products share a path: {', '.join(map(str, self.all))}")
        read = list(source_files(inputs))
        for path in self.all:
            may_replace(path, overwrite=overwrite, inputs=read)
            for name, what in _FOLDERS.items():
                if (path.parent / name).exists():
                    raise WriteError(f"{path.parent} is {what}; write {path.name} elsewhere")
        if self.vector is not None and self.vector.suffix.lower() != ".gpkg":
            raise WriteError(f"{self.vector} is not a GeoPackage; give it the ending .gpkg")


Writer = tuple[CogWriter, WrittenRaster]
"""A raster that is being written, and how answers become its values."""


class Products:
    """The open writers of a run. One process alone has them.

    Args:
        labels: Writes the map, where it is not there yet.
        scores: Writes the probabilities, where they are wanted and not there yet.
        rows: Of the scene.
        resumable: Whether to record progress.
    """

    def __init__(
        self,
        labels: Writer | None,
        scores: Writer | None,
        *,
        rows: int,
        resumable: bool,
    ) -> None:
        # The map last: when it is there, all of them are.
        self._labels, self._scores = labels, scores
        self._writers = tuple(made[0] for made in (scores, labels) if made is not None)
        self._resumable, self._marked = resumable, time.monotonic()
        self.rows_done = min((writer.rows_done for writer in self._writers), default=rows)
        """Rows from the top that an earlier run finished in all products."""

    def write(self, block: MapBlock) -> None:
        """Write final pixels; rows that are done already are left alone."""
        skip = max(0, self.rows_done - block.window.row)
        if skip >= block.window.height or block.window.width == 0:
            return
        decided, scores = block.decided[:, skip:], block.scores[:, skip:]
        seen = np.zeros(scores.shape[1:], bool) if block.valid is None else block.valid[skip:]
        row, col = block.window.row + skip, block.window.col
        if self._labels is not None:
            writer, form = self._labels
            writer.write(form.encode(decided, seen), row, col)
        if self._scores is not None:
            writer, form = self._scores
            writer.write(form.encode(scores, seen), row, col)

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
    outputs: Outputs,
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
            assert isinstance(outputs.written, WrittenRaster)  # as of all that is given per pixel
            labels = _writer(stack, targets.map, grid, outputs.written, key)
        if targets.probabilities is not None and targets.probabilities not in finished:
            assert outputs.scores is not None  # `Targets.check_outputs` has looked
            scores = _writer(stack, targets.probabilities, grid, outputs.scores, key)
        yield Products(labels, scores, rows=int(grid.shape[0]), resumable=key is not None)


def _writer(
    stack: ExitStack, path: Path, grid: GeoBox, form: WrittenRaster, key: Mapping[str, Any] | None
) -> Writer:
    """A writer of such a raster, abandoned at the end of the stack unless it is published."""
    writer = CogWriter(
        path,
        grid,
        count=len(form.bands),
        dtype=form.dtype,
        nodata=form.nodata,
        descriptions=form.bands,
        units=form.units,
        colormap=form.colormap,
        class_names=form.class_names or None,
        overviews="mode" if form.categorical else "average",
        overwrite=True,
        resume=key is not None,
        key=key,
    )
    stack.callback(writer.abandon)
    return writer, form
