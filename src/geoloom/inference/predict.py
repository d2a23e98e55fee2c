"""From a scene to a finished map."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from ..core.progress import Progress
from .plan import Blend, batches, plan_tiles
from .polygons import polygonize
from .predictor import Device, ModelSource, Precision, Predictor
from .products import Products, Targets, open_products
from .record import RunNote, unfinished_record, write_run_record
from .runners import Engine, EngineName, engine_named
from .scores import final_blocks, usual_batch_size
from .sources.opening import Given, open_source
from .sources.source import Source
from .work import TileWork

log = logging.getLogger(__name__)


def predict(
    model: str | Path | Predictor,
    scene: Given,
    out: str | Path,
    *,
    probabilities: str | Path | None = None,
    vector: str | Path | None = None,
    tile: int = 512,
    halo: int = 64,
    blend: Blend = "cosine",
    tta: bool = False,
    batch_size: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    nodata: float | None = None,
    unit: str | Sequence[str] | None = None,
    crs: str | None = None,
    engine: EngineName | Engine = "local",
    scheduler: str | None = None,
    workers: int = 2,
    overwrite: bool = False,
    resume: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Map a whole scene, of any size, on its own pixels: classes, or values.

    Guarantee: memory is bounded by the scene's width times the halo, not by its size. Each pixel is decided
    by the same sums in the same order whatever the engine, the number of workers and however often the run
    was killed and taken up again. (A network's own sums depend on how many threads torch has in a process, by
    some 1e-7 of a probability: with equal OMP_NUM_THREADS the bytes are equal.)

    Pixels that are not observed in every band are nodata in the map. A product appears under its name only
    when it is whole.

    Args:
        model: A model folder, a loaded model, or any `Predictor`.
        scene: The raster to classify; it must have the model's bands.
        out: The map: a cloud-optimised GeoTIFF of uint8 class codes with colours and names, nodata 255
            (or the first code that is not a class); of a model that gives values, one float32 band a value.
            A record of the run goes to `<out>.run.json`.
        probabilities: GeoTIFF of one float32 band a class, summing to 1, nodata NaN.
        vector: GeoPackage of polygons of equal class, with name, code and area.
        tile: Largest side of a tile without its halo, pixels.
        halo: Context that the model sees around a tile, pixels.
        blend: `cosine` fades tiles into each other over the halo; `crop` cuts the halo off.
        tta: Test-time augmentation: each tile is seen in its eight orientations, and the mean taken. Eight
            times slower, and as a rule a little more accurate.
        batch_size: Tiles that go through the model at once; 1 on a processor and 4 on a GPU if not given.
        device: Where the model runs; `auto` takes CUDA where there is one.
        precision: `auto` computes in bfloat16 where it may on CUDA, in float32 elsewhere.
        nodata: Stored value that means unobserved, instead of the scene's own.
        unit: What the scene's numbers are after its scale and offset, such as `surface_reflectance`, instead
            of what its tags say: one for all bands, or one for each band of the model, in its order; `none`
            for unknown. A scene of the model's unit in another scale or offset is converted; one of another
            unit is refused.
        crs: Instead of the scene's missing or wrong one.
        engine: `local` runs in this process; `dask` on worker processes, with the same classes.
        scheduler: Address of a Dask scheduler; workers are started here where none is given.
        workers: How many to start.
        overwrite: Replace existing products.
        resume: Keep what a failed or killed run has finished, and go on from there next time. Needs a model
            folder, a loaded model, or a predictor with a `fingerprint`.
        progress: Called with (tiles done, tiles in all) after each batch, from the thread that called this.

    Returns:
        Path of the map.

    Raises:
        ModelError: the scene lacks the model's bands, or the model answers with a wrong shape.
        WriteError: a product exists and `overwrite` is not set, or cannot be written.
        ReadError: the scene cannot be read.
        GridError: tile or halo are impossible.

    Example:
        >>> predict("model/", "scene.tif", "map.tif", vector="map.gpkg")  # doctest: +SKIP
        PosixPath('map.tif')
    """
    started = time.monotonic()
    targets = Targets(Path(out), _path(probabilities), _path(vector))
    with targets.locked():
        source = open_source(scene, nodata=nodata, crs=crs)
        targets.check(source.files, overwrite=overwrite or _noted(targets))
        known = ModelSource.of(model)
        targets.check_outputs(known.outputs)
        work = TileWork(
            source=source,
            input=known.find_input(source, unit),
            plan=plan_tiles(
                (int(source.grid.shape[0]), int(source.grid.shape[1])), tile, halo, blend
            ),
            model=known,
            device=device,
            precision=precision,
            tta=tta,
        )
        size = _batch_size(batch_size, known, device)
        settings = _settings(work, size)
        resumable = resume and known.fingerprint and source.identity is not None
        key = settings if resumable else None
        note = None if key is None else RunNote(targets.map, {**key, **targets.to_dict()})
        runner = engine_named(engine, scheduler=scheduler, workers=workers)
        finished = _finished_before(targets, source, note, overwrite=overwrite)
        with open_products(
            targets, source.grid, known.outputs, key=key, finished=finished
        ) as products:
            _run(work, products, runner, size, progress)
            products.publish(note)
        if targets.vector is not None:
            polygonize(targets.map, targets.vector, known.classes, overwrite=True)
        as_run = {"engine": str(runner), "seconds": round(time.monotonic() - started, 1)}
        begun = unfinished_record(targets.map)  # what is above `predict` goes on with it
        write_run_record(targets.map, {**begun, **settings, **targets.to_dict(), **as_run})
        RunNote(targets.map, {}).forget()
    return targets.map


def _noted(targets: Targets) -> bool:
    return RunNote(targets.map, {}).path.exists()


def _finished_before(
    targets: Targets, source: Source, note: RunNote | None, *, overwrite: bool
) -> frozenset[Path]:
    """Rasters that an unfinished run of the same settings has made.

    Raises:
        WriteError: a product exists that is no such run's, and `overwrite` is not set.
    """
    if note is None or not note.matches():
        targets.check(source.files, overwrite=overwrite)
        RunNote(targets.map, {}).forget()
        return frozenset()
    log.info("%s: going on with an unfinished run", targets.map)
    return note.finished(targets.all[:-1] if targets.vector else targets.all)


def _run(
    work: TileWork, products: Products, engine: Engine, batch_size: int, progress: Progress | None
) -> None:
    """Bring every row of the scene into the products, from where an earlier run stopped."""
    plan = work.plan
    if products.rows_done >= work.source.grid.shape[0]:
        return
    first = plan.first_row_needed(products.rows_done)
    todo = list(batches(plan, batch_size, first))
    if not todo:
        return
    total, done = len(plan.tiles), first * plan.counts[1]
    with closing(final_blocks(work, todo, engine)) as finished:
        for batch, blocks in finished:
            for block in blocks:
                products.write(block.tile, block.scores, block.valid)
            if batch.ends_row:
                products.mark(plan.rows_final_after(batch.row))
            done += len(batch.tiles)
            if progress is not None:
                progress(done, total)


def _settings(work: TileWork, batch_size: int) -> dict[str, Any]:
    """All that decides the product's bytes, as JSON values: the key of a resume, and the record."""
    source, plan = work.source, work.plan
    names = dict(zip(source.bands.numbers, source.bands.names, strict=True))
    return {
        **(source.identity or {"scene": source.bands.uri}),
        "bands": [names[number] for number in work.input.numbers],
        "band_numbers": list(work.input.numbers),
        "conversions": [asdict(conversion) for conversion in work.input.conversions],
        "model": work.model.folder or type(work.model.predictor).__name__,
        "model_fingerprint": work.model.fingerprint,
        "outputs": work.model.outputs.to_dict(),
        "tile_px": list(plan.core),
        "halo_px": plan.halo_px,
        "blend": plan.blend,
        "tta": work.tta,
        "batch_size": batch_size,
        "device": str(work.model.place(work.device)),
        "precision": work.precision,
    }


def _batch_size(wanted: int | None, source: ModelSource, device: Device) -> int:
    if wanted is not None:
        if wanted < 1:
            raise ConfigError(f"batch_size is {wanted}; give at least 1")
        return wanted
    return usual_batch_size(source, device)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
