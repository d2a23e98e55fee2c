"""The class scores of a whole scene, block by block: what `predict` writes, without a file.

Legend: K classes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.progress import Progress
from ..io.headers.gdal_cache import cache_for_files
from ..io.headers.header import Header
from .blend import Blender
from .plan import Batch, Tile, batches, model_plan
from .predictor import Device, ModelSource, Predictor
from .runners import Engine, LocalEngine
from .sources.file import FileSource
from .sources.source import Source
from .work import TileResult, TileWork


@dataclass(frozen=True, slots=True, eq=False)
class FinalBlock:
    """The part of a scene that a tile finishes."""

    tile: Tile
    scores: NDArray[np.float32]
    """(K, H, W) of `tile.emit`, blended."""
    valid: NDArray[np.bool_] | None
    """(H, W), True = observed; None where nothing was."""


def final_blocks(
    work: TileWork, todo: Sequence[Batch], engine: Engine
) -> Generator[tuple[Batch, Iterator[FinalBlock]], None, None]:
    """Run batches of tiles and blend their scores, in plan order from the first tile of a row.

    Each batch's blocks are made as they are taken, and must be taken before the next batch.
    """
    blender = Blender(work.plan, work.model.outputs.channels)
    cache_mb = cache_for_files(work.source.files, work.read_shape[0])
    with closing(engine.map_ordered(work, todo, cache_mb)) as results:
        for batch, of_tiles in zip(todo, results, strict=True):
            yield batch, _blended(blender, batch, of_tiles)


def _blended(blender: Blender, batch: Batch, of_tiles: list[TileResult]) -> Iterator[FinalBlock]:
    for tile, result in zip(batch.tiles, of_tiles, strict=True):
        yield FinalBlock(tile, blender.add(tile, result.scores), result.valid)


def scene_scores(
    model: Predictor,
    scene: Header | Source,
    *,
    wanted: Callable[[Tile], bool],
    tile: int,
    halo: int,
    unit: str | Sequence[str] | None = None,
    device: Device = "auto",
    progress: Progress | None = None,
) -> Generator[FinalBlock, None, None]:
    """The scores that `predict` with these tiles decides a scene's pixels by.

    Args:
        model: A loaded model or any predictor.
        scene: Header of a raster, or another source; it must have the model's bands.
        wanted: Whether any pixel under `tile.read` is asked about; the model does not see other tiles.
        tile, halo: As of `predict` where they are not stated, pixels.
        unit: As of `predict`.
        device: Where the model runs.
        progress: Called with (tiles done, tiles in all).

    Yields:
        Each tile's part of the scene; right at every pixel that was asked about.

    Raises:
        ModelError: the scene lacks the model's bands, or the answer is not usable.
    """
    known = ModelSource.of(model).per_pixel()
    source = FileSource(scene) if isinstance(scene, Header) else scene
    shape = int(source.grid.shape[0]), int(source.grid.shape[1])
    plan = model_plan(shape, known.input_px, tile, halo)
    work = TileWork(
        source=source,
        grid=source.grid,
        input=known.find_input(source, unit),
        plan=plan,
        model=known,
        device=device,
        precision="auto",
        wanted=wanted,
    )
    done = 0
    todo = list(batches(plan, usual_batch_size(known, device)))
    with closing(final_blocks(work, todo, LocalEngine())) as finished:
        for batch, blocks in finished:
            yield from blocks
            done += len(batch.tiles)
            if progress is not None:
                progress(done, len(plan.tiles))


def usual_batch_size(source: ModelSource, device: Device) -> int:
    """Tiles that go through the model together, where not given."""
    # A processor gains nothing from larger batches, and holds a network's whole activations for each tile.
    return 4 if source.place(device).type == "cuda" else 1
