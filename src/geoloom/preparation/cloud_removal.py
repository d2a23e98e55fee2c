"""Clouds taken out of a scene: nodata where a quality band says that the ground is hidden."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import BandError, ConfigError
from ..core.grid import block_windows, window_grid
from ..io.engines.gdal_window import common_dtype
from ..io.geometry.overlap import WHOLE, share_covered
from ..io.headers.header import Header, read_header
from ..io.raster import read
from ..io.write.cog import CogWriter
from ..transforms.clouds import QualityBand, cloud_mask

log = logging.getLogger(__name__)


def remove_clouds(
    scene: str | Path,
    quality: str | Path,
    out: str | Path,
    *,
    band: int | str = 1,
    sensor: QualityBand = "landsat_c2",
    values: Sequence[int] = (),
    nodata: float | None = None,
    crs: str | None = None,
    overwrite: bool = False,
) -> Path:
    """The scene with nodata where a quality band, on any grid, says that the ground is hidden.

    A quality band inside the scene is left out: it measures nothing.

    Args:
        scene: Raster.
        quality: The file with the quality band; the scene itself where the band is inside it.
        out: File to write.
        band: The quality band, by number (from 1) or name.
        sensor: `landsat_c2` (QA_PIXEL of Collection 2) or `sentinel2_scl`.
        values: Of the quality band where the ground is hidden, whatever sensor it is of, such as 2 and 4 of
            Fmask; none leaves it to `sensor`.
        nodata: What hidden pixels are saved as, and unobserved ones are; None takes the scene's own, or NaN.
        crs: Instead of the scene's missing or wrong one.
        overwrite: Replace the file.

    Raises:
        ConfigError: the scene has integers and neither a nodata value nor `nodata`.
        BandError: there is no such quality band, or no other.
        GridError: the quality band lies elsewhere.
        WriteError: the file exists, or is an input.
    """
    header = read_header(scene, crs=crs)
    inside = Path(quality) == Path(scene)
    clouds = header if inside else read_header(quality)
    number = clouds.find([band])[0]
    _check_coverage(header, clouds)
    bands = _bands_besides(header, number if inside else None)
    dtype = common_dtype(header, bands)
    fill = _fill_value(header, bands, nodata)
    seen = [0]
    with CogWriter(
        out,
        header.grid,
        count=len(bands),
        dtype=dtype,
        nodata=fill,
        descriptions=[header.band_names[n - 1] for n in bands],
        scaling=[(header.scales[n - 1], header.offsets[n - 1]) for n in bands],
        units=[u for n, u in zip(header.data_bands, header.data_units, strict=True) if n in bands],
        inputs=(scene, quality),
        overwrite=overwrite,
    ) as writer:
        for window in block_windows(header.grid.shape):
            part = window_grid(header.grid, window)
            image = read(header, part, bands=bands, nodata=nodata)
            qa = read(clouds, part, bands=[number], resampling="nearest")
            stated = np.isin(qa.values[0], values) if values else cloud_mask(qa.values[0], sensor)
            hidden = stated | ~qa.valid
            seen[0] += int(np.count_nonzero(stated & qa.valid))
            clear = np.where(image.valid & ~hidden, image.values, np.asarray(fill, dtype))
            writer.write(clear.astype(dtype), window.row, window.col)
    if values and not seen[0]:
        log.warning(
            "%s holds none of the cloud values %s: nothing was taken out; see its codes",
            clouds.uri,
            ", ".join(map(str, values)),
        )
    return Path(out)


def _bands_besides(header: Header, quality: int | None) -> tuple[int, ...]:
    """Numbers of the bands that measure something.

    Raises:
        BandError: there is none besides the quality band.
    """
    bands = tuple(n for n in header.data_bands if n != quality)
    if not bands:
        raise BandError(
            f"{header.uri} has no band besides its quality band {quality}; give the scene that it is of"
        )
    return bands


def _fill_value(header: Header, bands: tuple[int, ...], nodata: float | None) -> float:
    """What hidden pixels are saved as.

    Raises:
        ConfigError: there is no value for it.
    """
    own = header.nodata[bands[0] - 1] if nodata is None else nodata
    if own is not None:
        return own
    dtype = common_dtype(header, bands)
    if dtype.kind == "f":
        return float("nan")
    raise ConfigError(
        f"{header.uri} has no nodata value to put where clouds were, and its {dtype} no NaN; give one that "
        f"no pixel holds by nodata= (--nodata), such as --nodata {np.iinfo(dtype).max}, its greatest"
    )


def _check_coverage(scene: Header, clouds: Header) -> None:
    """Refuse a quality band of another place; a warning where it knows a part of the scene only."""
    share = share_covered(
        scene, clouds, ", whose clouds it is to say; check the CRS of both, or take the scene's own"
    )
    if share < WHOLE:
        log.warning(
            "%s covers %.1f %% of %s; the rest counts as hidden", clouds.uri, 100 * share, scene.uri
        )
