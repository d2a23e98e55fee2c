"""Maps are made: planned jobs are run, their products written, kept or gone on with, and recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..core.files import may_replace, writing
from ..core.progress import Progress
from .config import PredictConfig
from .job import MapJob
from .plan import batches
from .polygons import polygonize
from .predictor import ModelSource
from .products import Products, Targets, open_products
from .record import RunNote, unfinished_record, was_made_so, write_run_record
from .runners import Engine, engine_named
from .scores import final_blocks
from .smoothing.blocks import MapBlock, SmoothedBlocks, rows_smoothed
from .sources.source import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Making:
    """How maps are made, whatever they show."""

    model: ModelSource
    config: PredictConfig
    overwrite: bool
    resume: bool
    progress: Progress | None

    def map(self, source: Source, targets: Targets, *, keep: bool = False) -> None:
        """Make one map, whose products are locked.

        Args:
            source: What it shows.
            targets: Where it goes.
            keep: Leave a map that is there and was made so.
        """
        started = time.monotonic()
        targets.check_outputs(self.model.outputs)
        job = None
        if keep and self.resume and all(path.exists() for path in targets.all):
            job = MapJob.plan(self.model, source, self.config)
            if job.can_resume and was_made_so(targets.map, {**job.settings(), **targets.to_dict()}):
                log.info("%s: made before, nothing changed", targets.map)
                return
        inputs = (*source.files, *self.model.files)
        targets.check(inputs, overwrite=self.overwrite or _noted(targets))
        job = job or MapJob.plan(self.model, source, self.config)
        config = self.config
        runner = engine_named(config.engine, scheduler=config.scheduler, workers=config.workers)
        self._make(job, targets, runner)
        _record(job, targets, runner, started)

    def each_scene(self, sources: Sequence[tuple[str, Source]], folders: Targets) -> None:
        """Make a map of each source, and what else is wanted, under its name in a folder for each kind."""
        for folder in dict.fromkeys(folders.all):
            may_replace(folder, overwrite=self.overwrite, folder=True)
            with writing(folder):
                folder.mkdir(exist_ok=True)
        for number, (name, source) in enumerate(sources, 1):
            log.info("scene %d of %d: %s", number, len(sources), name)
            targets = folders.of_scene(name)
            with targets.locked():
                self.map(source, targets, keep=True)

    def _make(self, job: MapJob, targets: Targets, runner: Engine) -> None:
        """Bring all products under their names."""
        outputs = self.model.outputs
        key = job.settings() if self.resume and job.can_resume else None
        note = None if key is None else RunNote(targets.map, {**key, **targets.to_dict()})
        finished = _finished_before(targets, job.work.source.files, note, overwrite=self.overwrite)
        with open_products(targets, job.work.grid, outputs, key=key, finished=finished) as products:
            _run(job, products, runner, self.progress)
            products.publish(note)
        if targets.vector is not None:
            polygonize(
                targets.map,
                targets.vector,
                self.model.classes,
                overwrite=True,
                min_area=targets.min_area,
            )


def _record(job: MapJob, targets: Targets, runner: Engine, started: float) -> None:
    """Write how the map was made; what is above `predict` goes on with it."""
    as_run = {"engine": str(runner), "seconds": round(time.monotonic() - started, 1)}
    begun = unfinished_record(targets.map)
    write_run_record(targets.map, {**begun, **job.settings(), **targets.to_dict(), **as_run})
    RunNote(targets.map, {}).forget()


def _noted(targets: Targets) -> bool:
    return RunNote(targets.map, {}).path.exists()


def _finished_before(
    targets: Targets, inputs: Sequence[str], note: RunNote | None, *, overwrite: bool
) -> frozenset[Path]:
    """Rasters that an unfinished run of the same settings has made.

    Raises:
        WriteError: a product exists that is no such run's, and `overwrite` is not set.
    """
    if note is None or not note.matches():
        targets.check(inputs, overwrite=overwrite)
        RunNote(targets.map, {}).forget()
        return frozenset()
    log.info("%s: going on with an unfinished run", targets.map)
    return note.finished(targets.all[:-1] if targets.vector else targets.all)


def _run(job: MapJob, products: Products, engine: Engine, progress: Progress | None) -> None:
    """Bring every row of the map into the products, from where an earlier run stopped."""
    plan, smoother = job.work.plan, job.smoother
    height, reach = plan.shape[0], 0 if smoother is None else smoother.reach_px
    if products.rows_done >= height:
        return
    first = plan.first_row_needed(max(0, products.rows_done - reach))
    todo = list(batches(plan, job.batch_size, first))
    if not todo:
        return
    ready = MapBlock.unsmoothed
    if smoother is not None:
        ready = SmoothedBlocks(smoother, plan.shape, job.work.model.outputs.channels).add
    total, done = len(plan.tiles), first * plan.counts[1]
    with closing(final_blocks(job.work, todo, engine)) as finished:
        for batch, blocks in finished:
            for block in blocks:
                products.write(ready(block))
            if batch.ends_row:
                products.mark(rows_smoothed(plan.rows_final_after(batch.row), height, reach))
            done += len(batch.tiles)
            if progress is not None:
                progress(done, total)
