"""From scenes to a finished map."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from ..core.files import may_replace, writing
from ..core.progress import Progress
from ..io.vector.areas import RoiSource
from ..preparation.options import Join
from .images import answers_per_image, predict_images, refuse_map_options
from .job import MapJob
from .plan import Blend, batches
from .polygons import polygonize
from .predictor import Device, ModelSource, Precision, Predictor
from .products import Products, Targets, open_products
from .record import RunNote, unfinished_record, was_made_so, write_run_record
from .runners import Engine, EngineName, engine_named
from .scores import final_blocks
from .sources.grids import GridChoice, GridLike, Resolution
from .sources.opening import Given, When, open_source
from .sources.scenes import scene_sources
from .sources.source import Source

log = logging.getLogger(__name__)


def predict(
    model: str | Path | Predictor,
    scene: Given,
    out: str | Path,
    *,
    probabilities: str | Path | None = None,
    vector: str | Path | None = None,
    join: Join | None = None,
    when: When = None,
    roi: RoiSource | None = None,
    crs: str | None = None,
    resolution: Resolution | None = None,
    like: GridLike | None = None,
    per_scene: bool = False,
    tile: int = 512,
    halo: int = 64,
    blend: Blend = "cosine",
    tta: bool = False,
    batch_size: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    nodata: float | None = None,
    unit: str | Sequence[str] | None = None,
    assume_crs: str | None = None,
    engine: EngineName | Engine = "local",
    scheduler: str | None = None,
    workers: int = 2,
    overwrite: bool = False,
    resume: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Map scenes of any size and any form with a model: classes, or values.

    Guarantee: memory is bounded by the map's width times the halo, not by its size. Each pixel is decided
    by the same sums in the same order whatever the engine, the number of workers and however often the run
    was killed and taken up again. (A network's own sums depend on how many threads torch has in a process, by
    some 1e-7 of a probability: with equal OMP_NUM_THREADS the bytes are equal.)

    A model that answers per image is asked about chips or pictures instead, and its answers become a table:
    see `inference.images.predict_images`.

    Pixels that are not observed in every band are nodata in the map. A product appears under its name only
    when it is whole. On its own pixels a scene is copied; where the map's pixels are others, it is resampled
    once.

    Args:
        model: A model folder, a loaded model, or any `Predictor`.
        scene: What to map; it must have the model's bands. A raster file, on its own pixels; several files,
            which a sensor's names or `join` put together; a folder, a pattern or a STAC index, opened as
            `geoloom.open` does; a dataset, such as `Landsat8(a) | Landsat7(b)` or `imagery & elevation`,
            composed as it composes; or any `Source`. A model that sees several dates gets the series of a
            dataset's dates, which are observed where one of them is, or a series as it is.
        out: The map: a cloud-optimised GeoTIFF of uint8 class codes with colours and names, nodata 255
            (or the first code that is not a class); of a model that gives values, one float32 band a value.
            A record of the run goes to `<out>.run.json`.
        probabilities: GeoTIFF of one float32 band a class, summing to 1, nodata NaN.
        vector: GeoPackage of polygons of equal class, with name, code and area.
        join: How several files become one, as in `prepare`: `bands` of one scene, on the pixels of the first
            file; a `mosaic`, side by side; or `dates` of one place, oldest first. A model of one date takes
            those as bands named `t1_red`, `t2_red`.
        when: Of a folder or a dataset, the time asked about, such as `2019-07` or `2019-06/2019-08`.
        roi: Area of interest in any CRS; see `core.roi.RoiLike`, or a vector file. The map ends around it,
            and pixels outside are nodata; only tiles that touch it are read.
        crs: Of the map, where not that of the scenes.
        resolution: Side of the map's pixels in units of its CRS, or width and height.
        like: A raster, or a grid, whose pixels are the map's.
        per_scene: Make a map of each scene, on its own pixels, in place of one of all: `out` is a folder, and
            a map there bears its scene's name. Maps that the same call has made before are kept.
        tile: Largest side of a tile without its halo, pixels.
        halo: Context that the model sees around a tile, pixels.
        blend: `cosine` fades tiles into each other over the halo; `crop` cuts the halo off.
        tta: Test-time augmentation: each tile is seen in its eight orientations, and the mean taken. Eight
            times slower, and as a rule a little more accurate.
        batch_size: Tiles that go through the model at once; 1 on a processor and 4 on a GPU if not given.
        device: Where the model runs; `auto` takes CUDA where there is one.
        precision: `auto` computes in bfloat16 where it may on CUDA, in float32 elsewhere.
        nodata: Stored value that means unobserved, instead of the files' own.
        unit: What the scene's numbers are after its scale and offset, such as `surface_reflectance`, instead
            of what its tags say: one for all bands, or one for each band of the model, in its order; `none`
            for unknown. A scene of the model's unit in another scale or offset is converted; one of another
            unit is refused.
        assume_crs: Instead of the files' missing or wrong one.
        engine: `local` runs in this process; `dask` on worker processes, with the same classes.
        scheduler: Address of a Dask scheduler; workers are started here where none is given.
        workers: How many to start.
        overwrite: Replace existing products.
        resume: Keep what a failed or killed run has finished, and go on from there next time. Needs a model
            folder, a loaded model, or a predictor with a `fingerprint`; and scenes that are known by their
            files, as datasets with transforms are not.
        progress: Called with (tiles done, tiles in all) after each batch, from the thread that called this.

    Returns:
        Path of the map; or of the folder, with `per_scene`.

    Raises:
        ModelError: the scene lacks the model's bands, one is a series and the other sees one date, or the
            model answers with a wrong shape.
        ConfigError: options do not go with what is given, or nothing says how several files become one.
        WriteError: a product exists and `overwrite` is not set, or cannot be written.
        ReadError: the scene cannot be read.
        GridError: tile or halo are impossible, scenes lie in several CRSs and no grid is chosen, or the area
            of interest lies beside them.

    Example:
        >>> predict("model/", "scene.tif", "map.tif", vector="map.gpkg")            # doctest: +SKIP
        PosixPath('map.tif')
        >>> predict("model/", ["B04.tif", "B08.tif"], "map.tif", join="bands")      # doctest: +SKIP
        PosixPath('map.tif')
        >>> predict("model/", Landsat8(a) | Landsat7(b), "map.tif", when="2019-07") # doctest: +SKIP
        PosixPath('map.tif')
    """
    if answers_per_image(model):
        of_maps: dict[str, Any] = {
            "probabilities": probabilities,
            "vector": vector,
            "join": join,
            "when": when,
        }
        of_maps |= {"roi": roi, "crs": crs, "resolution": resolution, "like": like}
        of_maps |= {"nodata": nodata, "assume_crs": assume_crs, "per_scene": per_scene or None}
        refuse_map_options(of_maps)
        return predict_images(
            model,
            scene,  # type: ignore[arg-type]  # what cannot be samples is refused there
            out,
            batch_size=batch_size,
            device=device,
            unit=unit,
            overwrite=overwrite,
            progress=progress,
        )
    known, choice = ModelSource.of(model), GridChoice(crs, resolution, like)
    plan = partial(
        MapJob.plan,
        known,
        unit=unit,
        roi=roi,
        tile=tile,
        halo=halo,
        blend=blend,
        tta=tta,
        batch_size=batch_size,
        device=device,
        precision=precision,
    )
    opened: dict[str, Any] = {
        "join": join,
        "when": when,
        "nodata": nodata,
        "assume_crs": assume_crs,
    }
    run = _Run(engine, scheduler, workers, overwrite, resume, progress)
    if per_scene:
        if probabilities is not None or vector is not None:
            raise ConfigError("per_scene makes maps alone; leave probabilities and vector out")
        sources = scene_sources(scene, **opened, choice=choice, roi=roi)
        return _each_scene(sources, known, plan, Path(out), run)
    targets = Targets(Path(out), _path(probabilities), _path(vector))
    with targets.locked():
        source = open_source(scene, dates=known.dates, **opened, choice=choice)
        run.map(source, known, plan, targets)
    return targets.map


@dataclass(frozen=True, slots=True)
class _Run:
    """How maps are made, whatever they show."""

    engine: EngineName | Engine
    scheduler: str | None
    workers: int
    overwrite: bool
    resume: bool
    progress: Progress | None

    def map(
        self,
        source: Source,
        model: ModelSource,
        plan: Callable[[Source], MapJob],
        targets: Targets,
        *,
        keep: bool = False,
    ) -> None:
        """Make one map, whose products are locked.

        Args:
            source: What it shows.
            model: Who makes it.
            plan: Of the source.
            targets: Where it goes.
            keep: Leave a map that is there and was made so.
        """
        started = time.monotonic()
        targets.check_outputs(model.outputs)
        job = None
        if keep and self.resume and targets.map.exists():
            job = plan(source)
            if job.can_resume and was_made_so(targets.map, {**job.settings(), **targets.to_dict()}):
                log.info("%s: made before, nothing changed", targets.map)
                return
        targets.check(source.files, overwrite=self.overwrite or _noted(targets))
        job = job or plan(source)
        runner = engine_named(self.engine, scheduler=self.scheduler, workers=self.workers)
        _make(
            job,
            targets,
            runner,
            overwrite=self.overwrite,
            resume=self.resume,
            progress=self.progress,
        )
        _record(job, targets, runner, started)


def _each_scene(
    sources: Sequence[tuple[str, Source]],
    model: ModelSource,
    plan: Callable[[Source], MapJob],
    folder: Path,
    run: _Run,
) -> Path:
    """A map of each source in a folder."""
    may_replace(folder, overwrite=run.overwrite, folder=True)
    with writing(folder):
        folder.mkdir(exist_ok=True)
    for number, (name, source) in enumerate(sources, 1):
        log.info("scene %d of %d: %s", number, len(sources), name)
        targets = Targets(folder / f"{name}.tif", None, None)
        with targets.locked():
            run.map(source, model, plan, targets, keep=True)
    return folder


def _make(
    job: MapJob,
    targets: Targets,
    runner: Engine,
    *,
    overwrite: bool,
    resume: bool,
    progress: Progress | None,
) -> None:
    """Bring all products under their names."""
    model = job.work.model
    key = job.settings() if resume and job.can_resume else None
    note = None if key is None else RunNote(targets.map, {**key, **targets.to_dict()})
    finished = _finished_before(targets, job.work.source.files, note, overwrite=overwrite)
    with open_products(
        targets, job.work.grid, model.outputs, key=key, finished=finished
    ) as products:
        _run(job, products, runner, progress)
        products.publish(note)
    if targets.vector is not None:
        polygonize(targets.map, targets.vector, model.classes, overwrite=True)


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
    plan = job.work.plan
    if products.rows_done >= plan.shape[0]:
        return
    first = plan.first_row_needed(products.rows_done)
    todo = list(batches(plan, job.batch_size, first))
    if not todo:
        return
    total, done = len(plan.tiles), first * plan.counts[1]
    with closing(final_blocks(job.work, todo, engine)) as finished:
        for batch, blocks in finished:
            for block in blocks:
                products.write(block.tile, block.scores, block.valid)
            if batch.ends_row:
                products.mark(plan.rows_final_after(batch.row))
            done += len(batch.tiles)
            if progress is not None:
                progress(done, total)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
