"""A layer of many polygons, like the parcels of a country: eight corners each, five classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CRS = "EPSG:32633"
LEFT, BOTTOM, STEP_M = 200_000.0, 4_000_000.0, 300.0
FIELD = "kind"


def make(folder: Path, count: int) -> Path:
    """A GeoPackage, made on first use (290 MB for a million)."""
    path = folder / f"parcels-{count}.gpkg"
    if path.exists():
        return path
    import geopandas
    import shapely

    rng = np.random.default_rng(0)
    columns = width(count)
    number = np.arange(count)
    x = LEFT + (number % columns + 0.5) * STEP_M
    y = BOTTOM + (number // columns + 0.5) * STEP_M
    turn = np.linspace(0, 2 * np.pi, 9)[:-1]
    radius = rng.uniform(60, STEP_M / 2, (count, 8))
    corners = np.stack(
        [x[:, None] + radius * np.cos(turn), y[:, None] + radius * np.sin(turn)], axis=-1
    )
    kinds = rng.integers(1, 6, count)
    frame = geopandas.GeoDataFrame({FIELD: kinds}, geometry=shapely.polygons(corners), crs=CRS)
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{path.name}")
    frame.to_file(part)
    part.replace(path)
    return path


def width(count: int) -> int:
    """Polygons side by side."""
    return int(np.ceil(np.sqrt(count)))


def corners(count: int, queries: int, chip_m: float) -> list[tuple[float, float]]:
    """Left and top of chips that lie wholly on the layer, at random."""
    side = width(count) * STEP_M - chip_m
    places = np.random.default_rng(1).uniform(0, 0.98 * side, (queries, 2))
    return [(float(LEFT + x), float(BOTTOM + chip_m + y)) for x, y in places]
