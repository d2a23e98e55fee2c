"""Vector layers merged and reprojected, and chips as outlines; pyproj and the store are the judges."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from pyproj import Transformer
from small_files import CRS, ramp, save

from geoloom.core.errors import VectorError, WriteError
from geoloom.toolbox import (
    DatasetGenerator,
    merge_vector_layers,
    reproj_shape_to_raster,
    save_chips_shp,
)


def _layer(path, xs, crs):
    geometry = shapely.points(xs, np.zeros(len(xs)) - 9.5)
    geopandas.GeoDataFrame(
        {"name": [f"p{x}" for x in xs]}, geometry=geometry, crs="EPSG:4326"
    ).to_crs(crs).to_file(path)
    return path


def test_merged_layers_are_in_the_first_ones_crs(tmp_path):
    one = _layer(tmp_path / "one.gpkg", [-51.0, -50.9], CRS)
    two = _layer(tmp_path / "two.shp", [-50.8], "EPSG:4326")
    found = geopandas.read_file(merge_vector_layers([one, two], tmp_path / "m.gpkg"))
    assert found.crs.to_epsg() == 32722
    assert found["name"].tolist() == ["p-51.0", "p-50.9", "p-50.8"]
    x, y = Transformer.from_crs(4326, 32722, always_xy=True).transform(-50.8, -9.5)
    assert found.geometry[2].distance(shapely.Point(x, y)) < 1e-3
    with pytest.raises(WriteError, match="overwrite"):
        merge_vector_layers([one], tmp_path / "m.gpkg")
    with pytest.raises(VectorError, match="cannot be read"):
        merge_vector_layers([tmp_path / "none.gpkg"], tmp_path / "n.gpkg")


def test_a_layer_in_the_rasters_crs(tmp_path):
    layer = _layer(tmp_path / "one.gpkg", [-51.0], "EPSG:4326")
    raster = save(tmp_path / "r.tif", ramp((1, 4, 4)))
    found = geopandas.read_file(reproj_shape_to_raster(layer, raster, tmp_path / "out.shp"))
    x, y = Transformer.from_crs(4326, 32722, always_xy=True).transform(-51.0, -9.5)
    assert found.crs.to_epsg() == 32722
    assert found.geometry[0].distance(shapely.Point(x, y)) < 1e-3


def test_chips_as_outlines(tmp_path):
    raster = save(tmp_path / "r.tif", ramp((1, 40, 50)))
    generator = DatasetGenerator(raster)
    generator.generate_chips({"win_size": [20, 25]})
    saved = generator.save_to_disk(tmp_path, "d")
    found = geopandas.read_file(save_chips_shp(saved.path, tmp_path / "chips.shp"))
    assert found["chip"].tolist() == [0, 1, 2, 3]
    assert found["source"].unique().tolist() == ["r.tif"]
    expected = [
        shapely.box(
            500_000 + 30 * col,
            9_000_000 - 30 * (row + 20),
            500_000 + 30 * (col + 25),
            9_000_000 - 30 * row,
        )
        for row in (0, 20)
        for col in (0, 25)
    ]
    assert all(a.equals(b) for a, b in zip(found.geometry, expected, strict=True))
