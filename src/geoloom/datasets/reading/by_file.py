"""Reading one scene's bands onto a grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.query import Asset, Scene
from ...core.resampling import Resampling, default_resampling
from ...io.access.remote import is_remote, together
from ...io.explain import FileRead, explain_read
from ...io.raster import Raster, read
from ..scenes.located import header_of
from .channel_stacks import resampling_of


def read_scene(
    scene: Scene,
    grid: GeoBox,
    *,
    channels: tuple[int, ...] | None = None,
    resampling: Resampling | None = None,
    nodata: float | None = None,
    scaled: bool = False,
    crs: str | None = None,
    overviews: bool = False,
    unrounded: bool = False,
    deliver: Callable[[np.dtype[Any]], np.dtype[Any]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The scene's bands on a grid; bands that share a file are read together.

    Args:
        scene: Which files.
        grid: The pixels wanted.
        channels: Positions in `scene.bands`, 0-based; None means all.
        resampling: As `read`; bands of bit flags and classes are never averaged.
        nodata: Instead of the bands' own.
        scaled: Apply the bands' scale and offset.
        crs: Instead of the files' own.
        overviews, unrounded: As `read`.
        deliver: From the bands' common dtype to the one wanted; bands are converted as they are put
            together, as large fresh arrays cost more than the reading.

    Returns:
        Values (C, H, W), in the bands' common dtype, the one wanted, or float32 where scaled; and where all
        of them are observed, bool (H, W).
    """
    chosen = range(len(scene.bands)) if channels is None else channels
    reads = _by_file(scene, chosen, nodata, resampling)
    valid: np.ndarray | None = None
    planes: dict[int, np.ndarray] = {}
    values: np.ndarray | None = None
    calls = [
        partial(
            _read,
            scene.assets[chosen[positions[0]]],
            grid,
            crs,
            bands=[scene.assets[chosen[p]].index for p in positions],
            resampling=how,
            nodata=own,
            overviews=overviews,
            unrounded=unrounded,
        )
        for (_, own, how), positions in reads.items()
    ]
    far = len(calls) > 1 and all(is_remote(uri) for uri, _, _ in reads)
    rasters = together(calls) if far else (call() for call in calls)
    for positions, raster in zip(reads.values(), rasters, strict=True):
        valid = raster.valid if valid is None else valid & raster.valid
        values = raster.values
        planes.update(zip(positions, raster.values, strict=True))
    assert values is not None
    assert valid is not None  # a scene has at least one band
    if scaled:
        return scaled_planes(planes, [scene.bands[i] for i in chosen]), valid
    common = np.result_type(*(plane.dtype for plane in planes.values()))
    wanted = common if deliver is None else deliver(common)
    if len(reads) == 1 and values.dtype == wanted:
        return values, valid
    return _stacked(planes, wanted), valid


def explain_scenes(
    scenes: Iterable[Scene],
    grid: GeoBox,
    *,
    channels: tuple[int, ...] | None = None,
    resampling: Resampling | None = None,
    nodata: float | None = None,
    crs: str | None = None,
    overviews: bool = False,
    fills_gaps: bool,
) -> Iterator[FileRead]:
    """What `read_scene` takes from the files of scenes, in the order of their priority.

    Args:
        scenes: Which files.
        grid, channels, resampling, nodata, crs, overviews: As `read_scene`.
        fills_gaps: Whether scenes after the first are read only where those before observed nothing.
    """
    for rank, scene in enumerate(scenes):
        chosen = range(len(scene.bands)) if channels is None else channels
        for (_, _, how), positions in _by_file(scene, chosen, nodata, resampling).items():
            assets = [scene.assets[chosen[p]] for p in positions]
            header = header_of(assets[0], crs)
            read = explain_read(
                header,
                grid,
                tuple(asset.index for asset in assets),
                how or default_resampling(categorical=header.categorical),
                overviews=overviews,
                fills_gaps=fills_gaps and rank > 0,
            )
            if read is not None:
                yield read


def _by_file(
    scene: Scene, chosen: Sequence[int], nodata: float | None, resampling: Resampling | None
) -> dict[tuple[str, float | None, Resampling | None], list[int]]:
    """Positions among the bands chosen, by the file, nodata value and resampling that they share."""
    reads: dict[tuple[str, float | None, Resampling | None], list[int]] = {}
    for position, i in enumerate(chosen):
        band = scene.bands[i]
        own = nodata if nodata is not None else band.nodata
        key = scene.assets[i].uri, own, resampling_of(band, resampling)
        reads.setdefault(key, []).append(position)
    return reads


def _read(asset: Asset, grid: GeoBox, crs: str | None, **options: Any) -> Raster:
    """`read` of the file of an asset."""
    return read(header_of(asset, crs), grid, **options)


def _stacked(planes: dict[int, np.ndarray], dtype: np.dtype[Any]) -> np.ndarray:
    values = np.empty((len(planes), *planes[0].shape), dtype=dtype)
    for position, plane in planes.items():
        values[position] = plane
    return values


def scaled_planes(
    planes: Mapping[int, np.ndarray] | np.ndarray, bands: Sequence[Band]
) -> np.ndarray:
    """Stored planes (H, W), by channel, as physical values, float32 (C, H, W)."""
    values = np.empty((len(planes), *planes[0].shape), dtype=np.float32)
    for position, band in enumerate(bands):
        values[position] = planes[position] * band.scale + band.offset
    return values
