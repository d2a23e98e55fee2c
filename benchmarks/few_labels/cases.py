"""Few labels on real images: drawn, burned, cut into chips; and the ground that scores are counted on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from shapely.geometry import Point, box

import geoloom as gl
from geoloom.metrics import Accuracy
from geoloom.splits.features import FeatureSplit

CHIPS = {"size": 48, "count": 100, "balanced": True, "min_valid": 0.002}
"""What all cases are cut by."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of labels."""

    chips: Path
    """Divided by whole polygons, class by class."""
    rest: Path | None = None
    """Chips of ground that was not drawn; None where nothing else is labelled."""

    def scores(self, model: Any) -> Iterator[tuple[str, Accuracy]]:
        """On the polygons held out, `held out`, and on the ground that was not drawn, `rest`."""
        for what, chips in (("held out", f"{self.chips}#test"), ("rest", self.rest)):
            if chips is not None:
                accuracy = gl.evaluate(model, chips, device="cpu")
                assert isinstance(accuracy, Accuracy)
                yield what, accuracy


class Case(Protocol):
    """Draws labels into a folder; equal numbers draw alike."""

    def __call__(self, data: Path, folder: Path, number: int) -> Draw: ...


def prodes(data: Path, folder: Path, number: int) -> Draw:
    """Ten polygons of forest and ten of deforestation, of 2 to 500 ha; all others are scored on.

    Water and non-forest have two polygons each, and are left out."""
    source = data / "prodes_landsat8"
    classes = {"forest": ["FLORESTA"], "deforestation": ["DESMATAMENTO"]}
    scene = folder / "scene.tif"
    gl.prepare(source / "raster_R6G5B4contrast.tif", scene, nodata_rule="all")
    polygons = gpd.read_file(source / "prodes_shp_crop.shp")[["agregClass", "geometry"]]
    polygons = polygons[polygons["agregClass"].isin(["FLORESTA", "DESMATAMENTO"])]
    usable = polygons[polygons.area.between(2e4, 5e6)]
    rng = np.random.default_rng(number)
    drawn = pd.concat(own.sample(10, random_state=rng) for _, own in usable.groupby("agregClass"))
    rest = polygons.drop(drawn.index)
    for name, chosen in (("drawn", drawn), ("rest", rest)):
        chosen.to_file(folder / f"{name}.gpkg")
        gl.rasterize(
            folder / f"{name}.gpkg", scene, folder / f"{name}.tif",
            class_field="agregClass", classes=classes,
        )  # fmt: skip
    chips = _cut([scene], [folder / "drawn.tif"], folder, number)
    return Draw(chips, _rest([scene], [folder / "rest.tif"], folder))


def trees(data: Path, folder: Path, number: int) -> Draw:
    """Plots of 40 m in the middle of five aerial photographs of either city: some 50 trees, clicked on, as
    discs of 3 m, and the background between them. 16 other photographs are scored on."""
    source = data / "naip_trees"
    rng = np.random.default_rng(number)
    usable = [tile for tile in _tiles(source) if len(_trees(source, tile, 20)) >= 2]
    cities = [[t for t in usable if t.startswith(city)] for city in ("chico", "claremont")]
    drawn = [str(t) for city in cities for t in rng.choice(city, 5, replace=False)]
    others = [str(t) for t in rng.choice(sorted({*_tiles(source)} - {*drawn}), 16, replace=False)]
    labels = [_plot(source, tile, folder, 20) for tile in drawn]
    chips = _cut([_image(source, tile) for tile in drawn], labels, folder, number)
    truth = [_plot(source, tile, folder, None) for tile in others]
    return Draw(chips, _rest([_image(source, tile) for tile in others], truth, folder))


def rondonia(data: Path, folder: Path, number: int) -> Draw:
    """80 points of four classes, 60 m around each; two fifths of them are scored on."""
    source = data / "rondonia_landsat8"
    points = gpd.read_file(source / "signatures.shp")
    names = np.array(["", "water", "bare", "forest", "pasture"])
    points["class"] = names[points["name"].astype(int)]
    points[["class", "geometry"]].to_file(folder / "points.gpkg")
    scene = source / "LC08_232066_20190727.jp2"
    gl.rasterize(folder / "points.gpkg", scene, folder / "labels.tif", radius=60)
    return Draw(_cut([scene], [folder / "labels.tif"], folder, number, test=0.4))


CASES: dict[str, Case] = {"prodes": prodes, "trees": trees, "rondonia": rondonia}


def _cut(
    scenes: list[Path], labels: list[Path], folder: Path, number: int, test: float = 0.2
) -> Path:
    split = FeatureSplit(test=test, stratify=True, seed=number)
    out = folder / "chips.zarr"
    gl.cut_chips(scenes, out, labels=labels, split=split, seed=number, **CHIPS)
    return out


def _rest(scenes: list[Path], truth: list[Path], folder: Path) -> Path:
    """60 chips of some ground, the same in all draws but for what was drawn: enough for the third digit."""
    out = folder / "rest.zarr"
    gl.cut_chips(scenes, out, labels=truth, size=64, count=60, split=None)
    return out


def _tiles(source: Path) -> list[str]:
    return sorted(path.stem for path in (source / "images").glob("*.tif"))


def _image(source: Path, tile: str) -> Path:
    return source / "images" / f"{tile}.tif"


def _plot(source: Path, tile: str, folder: Path, half_m: float | None) -> Path:
    """Labels of a square about a photograph's middle; of all of it for None."""
    points, out = folder / f"{tile}.gpkg", folder / f"{tile}.tif"
    _trees(source, tile, half_m).to_file(points)
    gl.rasterize(
        points, _image(source, tile), out, burn="tree", radius=3, background="other",
        background_within=None if half_m is None else _square(source, tile, half_m),
    )  # fmt: skip
    return out


def _trees(source: Path, tile: str, half_m: float | None) -> gpd.GeoDataFrame:
    content = json.loads((source / "json" / f"{tile}.json").read_text())
    places = [Point(each["geometry"]["coordinates"]) for each in content["features"]]
    with rasterio.open(_image(source, tile)) as image:
        trees = gpd.GeoDataFrame(geometry=places, crs=image.crs)
    square = _square(source, tile, half_m) if half_m is not None else None
    return trees if square is None else trees[trees.within(square.geometry[0])]


def _square(source: Path, tile: str, half_m: float) -> gpd.GeoDataFrame:
    with rasterio.open(_image(source, tile)) as image:
        left, bottom, right, top = image.bounds
        x, y = (left + right) / 2, (bottom + top) / 2
        square = box(x - half_m, y - half_m, x + half_m, y + half_m)
        return gpd.GeoDataFrame(geometry=[square], crs=image.crs)
