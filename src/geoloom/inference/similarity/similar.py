"""Where is it like here? A map of how alike each pixel's embedding is to those of some places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.errors import ConfigError
from ...core.interval import Interval
from ...core.progress import Progress
from ...datasets.base import GeoDataset
from ...datasets.embeddings.dataset import EmbeddingDataset
from ...datasets.embeddings.quantization import Quantization
from ...io.vector.areas import RoiSource
from ..config import PredictConfig
from ..predict import predict
from ..sources.grids import GridLike, Resolution
from ..sources.opening import When
from .metrics import Metric, check_metric
from .places import Places, point_of, reference_vector
from .predictor import SimilarityPredictor

TILE_PX = 256
"""Side of a tile: 64 bands of it are 16 MiB of float32."""


def similar(
    embeddings: str | Path | Sequence[str | Path] | GeoDataset,
    places: Places,
    out: str | Path,
    *,
    metric: Metric = "cosine",
    quantization: Quantization | str | None = None,
    nodata: float | None = None,
    when: When = None,
    roi: RoiSource | None = None,
    crs: str | None = None,
    resolution: Resolution | None = None,
    like: GridLike | None = None,
    per_scene: bool = False,
    tile: int = TILE_PX,
    overwrite: bool = False,
    resume: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Map how alike each pixel's embedding is to those of some places.

    Guarantee: the same bytes as `geoloom similar` writes with the same options. Tiles are read, compared and
    written one after the other, so that memory grows neither with the area nor with the number of files; a
    run that was stopped goes on where it was. Pixels that are not observed are nodata (NaN).

    Args:
        embeddings: Rasters of vectors: files, folders or patterns, such as those of AlphaEarth, or what
            `predict` writes with `output="features"`; or any dataset of images.
        places: (longitude, latitude), or several of them; a vector file, a CSV or a GeoDataFrame of points;
            x and y (N, 2) and their CRS; or the vector itself, an array of one number a band. Of several
            places the mean of their vectors is searched for, each scaled to length 1 first for `cosine`.
        out: The map: a cloud-optimised GeoTIFF of one float32 band; a folder with `per_scene`. A record of
            the run, with the vector, goes to `<out>.run.json`.
        metric: `cosine` of the angle between vectors, -1 to 1; `dot`, their product; or `euclidean`, their
            distance, which is 0 where they are equal.
        quantization, nodata: What the stored numbers mean; see `EmbeddingDataset`.
        when: The time asked about, such as `2024`, of the places and of the map.
        roi, crs, resolution, like, per_scene, overwrite, resume, progress: As `predict`.
        tile: Largest side of what is in memory at once, pixels.

    Returns:
        Path of the map; or of the folder, with `per_scene`.

    Raises:
        QueryError: a place lies outside the data, or where nothing is observed.
        ConfigError: the places are none, or options do not go together.
        GridError: scenes lie in several CRSs and no grid is chosen.
        DatasetError: no file is there, or the quantisation does not fit.
        WriteError: the map exists and `overwrite` is not set, or cannot be written.

    Example:
        >>> similar("alphaearth/", (-51.2, -3.4), "like_here.tif",
        ...         quantization="alphaearth", when="2024")                             # doctest: +SKIP
        PosixPath('like_here.tif')
    """
    check_metric(metric)
    dataset = _opened(embeddings, quantization, nodata)
    vector = reference_vector(dataset, places, Interval.of(when), metric)
    config = PredictConfig(
        when=when,
        roi=roi,
        crs=crs,
        resolution=resolution,
        like=like,
        per_scene=per_scene,
        tile=tile,
        halo=0,
        blend="crop",
        device="cpu",
    )
    searching = SimilarityPredictor(tuple(vector.tolist()), metric, _files(places))
    return predict(
        searching,  # type: ignore[arg-type]  # it has outputs in place of classes
        dataset,
        out,
        config,
        overwrite=overwrite,
        resume=resume,
        progress=progress,
    )


def _opened(
    embeddings: str | Path | Sequence[str | Path] | GeoDataset,
    quantization: Quantization | str | None,
    nodata: float | None,
) -> GeoDataset:
    if not isinstance(embeddings, GeoDataset):
        return EmbeddingDataset(embeddings, quantization=quantization, nodata=nodata)
    for name, value in (("quantization", quantization), ("nodata", nodata)):
        if value is not None:
            raise ConfigError(f"{name} is of files; give it when the dataset is made")
    return embeddings


def _files(places: Places) -> tuple[str, ...]:
    if isinstance(places, Path) or (isinstance(places, str) and point_of(places) is None):
        return (str(places),)
    return ()
