"""What `prepare` does to files before bands are computed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ...io.headers.header import Header

log = logging.getLogger(__name__)


def join(
    scenes: Sequence[Path],
    out: Path,
    how: Literal["mosaic", "bands", "dates"],
    nodata: float | None,
) -> Path:
    """Several files as one, on the grid of the first."""
    from ...toolbox import image_utils

    if how == "mosaic":
        return image_utils.mosaic_images(scenes, out, no_data=nodata)
    if how == "bands":
        return image_utils.stack_bands(scenes, out, no_data=nodata)
    return image_utils.stack_temporal_images(scenes, out, no_data=nodata)


def clip(
    scene: Path, layer: Path, out: Path, to: Literal["extent", "polygons"], nodata: float | None
) -> Path:
    """The part of a scene at a vector layer."""
    from ...toolbox import image_utils

    if to == "extent":
        return image_utils.clip_img_by_extent_shp(scene, layer, out)
    return image_utils.clip_by_polygon(scene, layer, out, no_data=nodata)


def without_clouds(
    scene: Path,
    quality: Path,
    band: int | str,
    out: Path,
    sensor: Literal["landsat_c2", "sentinel2_scl"],
    nodata: float | None,
    crs: str | None = None,
) -> Path:
    """The scene with nodata where a quality band, on any grid, says that the ground is hidden.

    A quality band inside the scene is left out: it measures nothing.

    Raises:
        ConfigError: the scene has integers and neither a nodata value nor `nodata`.
        BandError: there is no such quality band.
        GridError: the quality band lies elsewhere.
    """
    import numpy as np

    from ...core.errors import ConfigError
    from ...core.grid import block_windows, window_grid
    from ...io.headers.header import read_header
    from ...io.raster import read
    from ...io.write.cog import CogWriter
    from ...transforms.clouds import cloud_mask

    header = read_header(scene, crs=crs)
    clouds = header if quality == scene else read_header(quality)
    number = clouds.find([band])[0]
    _check_clouds(header, clouds)
    bands = [n for n in header.data_bands if quality != scene or n != number]
    dtype = np.result_type(*(header.dtypes[n - 1] for n in bands))
    own = header.nodata[bands[0] - 1] if nodata is None else nodata
    fill = float("nan") if own is None and dtype.kind == "f" else own
    if fill is None:
        raise ConfigError(
            f"{scene} has no nodata value to put where clouds were; give one with --nodata"
        )
    with CogWriter(
        out,
        header.grid,
        count=len(bands),
        dtype=dtype,
        nodata=fill,
        descriptions=[header.band_names[n - 1] for n in bands],
        scaling=[(header.scales[n - 1], header.offsets[n - 1]) for n in bands],
    ) as writer:
        for window in block_windows(header.grid.shape):
            part = window_grid(header.grid, window)
            seen = read(header, part, bands=bands, nodata=nodata)
            found = read(clouds, part, bands=[number], resampling="nearest")
            hidden = cloud_mask(found.values[0], sensor) | ~found.valid
            values = np.where(seen.valid & ~hidden, seen.values, np.asarray(fill, dtype))
            writer.write(values.astype(dtype), window.row, window.col)
    return out


def _check_clouds(scene: Header, clouds: Header) -> None:
    """Refuse a quality band of another place; a warning where it knows a part of the scene only."""
    from ...io.geometry.overlap import WHOLE, share_covered

    share = share_covered(
        scene, clouds, ", whose clouds it is to say; check the CRS of both, or take the scene's own"
    )
    if share < WHOLE:
        log.warning(
            "%s covers %.1f %% of %s; the rest counts as hidden", clouds.uri, 100 * share, scene.uri
        )


def indices_of(
    names: Sequence[str], roles: Mapping[str, int | str], header: Header, factor: float
) -> dict[str, dict[str, Any]]:
    """What `Preprocessor.compute_indices` wants to know about each index.

    Args:
        names: The indices.
        roles: Which band is red, nir, ...: by number, from 1, or by name.
        header: Of the scene; a band whose name is the role needs no saying.
        factor: What reflectance 1 is stored as.

    Raises:
        BandError: a band that an index needs is not said and not found, or not in the scene.
    """
    from ...core.errors import BandError
    from ...transforms.indices import get_index

    own = {name.lower(): name for name in header.band_names}
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        found[name] = {"factor": factor}
        for role in get_index(name).bands:
            band = roles.get(role, own.get(role))
            if band is None:
                raise BandError(
                    f"index {name} needs the {role} band, and none of {header.uri} is called so "
                    f"({', '.join(header.band_names)}); say which it is: --band {role}=NUMBER"
                )
            position = header.data_bands.index(header.find([band])[0])
            found[name][f"idx_b_{role}"] = position
    return found
