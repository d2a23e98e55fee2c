"""Rasters made of rasters: mosaics, stacks, crops and cloud masks, from file to file in bounded memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.composite import CompositeRule
from ..core.errors import BandError, ConfigError, ReadError
from ..core.grid import block_windows, window_grid
from ..io.geometry.overlap import WHOLE, covered, share_covered
from ..io.headers.header import Header, read_header
from ..io.mosaic import read_many
from ..io.raster import Raster, read
from ..io.vector.layers import read_features
from ..io.write.cog import CogWriter
from ..transforms.clouds import QualityBand, cloud_mask
from .framing import around, crop
from .observation import wider
from .steps import filled

log = logging.getLogger(__name__)

Files = Sequence[str | Path]


def mosaic_images(
    images: Files,
    out_path: str | Path,
    *,
    rule: CompositeRule = "first",
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Join rasters, in any CRSs, into one on the lattice of the first, as large as all of them.

    Args:
        images: In order of priority.
        out_path: File to write.
        rule: Where they overlap: `first` takes the first that is observed there, `mean` averages.
        no_data: Stored value that means unobserved, in place of the files' own.
        overwrite: Replace the file.

    Where the files have no nodata value in common and pixels are left that none observes, the mosaic has a
    type with room for one that no value can have: NaN, or of integers the next wider type.

    Raises:
        ReadError: there is no image, or one cannot be read.
        BandError: the images have different numbers of bands.
        ConfigError: there is no wider type; `no_data` says which value is free.
        WriteError: the file exists.
    """
    headers = _headers(images)
    first = headers[0]
    grid = around(first.grid, [header.grid for header in headers])
    gaps = covered(grid, [header.grid for header in headers]) < WHOLE
    dtype, nodata = _room(headers, no_data, gaps=gaps)

    def block(part: GeoBox) -> Raster:
        return read_many(headers, part, rule=rule, nodata=no_data)

    return _write(
        out_path,
        grid,
        block,
        first,
        inputs=images,
        dtype=dtype,
        nodata=nodata,
        overwrite=overwrite,
    )


def stack_bands(
    images: Files,
    out_path: str | Path,
    *,
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Put the bands of several files into one, on the lattice of the first.

    Files on other lattices are resampled once; a pixel is valid where it is in all of them, and nodata, of a
    value that no band has (see `mosaic_images`), elsewhere. Bands of one name get their file's before it.

    Args:
        images: In the order of the bands.
        out_path: File to write.
        no_data: Stored value that means unobserved, in place of the files' own.
        overwrite: Replace the file.

    Raises:
        ReadError: there is no image, or one cannot be read.
        GridError: one does not overlap the first.
        WriteError: the file exists.
    """
    headers = _headers(images)
    names = [name for header in headers for name in _band_names(header)]
    files = [Path(header.uri).stem for header in headers for _ in header.data_bands]
    return _stack(headers, _distinct(names, files), out_path, no_data, overwrite=overwrite)


def stack_temporal_images(
    images: Files,
    out_path: str | Path,
    *,
    dates: Sequence[str] | None = None,
    no_data: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Put images of several dates into one file, date after date, on the lattice of the first.

    Args:
        images: One a date, of equally many bands, in order of time.
        out_path: File to write.
        dates: Names of the dates, which begin the bands' names; None counts them: `t1_red`.
        no_data: Stored value that means unobserved, in place of the files' own.
        overwrite: Replace the file.

    Raises:
        GridError: one does not overlap the first.
        BandError: the images have different numbers of bands.
        ConfigError: there are not as many dates as images.
        WriteError: the file exists.
    """
    headers = _headers(images)
    counts = {len(header.data_bands) for header in headers}
    if len(counts) > 1:
        raise BandError(
            f"images of different dates have {sorted(counts)} bands; expected equally many"
        )
    when = [f"t{i}" for i in range(1, len(headers) + 1)] if dates is None else list(dates)
    if len(when) != len(headers):
        raise ConfigError(f"{len(when)} dates for {len(headers)} images; give one each")
    names = [
        f"{date}_{header.band_names[number - 1]}"
        for date, header in zip(when, headers, strict=True)
        for number in header.data_bands
    ]
    return _stack(headers, names, out_path, no_data, overwrite=overwrite)


def clip_img_by_extent_shp(
    img_file: str | Path, shp_file: str | Path, out_path: str | Path, *, overwrite: bool = False
) -> Path:
    """Cut a raster to the rectangle around a vector layer, in whole pixels of the raster.

    Raises:
        GridError: the layer lies outside the raster.
        WriteError: the file exists.
    """
    header = read_header(img_file)
    grid = crop(header, read_features(shp_file), shp_file)
    return _write(
        out_path,
        grid,
        lambda part: read(header, part),
        header,
        inputs=(img_file, shp_file),
        overwrite=overwrite,
    )


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

    Args:
        img_file: Raster.
        shp_file: Polygons, in any CRS.
        out_path: File to write.
        all_touched: Keep every pixel that a polygon touches, not only those with their centre inside.
        no_data: What pixels outside are saved as; None takes the raster's own, else one that no value can
            have: NaN, or of integers one of the next wider type.
        overwrite: Replace the file.

    Raises:
        GridError: no polygon meets the raster.
        WriteError: the file exists.
    """
    header = read_header(img_file)
    features = read_features(shp_file)
    grid = crop(header, features, shp_file)
    dtype, nodata = _room([header], no_data, gaps=True)

    def block(part: GeoBox) -> Raster:
        found = read(header, part)
        inside = features.burn(part, all_touched=all_touched) > 0
        return Raster(found.values, found.valid & inside, part, found.bands)

    return _write(
        out_path,
        grid,
        block,
        header,
        inputs=(img_file, shp_file),
        dtype=dtype,
        nodata=nodata,
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
        return cloud_mask(read(header, bands=[_number(header, qa_pos)]).values[0], sensor, flags)
    bands = image if image.ndim == 3 else image[..., None]
    if not 0 <= qa_pos < bands.shape[-1]:
        raise BandError(
            f"no band at position {qa_pos}: the image has {bands.shape[-1]}, counted from 0"
        )
    return cloud_mask(np.ma.getdata(bands)[..., qa_pos], sensor, flags)


def _number(header: Header, position: int) -> int:
    """GDAL's number of a band given by position, 0-based."""
    if not 0 <= position < header.count:
        raise BandError(
            f"no band at position {position}: {header.uri} has {header.count}, counted from 0"
        )
    return position + 1


def _headers(images: Files) -> list[Header]:
    if isinstance(images, str | Path) or not images:
        raise ReadError(f"expected a list of image files, found {images!r}")
    return [read_header(image) for image in images]


def _band_names(header: Header) -> list[str]:
    """Names of the measuring bands; files without names give theirs, so that stacks stay readable."""
    stem = Path(header.uri).stem
    many = len(header.data_bands) > 1
    return [
        header.descriptions[n - 1] or (f"{stem}_{n}" if many else stem) for n in header.data_bands
    ]


def _dtype(header: Header) -> np.dtype[Any]:
    return np.result_type(*(header.dtypes[n - 1] for n in header.data_bands))


def _room(
    headers: Sequence[Header], no_data: float | None, *, gaps: bool
) -> tuple[np.dtype[Any], float | None]:
    """A type for the values of several files, and what means unobserved in it, which no value has.

    Args:
        headers: Of the files.
        no_data: What the user says that it is.
        gaps: Whether there are pixels that no file holds.

    Raises:
        ConfigError: every value of the type may be one.
    """
    dtype = np.result_type(*(_dtype(header) for header in headers))
    if no_data is not None:
        return dtype, no_data
    own = {
        str(header.nodata[n - 1]): header.nodata[n - 1]
        for header in headers
        for n in header.data_bands
    }
    [first, *others] = own.values()
    hidden = any(header.validity[n - 1] != "all" for header in headers for n in header.data_bands)
    if not others and (first is not None or not (gaps or hidden)):
        return dtype, first
    if dtype.kind == "f":
        return dtype, float("nan")
    roomy = wider(dtype)
    # Maps of classes are of bytes: their colours and names go with no other type.
    if roomy.itemsize == dtype.itemsize or headers[0].categorical:
        raise ConfigError(
            f"{headers[0].uri} holds {'classes' if headers[0].categorical else dtype} and the files share no "
            "nodata value, which unobserved pixels need: say which value no pixel has by no_data= (--nodata)"
        )
    return roomy, float(np.iinfo(roomy).min)


def _distinct(names: Sequence[str], files: Sequence[str]) -> list[str]:
    """The names, with the file's before those that occur more than once, and a number where that is not
    enough."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not repeated:
        return list(names)
    found: list[str] = []
    for name, file in zip(names, files, strict=True):
        wanted = f"{file}_{name}" if name in repeated else name
        count = 1 + sum(1 for other in found if other == wanted or other.startswith(f"{wanted}#"))
        found.append(wanted if count == 1 else f"{wanted}#{count}")
    log.warning(
        "several bands are called %s: they are written as %s",
        ", ".join(repeated),
        ", ".join(new for old, new in zip(names, found, strict=True) if old in repeated),
    )
    return found


def _stack(
    headers: Sequence[Header],
    names: Sequence[str],
    out_path: str | Path,
    no_data: float | None,
    *,
    overwrite: bool,
) -> Path:
    first = headers[0]
    shares = [_share(first, header) for header in headers]
    dtype, nodata = _room(headers, no_data, gaps=min(shares) < WHOLE)

    def block(part: GeoBox) -> Raster:
        found = [read(header, part, nodata=no_data) for header in headers]
        values = np.concatenate([raster.values.astype(dtype) for raster in found])
        return Raster(values, np.logical_and.reduce([r.valid for r in found]), part, tuple(names))

    return _write(
        out_path,
        first.grid,
        block,
        first,
        inputs=[header.uri for header in headers],
        dtype=dtype,
        nodata=nodata,
        names=names,
        scaling=[pair for header in headers for pair in header.scaling],
        overwrite=overwrite,
    )


def _share(first: Header, header: Header) -> float:
    """How much of the first file's grid another covers; a warning where that is not all of it.

    Raises:
        GridError: nothing.
    """
    fix = ", on whose grid the files are put together; check the CRS of both, or make a mosaic"
    share = share_covered(first, header, fix)
    if share < WHOLE:
        log.warning(
            "%s covers %.1f %% of %s; the rest is nodata in all bands",
            header.uri,
            100 * share,
            first.uri,
        )
    return share


def _write(
    out_path: str | Path,
    grid: GeoBox,
    block: Callable[[GeoBox], Raster],
    like: Header,
    *,
    inputs: Files,
    dtype: np.dtype[Any] | None = None,
    nodata: float | None = None,
    names: Sequence[str] | None = None,
    scaling: Sequence[tuple[float, float]] | None = None,
    overwrite: bool,
) -> Path:
    """Write blocks to a file that keeps the names, scales and colours of another."""
    numbers = like.data_bands
    if names is None:
        names = [like.band_names[n - 1] for n in numbers]
    nodata = like.nodata[0] if nodata is None else nodata
    one = len(names) == 1
    with CogWriter(
        out_path,
        grid,
        count=len(names),
        dtype=_dtype(like) if dtype is None else dtype,
        nodata=nodata,
        descriptions=names,
        scaling=like.scaling if scaling is None else scaling,
        colormap=like.colormap if one else None,
        class_names=like.class_names if one else None,
        inputs=inputs,
        overwrite=overwrite,
    ) as writer:
        for window in block_windows(grid.shape):
            found = block(window_grid(grid, window))
            values = filled(found.values.astype(writer.dtype, copy=False), found.valid, nodata)
            writer.write(values, window.row, window.col)
    return Path(out_path)
