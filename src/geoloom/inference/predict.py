"""From scenes to a finished map."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from ..core.errors import ConfigError, WriteError
from ..core.progress import Progress
from ..core.settings.configs import configured
from ..models.foreign.facts import FACTS
from ..models.identity import refuse_swapped
from .config import PredictConfig, PredictSettings
from .images import (
    are_samples,
    is_table,
    predict_images,
    refuse_map_options,
)
from .making import Making
from .predictor import ModelSource, Predictor
from .products import Targets
from .sources.opening import Given, open_source
from .sources.scenes import scene_sources

_OF_TABLES = frozenset({"batch_size", "device", "unit", "output", *FACTS})
"""Settings that tables of answers go by."""


def predict(
    model: str | Path | Predictor,
    scene: Given,
    out: str | Path,
    config: PredictConfig | None = None,
    *,
    probabilities: str | Path | None = None,
    vector: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = True,
    progress: Progress | None = None,
    **settings: Unpack[PredictSettings],
) -> Path:
    """Map scenes of any size and any form with a model: classes, or values.

    Guarantee: memory is bounded by the map's width times the halo, not by its size. Each pixel is decided
    by the same sums in the same order whatever the engine, the number of workers and however often the run
    was killed and taken up again. (A network's own sums depend on how many threads torch has in a process, by
    some 1e-7 of a probability: with equal OMP_NUM_THREADS the bytes are equal.)

    Of a model that answers per image, the map has one pixel for each window of the scene: see
    `inference.windows.Windows`. Its answers to chips or pictures become a table: see
    `inference.images.predict_images`.

    Pixels that are not observed in every band are nodata in the map. A product appears under its name only
    when it is whole. On its own pixels a scene is copied; where the map's pixels are others, it is resampled
    once.

    Args:
        model: A model folder, an ONNX file, a loaded model, or any `Predictor`. Of an ONNX file that someone
            else made, settings (or a JSON file beside it) say how it is fed; see
            `models.foreign.facts.NetworkFacts`.
        scene: What to map; it must have the model's bands. A raster file, on its own pixels; several files,
            which a sensor's names or `join` put together; a folder, a pattern or a STAC index, opened as
            `geoloom.open` does; a dataset, such as `Landsat8(a) | Landsat7(b)` or `imagery & elevation`,
            composed as it composes; or any `Source`. A model that sees several dates gets the series of a
            dataset's dates, which are observed where one of them is, or a series as it is.
        out: The map: a cloud-optimised GeoTIFF of uint8 class codes with colours and names, nodata 255
            (or the first code that is not a class); of a model that gives values, one float32 band a value.
            A record of the run goes to `<out>.run.json`.
        config: What the map shows, on which pixels, and how the model sees it; `PredictConfig` explains each
            setting.
        probabilities: GeoTIFF of one float32 band a class, summing to 1, nodata NaN. With `per_scene`,
            a folder of `NAME.probabilities.tif`.
        vector: GeoPackage of polygons of equal class, with name, code and area; with `min_area`
            small ones join their neighbours. With `per_scene`, a folder of `NAME.gpkg`. All may go into one
            folder.
        overwrite: Replace existing products.
        resume: Keep what a failed or killed run has finished, and go on from there next time. Needs a model
            folder, a loaded model, or a predictor with a `fingerprint`; and scenes that are known by their
            files, as datasets with transforms are not.
        progress: Called with (tiles done, tiles in all) after each batch, from the thread that called this.
        settings: Fields of `PredictConfig` by name, such as `tile=256`, in place of those of `config`.

    Returns:
        Path of the map; or of the folder, with `per_scene`.

    Raises:
        ModelError: the scene lacks the model's bands, one is a series and the other sees one date, or the
            model answers with a wrong shape.
        ConfigError: a setting cannot be or does not go with what is given, or nothing says how several files
            become one.
        WriteError: a product exists and `overwrite` is not set, or cannot be written.
        ReadError: the scene cannot be read.
        GridError: scenes lie in several CRSs and no grid is chosen, or the area of interest lies beside them.

    Example:
        >>> predict("model/", "scene.tif", "map.tif", vector="map.gpkg")            # doctest: +SKIP
        PosixPath('map.tif')
        >>> predict("model/", ["B04.tif", "B08.tif"], "map.tif", join="bands")      # doctest: +SKIP
        PosixPath('map.tif')
        >>> predict("model/", Landsat8(a) | Landsat7(b), "map.tif", when="2019-07") # doctest: +SKIP
        PosixPath('map.tif')
    """
    chosen = configured(PredictConfig, config, settings)
    refuse_swapped(model, scene)
    if not isinstance(out, str | Path):
        raise ConfigError(
            f"out is {out!r}; give the path of the map to write, such as 'map.tif', or its folder with "
            "per_scene; `geoloom.inference.scene_scores` gives scores without a file"
        )
    known = ModelSource.of(model, chosen.facts).giving(chosen.output)
    per_image = known.outputs.gives in ("image", "features")
    if is_table(Path(out)) and not per_image:
        raise WriteError(
            f"{out} is a table, and the model answers per pixel: name the map *.tif, or take a model that "
            "answers per image"
        )
    if is_table(Path(out)) or (per_image and are_samples(scene)):
        given = [name for name in chosen.changed if name not in _OF_TABLES]
        products = {"probabilities": probabilities, "vector": vector}
        refuse_map_options([*(n for n, path in products.items() if path is not None), *given])
        return predict_images(
            model if known.folder and not known.features else known.load(chosen.device)[0],
            scene,  # type: ignore[arg-type]  # what cannot be samples is refused there
            out,
            batch_size=chosen.batch_size,
            device=chosen.device,
            unit=chosen.unit,
            overwrite=overwrite,
            progress=progress,
        )
    if chosen.min_area is not None and vector is None:
        raise ConfigError(
            f"min_area is {chosen.min_area}, and no polygons are written; name their file as vector "
            "(--vector map.gpkg), or leave min_area (--min-area) out"
        )
    making = Making(known, chosen, overwrite, resume, progress)
    targets = Targets(Path(out), _path(probabilities), _path(vector), chosen.min_area)
    if chosen.per_scene:
        making.each_scene(scene_sources(scene, **chosen.opened, roi=chosen.roi), targets)
        return targets.map
    with targets.locked():
        source = open_source(scene, dates=making.model.dates, **chosen.opened)
        making.map(source, targets)
    return targets.map


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
