"""Mosaics, stacks, crops and cloud masks, from file to file in bounded memory, under the paper's names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.composite import CompositeRule
from ..core.errors import BandError
from ..io.headers.header import read_header
from ..io.raster import read
from ..preparation.crop import crop_to_extent, crop_to_polygons
from ..preparation.join import Files, join_bands, join_dates, join_mosaic
from ..transforms.clouds import QualityBand, cloud_mask


def mosaic_images(
    images: Files,
    out_path: str | Path,
    *,
    rule: CompositeRule = "first",
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Join rasters, in any CRSs, into one on the lattice of the first, as large as all of them.

    `geoloom.preparation.join.join_mosaic` explains the arguments, and what it raises.
    """
    return join_mosaic(images, out_path, rule=rule, nodata=no_data, overwrite=overwrite)


def stack_bands(
    images: Files,
    out_path: str | Path,
    *,
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Put the bands of several files into one, on the lattice of the first.

    `geoloom.preparation.join.join_bands` explains the arguments, and what it raises.
    """
    return join_bands(images, out_path, nodata=no_data, overwrite=overwrite)


def stack_temporal_images(
    images: Files,
    out_path: str | Path,
    *,
    dates: Sequence[str] | None = None,
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Put images of several dates into one file, date after date, on the lattice of the first.

    `geoloom.preparation.join.join_dates` explains the arguments, and what it raises.
    """
    return join_dates(images, out_path, dates=dates, nodata=no_data, overwrite=overwrite)


def clip_img_by_extent_shp(
    img_file: str | Path, shp_file: str | Path, out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Cut a raster to the rectangle around a vector layer, in whole pixels of the raster.

    `geoloom.preparation.crop.crop_to_extent` says what it raises.
    """
    return crop_to_extent(img_file, shp_file, out_path, overwrite=overwrite)


def clip_by_polygon(
    img_file: str | Path,
    shp_file: str | Path,
    out_path: str | Path,
    *,
    all_touched: bool = False,
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Cut a raster to the polygons of a vector layer: pixels outside all of them become nodata.

    `geoloom.preparation.crop.crop_to_polygons` explains the arguments, and what it raises.
    """
    return crop_to_polygons(
        img_file,
        shp_file,
        out_path,
        all_touched=all_touched,
        nodata=no_data,
        overwrite=overwrite,
    )


def clip_by_aggregated_polygons(
    img_file: str | Path, shp_file: str | Path, out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Cut a raster to the polygons of a layer taken as one area; slivers between them are kept.

    Pixels that any polygon touches count as inside, so that neighbours leave no gap. Otherwise as
    `clip_by_polygon`.
    """
    return clip_by_polygon(img_file, shp_file, out_path, all_touched=True, overwrite=overwrite)


def compute_cloud_mask(
    image: np.ndarray | str | Path,
    qa_pos: int = 0,
    *,
    sensor: QualityBand = "landsat_c2",
    flags: Sequence[str] | None = None,
) -> np.ndarray:
    """Where the quality band of an image says that the ground is hidden.

    Args:
        image: Array (H, W, B) or (H, W), or a file.
        qa_pos: Position of the quality band, 0-based.
        sensor: `landsat_c2` (QA_PIXEL of Collection 2) or `sentinel2_scl`.
        flags: Conditions that count; None takes fill, clouds, cirrus and cloud shadows.

    Returns:
        bool (H, W), True = hidden.

    Raises:
        BandError: there is no such band.
        ConfigError: the sensor or a flag is unknown.
    """
    if isinstance(image, str | Path):
        header = read_header(image)
        _check_position(qa_pos, header.count, header.uri)
        return cloud_mask(read(header, bands=[qa_pos + 1]).values[0], sensor, flags)
    bands = image if image.ndim == 3 else image[..., None]
    _check_position(qa_pos, bands.shape[-1], "the image")
    return cloud_mask(np.ma.getdata(bands)[..., qa_pos], sensor, flags)


def _check_position(position: int, count: int, where: str) -> None:
    if not 0 <= position < count:
        raise BandError(f"no band at position {position}: {where} has {count}, counted from 0")
