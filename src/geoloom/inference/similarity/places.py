"""The vector that is searched for: given, or read at places.

Legend: N points, C bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ConfigError, QueryError, SamplerError
from ...core.grid import WGS84, PixelWindow, crs_name, crs_title, transformer, window_grid
from ...core.interval import Interval
from ...core.query import Query
from ...core.roi import is_table
from ...datasets.base import GeoDataset
from ...datasets.region import Region, describe_regions
from ...samplers.points import read_points
from .metrics import Metric

Point: TypeAlias = tuple[float, float]
"""Longitude and latitude, degrees in WGS 84."""

Places: TypeAlias = Any
"""A point, or several; a vector file or a GeoDataFrame of points; x and y (N, 2) and their CRS; or the vector
itself, as an array."""

_VALUE = (
    "give (longitude, latitude), several of them, a file of points, or a vector as a numpy array"
)


def is_vector(places: Places) -> bool:
    """Whether it is the vector itself: an array of one axis."""
    return getattr(places, "ndim", None) == 1 and not is_table(places)


def reference_vector(
    dataset: GeoDataset, places: Places, when: Interval, metric: Metric
) -> NDArray[np.float64]:
    """The vector that is searched for.

    Args:
        dataset: What is searched, where the places lie.
        places: Where it is read; of several places the mean, for `cosine` of vectors of length 1.
        when: The time asked about.
        metric: How vectors will be compared.

    Returns:
        float64 (C,).

    Raises:
        QueryError: a place lies outside the data, or where nothing is observed; the message says which.
        ConfigError: it is no vector of the bands, or has no length, or what is given is no place.
    """
    if is_vector(places):
        vector = _as_vector(dataset, places)
    else:
        xy, crs = points_of(places)
        vectors = vectors_at(dataset, xy, crs, when)
        if metric == "cosine":
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors / np.where(lengths == 0, 1, lengths)
        vector = vectors.mean(axis=0)
    if metric == "cosine" and not np.linalg.norm(vector):
        raise ConfigError(
            "the vector to search for is 0 in every band and points nowhere; choose other places, or "
            "metric='euclidean' (--metric euclidean)"
        )
    return vector


def points_of(places: Places) -> tuple[NDArray[np.float64], str]:
    """x and y (N, 2) and their CRS.

    Raises:
        ConfigError: there is no point, or latitude and longitude are swapped.
        VectorError: a file cannot be read as one layer of features with a CRS.
    """
    if isinstance(places, str):
        places = point_of(places) or places
    if isinstance(places, str | Path) or is_table(places):
        try:
            return read_points(places)
        except SamplerError as error:
            raise ConfigError(str(error)) from error
    if isinstance(places, tuple) and len(places) == 2 and not _is_number(places[1]):
        xy, crs = places
        if not isinstance(xy, np.ndarray) and np.ndim(xy) < 2 and np.ndim(crs) == 1:
            return _degrees(places)
        return read_points(places)
    return _degrees(places)


def point_of(text: str) -> Point | None:
    """The point that a text such as `-51.2,-3.4` means; None where it is none, but perhaps a path.

    Example:
        >>> point_of("-51.2,-3.4"), point_of("plots.gpkg")
        ((-51.2, -3.4), None)
    """
    try:
        longitude, latitude = map(float, text.split(","))
    except ValueError:
        return None
    return longitude, latitude


def _degrees(places: Any) -> tuple[NDArray[np.float64], str]:
    if not isinstance(places, Sequence | np.ndarray):
        raise ConfigError(f"places is {places!r:.200}; {_VALUE}")
    try:
        xy = np.atleast_2d(np.asarray(places, dtype=np.float64))
    except (TypeError, ValueError):
        xy = np.empty((0, 0))
    if xy.ndim != 2 or xy.shape[1] != 2 or not len(xy) or not np.isfinite(xy).all():
        raise ConfigError(f"places is {places!r:.200}; {_VALUE}")
    beyond = (np.abs(xy) > (360, 90)).any(axis=1)
    if beyond.any():
        x, y = xy[beyond][0].tolist()
        raise ConfigError(
            f"a point is ({x:g}, {y:g}), expected longitude and latitude in degrees, in this order; of "
            "another CRS give (points, crs), such as (np.array([[x, y]]), 'EPSG:32722')"
        )
    return xy, crs_name(WGS84)


def vectors_at(
    dataset: GeoDataset, xy: NDArray[np.float64], crs: str, when: Interval
) -> NDArray[np.float64]:
    """The vectors of the pixels under points, on their scenes' own pixels.

    Args:
        dataset: Of images.
        xy: (N, 2) in `crs`.
        crs: Of the points.
        when: The time asked about.

    Returns:
        float64 (N, C).

    Raises:
        QueryError: a point lies outside the data, or where nothing is observed.
        ConfigError: the dataset holds no images of one date.
    """
    if "image" not in dataset.layers:
        raise ConfigError(
            f"{dataset!r} holds {', '.join(sorted(dataset.layers))}, and vectors come from images: open the "
            "files as EmbeddingDataset"
        )
    regions = [region for region in dataset.regions if region.during(when) is not None]
    vectors: dict[int, NDArray[np.float64]] = {}
    inside: set[int] = set()
    for region in regions:
        missing = [point for point in range(len(xy)) if point not in vectors]
        for point, row, col in _pixels_under(region, xy, missing, crs):
            assert region.frame is not None  # a pixel lies in it
            inside.add(point)
            grid = window_grid(region.frame, PixelWindow(row, col, 1, 1))
            vector = _vector(dataset, Query(grid, when))
            if vector is not None:
                vectors[point] = vector
    for point, (x, y) in enumerate(xy.tolist()):
        if point not in vectors:
            raise _refusal(dataset, regions, point, (x, y), crs, unobserved=point in inside)
    return np.stack([vectors[point] for point in range(len(xy))])


def _pixels_under(
    region: Region, xy: NDArray[np.float64], points: Sequence[int], crs: str
) -> list[tuple[int, int, int]]:
    """Of those points that lie in a region's frame: number, row and column."""
    if region.frame is None or not points:
        return []
    to_frame = transformer(crs, crs_name(region.crs))
    x, y = to_frame.transform(xy[points, 0], xy[points, 1])
    a, b, c, d, e, f = (~region.frame.affine)[:6]
    height, width = region.frame.shape
    found = []
    for point, col, row in zip(points, a * x + b * y + c, d * x + e * y + f, strict=True):
        if 0 <= col < width and 0 <= row < height:  # False of what the CRS cannot place
            found.append((point, int(row), int(col)))
    return found


def _vector(dataset: GeoDataset, query: Query) -> NDArray[np.float64] | None:
    sample = dataset.answer(query)
    if sample is None:
        return None
    image: Any = sample["image"]
    if image.ndim != 3:
        raise ConfigError(
            f"{dataset!r} gives series of dates, and a vector is of one: give the dataset that the series is "
            "made of, and the time (when=)"
        )
    observed: Any = sample.get("observed", sample["valid"])
    if not bool(observed.all()):
        return None
    vector: NDArray[np.float64] = image[:, 0, 0].numpy().astype(np.float64)
    return vector


def _refusal(
    dataset: GeoDataset,
    regions: Sequence[Region],
    point: int,
    at: tuple[float, float],
    crs: str,
    *,
    unobserved: bool,
) -> QueryError:
    named = f"point {point + 1}, ({at[0]:.6g}, {at[1]:.6g}) in {crs_title(crs)},"
    if unobserved:
        return QueryError(
            f"{named} lies where {dataset!r} observed nothing (nodata); move it, or choose another time"
        )
    held = describe_regions(regions) if regions else "nothing at the time asked about"
    return QueryError(f"{named} lies outside the data: it holds {held}; choose a point inside")


def _as_vector(dataset: GeoDataset, given: Any) -> NDArray[np.float64]:
    vector = np.asarray(given, dtype=np.float64)
    if len(vector) != len(dataset.bands) or not np.isfinite(vector).all():
        raise ConfigError(
            f"a vector of {len(vector)} numbers is given, {int(np.isfinite(vector).sum())} of them finite, "
            f"and {dataset!r} has {len(dataset.bands)} bands; give one finite number for each"
        )
    return vector


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)
