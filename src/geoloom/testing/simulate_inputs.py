"""What analysts come with, around a simulated scene: an earlier date, points, outlines, bare codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.features import rasterize

from .simulate import PIXEL_M, SCENE_CRS, SimulatedScene, simulated_scene

EARLIER = 1990
"""Year of the earlier scene: about half of the clearings were there."""
CODES = {"forest": 10, "deforestation": 20, "water": 60}
"""Codes of the raster without names."""
POINTS_PER_CLASS = 10
_FROM_EDGES_M = 2 * PIXEL_M
"""Nobody takes a point where two classes meet."""

CONTENTS = {
    "scene.tif": "the scene: six bands of Landsat 8, in UTM",
    "earlier/scene.tif": f"the same place in {EARLIER}",
    "truth.gpkg": "polygons of the scene's classes, in degrees: field class",
    "points.csv": f"{POINTS_PER_CLASS} points of each class: columns lon, lat, class",
    "clearings.gpkg": "outlines of the clearings, without a field for their class",
    "codes.tif": "a raster of the classes' codes, without their names",
}
"""What each file holds."""


@dataclass(frozen=True, slots=True)
class SimulatedInputs:
    """Where the files lie; `CONTENTS` says what they hold."""

    now: SimulatedScene
    earlier: SimulatedScene
    points: Path
    clearings: Path
    codes: Path


def simulated_inputs(folder: str | Path, *, size_px: int = 256, seed: int = 0) -> SimulatedInputs:
    """Make a scene, the same place at an earlier date, and its classes in the forms in which labels come.

    Equal seeds and sizes give equal files.

    Args:
        folder: Where they go; made if absent, files replaced.
        size_px: Side of the square scenes, 30 m pixels.
        seed: Source of chance.

    Raises:
        GridError: `size_px` is too small.

    Example:
        >>> import tempfile
        >>> made = simulated_inputs(tempfile.mkdtemp(), size_px=160)
        >>> made.points.read_text().splitlines()[0]
        'lon,lat,class'
    """
    folder = Path(folder)
    earlier = simulated_scene(folder / "earlier", size_px=size_px, seed=seed, until=EARLIER)
    now = simulated_scene(folder, size_px=size_px, seed=seed)
    made = SimulatedInputs(
        now, earlier, folder / "points.csv", folder / "clearings.gpkg", folder / "codes.tif"
    )
    truth = gpd.read_file(now.truth).to_crs(SCENE_CRS)
    _points(truth, now, np.random.default_rng(seed)).to_csv(made.points, index=False)
    outlines = truth.geometry[truth["class"] == "deforestation"]
    made.clearings.unlink(missing_ok=True)
    gpd.GeoDataFrame(geometry=outlines).to_file(made.clearings, layer="clearings", driver="GPKG")
    _write_codes(truth, now, made.codes)
    return made


def _points(
    truth: gpd.GeoDataFrame, scene: SimulatedScene, rng: np.random.Generator
) -> pd.DataFrame:
    """Points where the scene was observed, away from edges, as a table of degrees."""
    with rasterio.open(scene.scene) as file:
        observed = file.read(1) != 0
    to_pixel = ~scene.grid.affine
    rows: list[tuple[str, shapely.Point]] = []
    for name in scene.class_names:
        ground = shapely.union_all(truth.geometry[truth["class"] == name].to_numpy())
        inside = ground.buffer(-_FROM_EDGES_M)
        while sum(row[0] == name for row in rows) < POINTS_PER_CLASS:
            left, bottom, right, top = inside.bounds
            x, y = rng.uniform(left, right), rng.uniform(bottom, top)
            col, row = (int(v) for v in to_pixel @ (x, y))
            if inside.contains(shapely.Point(x, y)) and observed[row, col]:
                rows.append((name, shapely.Point(x, y)))
    names, places = zip(*rows, strict=True)
    degrees = gpd.GeoSeries(list(places), crs=SCENE_CRS).to_crs(4326)
    return pd.DataFrame({"lon": degrees.x.round(6), "lat": degrees.y.round(6), "class": names})


def _write_codes(truth: gpd.GeoDataFrame, scene: SimulatedScene, path: Path) -> None:
    """The classes as codes on the scene's pixels: no names, no colours."""
    codes = truth["class"].map(CODES)
    shape = tuple(scene.grid.shape)
    burned = rasterize(
        list(zip(truth.geometry, codes, strict=True)), shape, transform=scene.grid.affine
    )
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=shape[1],
        height=shape[0],
        count=1,
        dtype="uint8",
        crs=str(scene.grid.crs),
        transform=scene.grid.affine,
        nodata=0,
        compress="deflate",
    ) as file:
        file.write(burned.astype("uint8"), 1)
