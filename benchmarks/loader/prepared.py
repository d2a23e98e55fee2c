"""The paper's "preprocessed" condition: files warped onto one lattice for the peer, chips for us."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.geom import box
from rasterio.windows import Window

from geoloom.chips.materialize import materialize
from geoloom.datasets.sensors.cdl import CDL
from geoloom.datasets.sensors.landsat import Landsat8
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read

from .data import BANDS, GSD_M, TILE_PX, ZONES, Size
from .queries import SIZE_PX

_STRIP_PX = 2048


def make_chips(folder: Path, plain: Path, asked: Path) -> Path:
    """The store of what the queries asked give, one chip per query in their order; made on first use."""
    out = folder / f"prepared-{asked.stem}.zarr"
    if not out.exists():
        dataset = Landsat8(plain / "landsat", bands=BANDS) & CDL(plain / "cdl")
        given = json.loads(asked.read_text())
        grids = (
            GeoBox((SIZE_PX, SIZE_PX), Affine(GSD_M, 0, left, 0, -GSD_M, top), given["crs"])
            for batch in given["batches"]
            for left, _, _, top in batch
        )
        materialize(dataset, grids, out)
    return out


def make(folder: Path, plain: Path, size: Size) -> Path:
    """The folder of the files warped, made on first use."""
    root = folder / f"prepared-{size.scenes}x{size.side_px}"
    done = root / "done.json"
    if done.exists() and json.loads(done.read_text()) == asdict(size):
        return root
    for kind in ("landsat", "cdl"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    extent: list[GeoBox] = []
    for path in sorted((plain / "landsat").glob("*.TIF")):
        grid = on_lattice(read_header(path).grid)
        extent.append(grid)
        warp(path, root / "landsat" / path.name, grid, nodata=0)
    labels = next((plain / "cdl").glob("*.tif"))
    warp(labels, root / "cdl" / labels.name, _around(extent), nodata=None)
    done.write_text(json.dumps(asdict(size)))
    return root


def on_lattice(grid: GeoBox) -> GeoBox:
    """The grid itself in the common CRS, else the pixels of the common lattice around it."""
    if grid.crs == ZONES[0]:
        return grid
    return _snapped(grid.footprint(ZONES[0]).boundingbox)


def _around(grids: list[GeoBox]) -> GeoBox:
    boxes = [grid.boundingbox for grid in grids]
    whole = box(
        min(b.left for b in boxes),
        min(b.bottom for b in boxes),
        max(b.right for b in boxes),
        max(b.top for b in boxes),
        ZONES[0],
    )
    return _snapped(whole.boundingbox)


def _snapped(bounds: tuple[float, float, float, float]) -> GeoBox:
    left, bottom = (np.floor(v / GSD_M) * GSD_M for v in bounds[:2])
    right, top = (np.ceil(v / GSD_M) * GSD_M for v in bounds[2:])
    shape = round((top - bottom) / GSD_M), round((right - left) / GSD_M)
    return GeoBox(shape, Affine(GSD_M, 0, left, 0, -GSD_M, top), ZONES[0])


def warp(source: Path, target: Path, grid: GeoBox, *, nodata: int | None) -> None:
    header = read_header(source)
    height, width = grid.shape
    with rasterio.open(
        target,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=1,
        dtype=header.dtypes[0],
        crs=rasterio.crs.CRS.from_user_input(ZONES[0]),
        transform=grid.affine,
        nodata=nodata,
        tiled=True,
        blockxsize=TILE_PX,
        blockysize=TILE_PX,
    ) as file:
        for top in range(0, height, _STRIP_PX):
            part = grid[top : min(top + _STRIP_PX, height)]
            window = Window(0, top, width, part.shape[0])
            file.write(read(header, part).values, window=window)
        if header.colormap is not None:
            file.write_colormap(1, header.colormap)
