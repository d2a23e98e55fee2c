"""From files to the dataset that they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.bands import Band
from ..core.composite import CompositeRule
from ..core.errors import DatasetError, ReadError
from ..core.resampling import Resampling
from ..core.roi import Table, is_table
from ..core.suffixes import VECTOR_SUFFIXES
from ..io.access.finding import RASTER_SUFFIXES, Paths, find_files
from ..io.access.naming import Naming
from ..io.headers.header import Header
from ..io.headers.scan import OnError, read_headers
from ..io.vector.layers import ClassChoice
from .base import GeoDataset, Layer, Transform
from .layouts.detect import is_class_folder
from .layouts.image_folder import ImageFolder
from .options import given_paths
from .raster import RasterDataset
from .scenes.cached import IndexPlace
from .sensors.cdl import CDL
from .sensors.chesapeake import Chesapeake
from .sensors.landsat import (
    Landsat1,
    Landsat2,
    Landsat3,
    Landsat4MSS,
    Landsat4TM,
    Landsat5MSS,
    Landsat5TM,
    Landsat7,
    Landsat8,
    Landsat9,
)
from .sensors.naip import NAIP
from .sensors.sentinel1 import Sentinel1
from .sensors.sentinel2 import Sentinel2
from .stac.dataset import StacDataset
from .stac.detect import are_stac
from .vector import VectorDataset

log = logging.getLogger(__name__)

SENSORS: tuple[type[RasterDataset], ...] = (
    Landsat8,
    Landsat9,
    Landsat7,
    Landsat5TM,
    Landsat4TM,
    Landsat5MSS,
    Landsat4MSS,
    Landsat3,
    Landsat2,
    Landsat1,
    Sentinel1,
    Sentinel2,
    NAIP,
    CDL,
    Chesapeake,
)
"""Tried in this order on the names of files."""

_SUFFIXES = RASTER_SUFFIXES | VECTOR_SUFFIXES


def open(  # noqa: A001 - the verb users know, reached as gl.open
    paths: Paths | Table,
    *,
    bands: Sequence[str] | None = None,
    is_image: bool | None = None,
    gives: Layer | None = None,
    class_field: str | None = None,
    classes: ClassChoice | None = None,
    layer: str | None = None,
    filename_regex: str | None = None,
    date_format: str | None = None,
    all_bands: Sequence[str | Band] | None = None,
    mosaic: CompositeRule = "newest",
    resampling: Resampling | None = None,
    nodata: float | None = None,
    scaled: bool = False,
    crs: str | None = None,
    res: float | tuple[float, float] | None = None,
    transforms: Transform | None = None,
    index: IndexPlace = None,
    on_error: OnError = "raise",
) -> GeoDataset | ImageFolder:
    """The dataset that some files are, by their names and contents; the log says which.

    Files named by a known sensor's rules become that sensor, and what else lies beside them is left alone
    (several sensors of one place: open each, then join them with `|`); vector files and GeoDataFrames become
    a `VectorDataset`; other rasters a `RasterDataset`, of masks where they are palettes or name classes.
    STAC items, collections, catalogues and tables, also remote ones, become a `StacDataset`. A folder of
    folders that bear the names of classes, with pictures inside, becomes an `ImageFolder`, unless an option
    of rasters is given.

    Args:
        paths: File, folder, shell pattern or address, or several; or a GeoDataFrame.
        bands: Bands by name, in order.
        is_image: Whether rasters are measurements; default: decided by looking.
        gives: What samples of rasters hold, instead of `is_image`: `image`, `mask`, or `value`, which are
            measurements to learn; see `RasterDataset`.
        class_field, classes, layer: Of vector files; see `VectorDataset`.
        filename_regex, date_format, all_bands, mosaic, resampling, nodata, scaled: Of rasters; see
            `RasterDataset`. STAC declares what the first three declare otherwise.
        crs, res: Common grid; default: each scene keeps its own pixels.
        transforms: What is done to each sample.
        index: Where to keep what is found of rasters and catalogues; see `RasterDataset`.
        on_error: What becomes of rasters that cannot be read; see `RasterDataset`.

    Raises:
        DatasetError: nothing is there, or rasters and vectors are mixed.
    """
    if is_table(paths):
        _require_classes("the table", gives)
        return VectorDataset(
            paths, crs, res, transforms, class_field=class_field, classes=classes, layer=layer
        )
    places = given_paths(paths, None)
    if not (filename_regex or all_bands) and are_stac(places):
        return StacDataset(
            places,
            crs,
            res,
            bands,
            transforms,
            is_image=is_image,
            gives=gives,
            mosaic=mosaic,
            resampling=resampling,
            nodata=nodata,
            scaled=scaled,
            index=index,
        )
    files = find_files(places, suffixes=_SUFFIXES)
    chosen = RasterDataset if filename_regex or all_bands else sensor_of(files)
    of_scenes = (
        is_image, gives, class_field, layer, filename_regex, date_format, all_bands, resampling, nodata, crs,
        res, index,
    )  # fmt: skip
    given = scaled or mosaic != "newest" or any(option is not None for option in of_scenes)
    if chosen is RasterDataset and not given and len(places) == 1 and is_class_folder(places[0]):
        log.info("%d files opened as ImageFolder", len(files))
        return _image_folder(places[0], bands, transforms, classes, on_error)
    if chosen is RasterDataset and _are_vectors(files):
        _require_classes(files[0], gives)
        return VectorDataset(
            files,
            crs,
            res,
            transforms,
            class_field=class_field,
            classes=classes,
            layer=layer,
            filename_regex=filename_regex,
            date_format=date_format,
        )
    if is_image is None and gives is None and chosen is RasterDataset:
        is_image = not _first_header(files, places, on_error).categorical
    log.info("%d files opened as %s", len(files), chosen.__name__)
    return chosen(
        places,  # not the files, so that an index knows which others may come
        crs,
        res,
        bands,
        transforms,
        is_image=is_image,
        gives=gives,
        filename_regex=filename_regex,
        date_format=date_format,
        all_bands=all_bands,
        mosaic=mosaic,
        resampling=resampling,
        nodata=nodata,
        scaled=scaled,
        index=index,
        on_error=on_error,
    )


def _image_folder(
    root: str,
    bands: Sequence[str] | None,
    transforms: Transform | None,
    classes: ClassChoice | None,
    on_error: OnError,
) -> ImageFolder:
    names = None if classes is None else list(classes)
    if isinstance(classes, (str, Mapping)) or not all(isinstance(n, str) for n in names or ()):
        raise DatasetError(f"classes is {classes!r}; give names of folders in {root}")
    return ImageFolder(root, None, bands, transforms, classes=names, on_error=on_error)  # type: ignore[arg-type]


def _first_header(files: Sequence[str], paths: Paths, on_error: OnError) -> Header:
    """Of the first file, or of the first that can be read."""
    for file in files[:-1] if on_error == "skip" else ():
        with suppress(ReadError):
            return read_headers([file], named=paths)[file]
    file = files[-1] if on_error == "skip" else files[0]
    return read_headers([file], named=paths)[file]


def _require_classes(features: str, gives: Layer | None) -> None:
    if gives not in (None, "mask"):
        raise DatasetError(
            f"{features} holds features, which become classes (mask), found gives={gives!r}; open a raster "
            "of the measurements"
        )


def _are_vectors(files: Sequence[str]) -> bool:
    """Whether these are files of features: all, or none.

    Raises:
        DatasetError: some are.
    """
    vectors = [file for file in files if Path(file).suffix.lower() in VECTOR_SUFFIXES]
    if vectors and len(vectors) < len(files):
        others = [file for file in files if file not in vectors]
        raise DatasetError(
            f"{len(vectors)} vector files (such as {vectors[0]}) and {len(others)} others (such as "
            f"{others[0]}) are mixed; open each kind apart, then join them with &"
        )
    return bool(vectors)


def sensor_of(files: Sequence[str]) -> type[RasterDataset]:
    """The one sensor whose rules some of the names follow, else `RasterDataset`.

    Raises:
        DatasetError: files of several sensors are mixed.
    """
    sensors = [sensor for sensor in SENSORS if _count(files, sensor)]
    if len(sensors) > 1:
        raise DatasetError(
            f"files of {' and '.join(s.__name__ for s in sensors)} are mixed; open them as "
            f"{' | '.join(f'{s.__name__}(paths)' for s in sensors)} from geoloom.datasets"
        )
    return sensors[0] if sensors else RasterDataset


def _count(files: Sequence[str], sensor: type[RasterDataset]) -> int:
    naming: Any = Naming(
        sensor.filename_glob, sensor.filename_regex, sensor.date_format, sensor.separate_files
    )
    wanted = (Path(f).match(sensor.filename_glob) for f in files)
    return sum(w and naming.parse(f) is not None for w, f in zip(wanted, files, strict=True))
