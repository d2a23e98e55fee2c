"""A simulated Landsat scene of deforestation in the Amazon, with truth: real enough to try everything on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely import Polygon, box

from ..core.errors import GridError
from .landscape.ground import light_ground
from .landscape.settlement import Settlement, draw_settlement
from .landscape.sky import draw_sky, look_through, quality_bits
from .landscape.water import draw_waters

SCENE_CRS = "EPSG:32720"
"""UTM zone 20 south: Rondônia."""
TRUTH_CRS = "EPSG:4674"
"""SIRGAS 2000, degrees: how Brazil publishes its deforestation maps."""
UPPER_LEFT_M = (480285.0, 8898315.0)
PIXEL_M = 30.0
SMALLEST_PX = 160
SCALE, OFFSET = 2.75e-5, -0.2
"""Landsat Collection 2 Level-2: reflectance = stored * SCALE + OFFSET."""
BANDS = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
"""Blue, green, red, nir, swir1, swir2, as Landsat 8 numbers them."""
CLASS_NAMES = ("forest", "deforestation", "water")


@dataclass(frozen=True, slots=True)
class SimulatedScene:
    """Where the files of a simulated scene lie, and what is in them."""

    scene: Path
    """GeoTIFF: six reflectance bands, uint16, 0 = nodata, `SCALE` and `OFFSET` tagged."""
    qa: Path
    """GeoTIFF: QA_PIXEL, uint16, on the same grid."""
    truth: Path
    """GeoPackage of polygons in `TRUTH_CRS`, with fields `class` and `year`."""
    grid: GeoBox
    """The scene's grid."""
    class_field: str = "class"
    class_names: tuple[str, ...] = CLASS_NAMES
    bands: tuple[str, ...] = BANDS


def simulated_scene(
    folder: str | Path, *, size_px: int = 1536, seed: int = 0, until: int | None = None
) -> SimulatedScene:
    """Make a scene of forest cleared along roads, with river, clouds and a tilted edge, and its truth.

    Equal seeds and sizes give equal pixels. The truth is drawn as a mapper would: polygons in another CRS,
    whose edges agree with the image to about a pixel, below clouds and beyond the image's edge too.

    Args:
        folder: Where the three files go; made if absent, files replaced.
        size_px: Side of the square scene, 30 m pixels.
        seed: Source of chance.
        until: Year of the scene: clearings of later years are still forest, in image and truth. None has all.
            The same place at two dates has one `seed`; its clouds and noise differ.

    Raises:
        GridError: `size_px` is too small to hold a river, a road and clearings.

    Example:
        >>> import tempfile
        >>> made = simulated_scene(tempfile.mkdtemp(), size_px=160)
        >>> made.scene.name, made.class_names
        ('scene.tif', ('forest', 'deforestation', 'water'))
    """
    if size_px < SMALLEST_PX:
        raise GridError(
            f"size_px={size_px}: a landscape needs {SMALLEST_PX} pixels to hold a river, roads and "
            f"clearings; give size_px={SMALLEST_PX} or more"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # One stream of chance a part: changing how one is drawn leaves the others alone.
    of_water, of_people, of_ground, of_sky, of_sensor = np.random.default_rng(seed).spawn(5)
    waters = draw_waters(size_px, of_water)
    settlement = draw_settlement(size_px, waters.surface, of_people)
    if until is not None:
        of_sky, of_sensor = np.random.default_rng((seed, until)).spawn(2)
    ground = light_ground(size_px, waters, settlement, of_ground, until=until)
    sky = draw_sky(size_px, of_sky)
    seen = look_through(ground.reflectance, sky, of_sensor)
    stored = np.clip(np.rint((seen - OFFSET) / SCALE), 1, 65535).astype(np.uint16)
    stored[:, ~sky.inside] = 0
    grid = GeoBox(
        (size_px, size_px),
        Affine(PIXEL_M, 0, UPPER_LEFT_M[0], 0, -PIXEL_M, UPPER_LEFT_M[1]),
        SCENE_CRS,
    )
    made = SimulatedScene(
        folder / "scene.tif", folder / "qa_pixel.tif", folder / "truth.gpkg", grid
    )
    _write(made.scene, stored, grid, BANDS, nodata=0, scaled=True)
    _write(
        made.qa, quality_bits(sky, ground.water)[None], grid, ("QA_PIXEL",), nodata=1, scaled=False
    )
    if until is not None:
        fields = tuple(field for field in settlement.fields if field.year <= until)
        settlement = replace(settlement, fields=fields)
    truth = _truth(settlement, waters.surface, size_px)
    made.truth.unlink(missing_ok=True)
    truth.to_file(made.truth, layer="truth", driver="GPKG")
    return made


def _truth(settlement: Settlement, water: shapely.Geometry, size_px: int) -> gpd.GeoDataFrame:
    """Polygons of the three classes that tile the scene, in `TRUTH_CRS`."""
    square = box(0, 0, size_px, size_px)
    water = water.intersection(square).simplify(0.35)
    rows = [("water", 0, part) for part in _polygons(water, 3.0)]
    shapes = [field.shape.simplify(0.35).buffer(0) for field in settlement.fields]
    rows += [
        ("deforestation", field.year, part)
        for field, shape in zip(settlement.fields, shapes, strict=True)
        for part in _polygons(shape, 3.0)
    ]
    forest = square.difference(shapely.union_all([water, *shapes]))
    # Slivers between neighbouring lots are below what a mapper draws.
    forest = forest.buffer(-0.5).buffer(0.5, join_style="mitre").intersection(square)
    rows += [("forest", 0, part) for part in _polygons(forest, 6.0)]
    frame = gpd.GeoDataFrame(
        {"class": [r[0] for r in rows], "year": [r[1] for r in rows]},
        geometry=[
            shapely.transform(r[2], lambda xy: UPPER_LEFT_M + xy * (PIXEL_M, -PIXEL_M))
            for r in rows
        ],
        crs=SCENE_CRS,
    )
    return frame.to_crs(TRUTH_CRS)


def _polygons(shape: shapely.Geometry, least_px: float) -> list[Polygon]:
    parts = shapely.get_parts(shape)
    return [p for p in parts if isinstance(p, Polygon) and p.area >= least_px]


def _write(
    path: Path,
    values: np.ndarray,
    grid: GeoBox,
    names: tuple[str, ...],
    *,
    nodata: int,
    scaled: bool,
) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[2],
        height=values.shape[1],
        count=len(values),
        dtype=values.dtype,
        crs=str(grid.crs),
        transform=grid.affine,
        nodata=nodata,
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        predictor=2,
        zlevel=4,
    ) as file:
        file.write(values)
        file.descriptions = names
        if scaled:
            file.scales = (SCALE,) * len(values)
            file.offsets = (OFFSET,) * len(values)
