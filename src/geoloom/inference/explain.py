"""What a prediction will do, before it does it: the map's pixels, tiles, files, memory and time.

Computed from the job that `predict` runs: its tiles, and for each of them what its source will read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.grid import crs_name, crs_title
from ..core.settings.configs import configured
from ..io.explain import FileRead, merged
from ..io.headers.gdal_cache import cache_for_files
from .config import PredictConfig, PredictSettings
from .job import MapJob
from .plan import Tile, batches
from .predictor import ModelSource, Predictor
from .runners import AHEAD, reader_threads
from .sources.opening import Given, open_source
from .sources.scenes import scene_sources
from .windows import Windows, WindowWork
from .work import autocast

_SHOWN = 20
"""Files that the text names."""


@dataclass(frozen=True, slots=True)
class MapPlan:
    """What a prediction will read, run and hold."""

    source: str
    """What is mapped, in words."""
    grid: GeoBox
    """The map's pixels."""
    bands: tuple[str, ...]
    """That the model reads, in its order."""
    tiles: int
    """In all."""
    tiles_read: int
    """That touch the area of interest; others are nodata and cost nothing."""
    tile_px: tuple[int, int]
    """Rows and columns that the model sees at once, with the halo."""
    batch_size: int
    """Tiles, or windows of a model that answers per image, that go through the model at once."""
    reads: tuple[FileRead, ...] | None
    """By file and way of reading: the window around all that is read, and the bytes of all tiles' windows,
    which overlap by their halos. None where the source does not say."""
    memory_bytes: dict[str, int]
    """Held at once, by what for, apart from what the network itself takes."""
    model_seconds: float | None
    """That the model takes for all tiles on this device, from one batch of zeros timed just now; None where
    it was not timed. Reading goes on beside it."""
    windows: Windows | None = None
    """Of a model that answers per image: what of the scene each pixel of the map is decided by."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "source": self.source,
            "crs": crs_name(self.grid.crs),
            "width": int(self.grid.shape[1]),
            "height": int(self.grid.shape[0]),
            "transform": list(self.grid.affine[:6]),
            "bands": list(self.bands),
            "tiles": self.tiles,
            "tiles_read": self.tiles_read,
            "tile_px": list(self.tile_px),
            "batch_size": self.batch_size,
            "reads": None if self.reads is None else [_plain(read) for read in self.reads],
            "memory_bytes": self.memory_bytes,
            "model_seconds": self.model_seconds,
            "windows": None if self.windows is None else asdict(self.windows),
        }

    def text(self) -> str:
        """For people, a line for each thing that will happen."""
        height, width = self.grid.shape
        side = " x ".join(f"{abs(v):g}" for v in (self.grid.resolution.x, self.grid.resolution.y))
        lines = [
            f"map     {width} x {height} px of {side} in {crs_title(crs_name(self.grid.crs))}",
            f"source  {self.source}, bands {', '.join(self.bands)}",
            *self._lines_of_tiles(),
            *self._lines_of_files(),
            f"memory  {_size(sum(self.memory_bytes.values()))} and what the network takes ("
            + ", ".join(f"{name} {_size(size)}" for name, size in self.memory_bytes.items())
            + ")",
        ]
        if self.model_seconds is not None:
            lines.append(
                f"time    about {_duration(self.model_seconds)} of the model, as timed on zeros"
            )
        return "\n".join(lines)

    def _lines_of_tiles(self) -> list[str]:
        size = f"{self.tile_px[1]} x {self.tile_px[0]} px"
        read = f"tiles   {self.tiles_read} of {self.tiles} are read, each {size}"
        if self.windows is None:
            return [f"{read} with its halo, {self.batch_size} at once"]
        seen = self.windows
        return [
            read,
            f"windows {seen.size_px} x {seen.size_px} px, a pixel of the map every {seen.stride_px} px, "
            f"nodata where less than {seen.min_valid:.0%} is observed, {self.batch_size} at once",
        ]

    def _lines_of_files(self) -> list[str]:
        if self.reads is None:
            return ["files   the source does not say what it reads"]
        total = sum(read.bytes for read in self.reads if not read.fills_gaps)
        files = len({read.uri for read in self.reads})
        lines = [f"files   {files}, {_size(total)} of stored pixels"]
        for read in self.reads[:_SHOWN]:
            window, level = read.window, "" if read.level is None else f", overview {read.level}"
            gaps = ", only where those before observed nothing" if read.fills_gaps else ""
            lines.append(
                f"        {Path(read.uri).name} bands {', '.join(map(str, read.bands))}: rows "
                f"{window.row} to {window.row + window.height}, columns {window.col} to "
                f"{window.col + window.width}{level}; {read.engine}, {read.how} ({read.why}){gaps}"
            )
        if len(self.reads) > _SHOWN:
            lines.append(f"        and {len(self.reads) - _SHOWN} more")
        return lines


@dataclass(frozen=True, slots=True)
class ScenePlans:
    """What a prediction of each scene will do, by the scene's name."""

    scenes: tuple[tuple[str, MapPlan], ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"scenes": {name: plan.to_dict() for name, plan in self.scenes}}

    def text(self) -> str:
        """For people, the lines of each scene under its name."""
        return "\n\n".join(f"{name}.tif\n{plan.text()}" for name, plan in self.scenes)


def explain(
    model: str | Path | Predictor,
    scene: Given,
    config: PredictConfig | None = None,
    *,
    timed: bool = True,
    **settings: Unpack[PredictSettings],
) -> MapPlan | ScenePlans:
    """What `predict` with the same arguments will do; no pixel is read and nothing is written.

    Args:
        model, scene, config, settings: As of `predict`.
        timed: Load the model, and time one batch of zeros; not with `per_scene`.

    Returns:
        The plan; with `per_scene`, one for each scene.

    Raises:
        GeoloomError: what `predict` would refuse.

    Example:
        >>> print(explain("model/", "scenes/", roi="park.gpkg").text())  # doctest: +SKIP
    """
    chosen = configured(PredictConfig, config, settings)
    known = ModelSource.of(model, chosen.facts).giving(chosen.output)
    if chosen.per_scene:
        named = scene_sources(scene, **chosen.opened, roi=chosen.roi)
        jobs = [(name, MapJob.plan(known, source, chosen)) for name, source in named]
        return ScenePlans(tuple((name, explain_job(job, timed=False)) for name, job in jobs))
    source = open_source(scene, dates=known.dates, **chosen.opened)
    return explain_job(MapJob.plan(known, source, chosen), timed=timed)


def explain_job(job: MapJob, *, timed: bool) -> MapPlan:
    """What a job will do."""
    work, plan = job.work, job.work.plan
    read = [tile for tile in plan.tiles if work.reads(tile)]
    names = dict(zip(work.source.bands.numbers, work.source.bands.names, strict=True))
    of_windows = work if isinstance(work, WindowWork) else None
    return MapPlan(
        source=work.source.bands.uri,
        grid=work.grid,
        bands=tuple(names[number] for number in work.input.numbers),
        tiles=len(plan.tiles),
        tiles_read=len(read),
        tile_px=work.read_shape,
        batch_size=job.batch_size if of_windows is None else of_windows.at_once,
        reads=_reads(job, read),
        memory_bytes=_memory(job),
        model_seconds=_model_seconds(job, read) if timed and read else None,
        windows=None if of_windows is None else of_windows.windows,
    )


def _reads(job: MapJob, tiles: Sequence[Tile]) -> tuple[FileRead, ...] | None:
    work = job.work
    explain_read = getattr(work.source, "explain", None)
    if explain_read is None:
        return None
    return merged(
        read for tile in tiles for read in explain_read(work.ground(tile), work.input.numbers)
    )


def _memory(job: MapJob) -> dict[str, int]:
    """Arrays that are in memory at once, and GDAL's cache."""
    work, plan = job.work, job.work.plan
    rows, cols = work.read_shape
    types = dict(zip(work.source.bands.numbers, work.source.bands.dtypes, strict=True))
    stored = sum(np.dtype(types[number]).itemsize for number in work.input.numbers)
    pixels, bands = job.batch_size * rows * cols, len(work.input.numbers)
    channels, overlap = work.model.outputs.channels, 2 * plan.overlap_px
    width = plan.counts[1] * plan.core[1] + overlap
    strips = channels * overlap * (width + plan.core[0] + overlap)
    reach = 0 if job.smoother is None else job.smoother.reach_px
    smoothed = 4 * reach * (width + 2 * reach) + (rows + 3 * reach) * (cols + 3 * reach)
    files = cache_for_files(work.source.files, rows) * 2**20
    return {
        "tiles read ahead": (reader_threads() + AHEAD) * pixels * (stored + 1),
        "a batch and its answer": pixels * 4 * (2 * bands + 2 * channels),
        "overlaps": 4 * strips,
        **({} if job.smoother is None else {"smoothing": 4 * channels * smoothed}),
        "GDAL's cache": files,
    }


def _model_seconds(job: MapJob, tiles: Sequence[Tile]) -> float | None:
    """Of all batches, by one of zeros: the second of two, as the first prepares things."""
    import torch

    work = job.work
    if work.source.is_series:  # how many dates there are shows when they are read
        return None
    predictor, device = work.model.load(work.device)
    at_once = work.at_once if isinstance(work, WindowWork) else job.batch_size
    shape = at_once, len(work.input.numbers), *work.seen_shape
    valid = torch.ones((at_once, *work.seen_shape), dtype=torch.bool, device=device)
    image = torch.zeros(shape, device=device)
    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        with torch.inference_mode(), autocast(work.precision, device):
            predictor(image, valid).sum().item()  # waits for a GPU
        seconds = time.perf_counter() - began
    turns = 8 if work.tta else 1
    return seconds * turns * _calls(job, tiles)


def _calls(job: MapJob, tiles: Sequence[Tile]) -> int:
    """How often the model is called, turned images aside."""
    if isinstance(job.work, WindowWork):
        return job.work.calls(len(tiles))
    wanted = {(tile.row, tile.col) for tile in tiles}
    asked = (
        batch
        for batch in batches(job.work.plan, job.batch_size)
        if any((tile.row, tile.col) in wanted for tile in batch.tiles)
    )
    return sum(1 for _ in asked)


def _plain(read: FileRead) -> dict[str, Any]:
    window = read.window
    return {
        "file": read.uri,
        "bands": list(read.bands),
        "rows": [window.row, window.row + window.height],
        "columns": [window.col, window.col + window.width],
        "overview": read.level,
        "engine": read.engine,
        "how": read.how,
        "why": read.why,
        "bytes": read.bytes,
        "fills_gaps": read.fills_gaps,
    }


def _size(count: int) -> str:
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}" if value < 1000 else f"{value:.0f} {units[0]}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
