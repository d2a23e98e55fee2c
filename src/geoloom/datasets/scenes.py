"""Reading one scene's bands onto a grid."""

from __future__ import annotations

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.query import Scene
from ..io.raster import Kernel, read

_CODED = frozenset({"qa", "class"})


def read_scene(
    scene: Scene,
    grid: GeoBox,
    *,
    channels: tuple[int, ...] | None = None,
    kernel: Kernel | None = None,
    nodata: float | None = None,
    scaled: bool = False,
    crs: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The scene's bands on a grid; bands that share a file are read together.

    Args:
        scene: Which files.
        grid: The pixels wanted.
        channels: Positions in `scene.bands`, 0-based; None means all.
        kernel: As `read`; bands of bit flags and classes are never averaged.
        nodata: In place of the bands' own.
        scaled: Apply the bands' scale and offset.
        crs: In place of the files' own.

    Returns:
        Values (C, H, W), in the bands' common dtype or float32 where scaled; and where all of them are
        observed, bool (H, W).
    """
    chosen = range(len(scene.bands)) if channels is None else channels
    reads: dict[tuple[str, float | None, Kernel | None], list[int]] = {}
    for position, i in enumerate(chosen):
        band = scene.bands[i]
        own = nodata if nodata is not None else band.nodata
        key = scene.assets[i].uri, own, _kernel_of(band, kernel)
        reads.setdefault(key, []).append(position)
    valid = np.ones(tuple(grid.shape), dtype=bool)
    planes: dict[int, np.ndarray] = {}
    for (uri, own, how), positions in reads.items():
        numbers = [scene.assets[chosen[p]].index for p in positions]
        raster = read(uri, grid, bands=numbers, kernel=how, nodata=own, crs=crs)
        valid &= raster.valid
        if len(reads) == 1:
            values = raster.values
            break
        planes.update(zip(positions, raster.values, strict=True))
    else:
        values = np.stack([planes[p] for p in range(len(chosen))])
    return (_scaled(values, [scene.bands[i] for i in chosen]) if scaled else values), valid


def _kernel_of(band: Band, kernel: Kernel | None) -> Kernel | None:
    if band.role in _CODED and kernel != "mode":
        return "nearest"
    return kernel


def _scaled(values: np.ndarray, bands: list[Band]) -> np.ndarray:
    scales = np.array([band.scale for band in bands], dtype=np.float64).reshape(-1, 1, 1)
    offsets = np.array([band.offset for band in bands], dtype=np.float64).reshape(-1, 1, 1)
    physical: np.ndarray = (values * scales + offsets).astype(np.float32)
    return physical
