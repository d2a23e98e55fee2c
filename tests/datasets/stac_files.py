"""A small STAC catalogue of real files, and its parts, to be written anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import mapping

from geoloom.core.grid import crs_name
from geoloom.core.outline import footprint

GRID = GeoBox((512, 512), Affine(10, 0, 600000, 0, -10, 5000000), "EPSG:32633")
COARSE = GeoBox((256, 256), Affine(20, 0, 600000, 0, -20, 5000000), "EPSG:32633")
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def write_band(path, values, grid=GRID, **options):
    """A tiled file of noise or a number, uint16, nodata 0."""
    if np.ndim(values) == 0:
        values = np.full(tuple(grid.shape), values, dtype="uint16")
    values = np.atleast_3d(values.T).T if values.ndim == 2 else values
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "tiled": True, "blockxsize": 128, "blockysize": 128, "nodata": 0,
        "dtype": values.dtype, "count": len(values), "height": grid.shape[0], "width": grid.shape[1],
        "crs": crs_name(grid.crs), "transform": grid.affine,
    }  # fmt: skip
    scales = options.pop("scales", None)
    with rasterio.open(path, "w", **{**profile, **options}) as file:
        file.write(values)
        if scales is not None:
            file.scales = scales
    return path


def place(grid):
    """The fields of the projection extension."""
    return {
        "proj:code": crs_name(grid.crs),
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.affine[:6]),
    }


def band_asset(href, common, grid=None, **more):
    """An asset of one band, as STAC 1.0 describes it."""
    return {
        "href": href,
        "type": COG,
        "roles": ["data"],
        "eo:bands": [{"name": f"x_{common}", "common_name": common}],
        **({} if grid is None else place(grid)),
        **more,
    }


def item(name, assets, when="2019-07-01T10:00:00Z", grid=GRID, collection="fields", **properties):
    """An item of the grid; `when` may be a pair, and properties None to be left out."""
    times = {"datetime": when}
    if isinstance(when, tuple):
        times = {"datetime": None, "start_datetime": when[0], "end_datetime": when[1]}
    outline = footprint(grid)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": mapping(outline),
        "bbox": list(outline.bounds),
        "properties": {**times, **properties},
        "links": [],
        "assets": assets,
    }


def catalog(name, links, *, kind="Catalog", **more):
    """A catalogue or collection with links, each (rel, href)."""
    return {
        "type": kind,
        "stac_version": "1.0.0",
        "id": name,
        "description": name,
        "links": [{"rel": rel, "href": href} for rel, href in links],
        **more,
    }


def write_json(path, document):
    """A document; returns its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def write_catalog(folder, values):
    """A static catalogue: a collection of one item per day of July 2019 with the bands red, nir and swir16.

    Args:
        folder: For the documents and files.
        values: A list of (3, 512, 512) uint16 arrays; of the third every second pixel is kept, at 20 m.
    """
    folder = Path(folder)
    links = []
    for day, (red, nir, swir) in enumerate(values, 1):
        name = f"day{day}"
        home = folder / "fields" / name
        write_band(home / "red.tif", red)
        write_band(home / "nir.tif", nir)
        write_band(home / "swir.tif", swir[::2, ::2], COARSE)
        assets = {
            "red": band_asset("./red.tif", "red", GRID),
            "nir": band_asset("./nir.tif", "nir", GRID),
            "B11": band_asset("./swir.tif", "swir16", COARSE),
            "visual": {"href": "./visual.tif", "type": COG, "roles": ["visual"]},
            "thumbnail": {"href": "./small.png", "type": "image/png", "roles": ["thumbnail"]},
            "metadata": {"href": "./m.xml", "type": "application/xml", "roles": ["metadata"]},
        }
        document = item(
            name, assets, f"2019-07-{day:02d}T10:00:00Z", **{"eo:cloud_cover": 10 * day}
        )
        write_json(home / f"{name}.json", document)
        links.append(("item", f"./{name}/{name}.json"))
    write_json(folder / "fields" / "collection.json", catalog("fields", links, kind="Collection"))
    write_json(folder / "catalog.json", catalog("root", [("child", "./fields/collection.json")]))
    return folder / "catalog.json"


def noise(seed, count=3):
    """Values (count, 512, 512) that no compression or resampling gives back by chance."""
    return np.random.default_rng(seed).integers(1, 10000, (count, 512, 512), dtype="uint16")
