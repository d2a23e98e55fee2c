"""Vector layers merged and reprojected; pyproj is the judge."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from pyproj import Transformer

from geoloom.core.errors import VectorError, WriteError
from geoloom.preparation.vector_layers import merge_layers, reproject_layer
from small_files import CRS, ramp, save


def _layer(path, xs, crs):
    geometry = shapely.points(xs, np.zeros(len(xs)) - 9.5)
    geopandas.GeoDataFrame(
        {"name": [f"p{x}" for x in xs]}, geometry=geometry, crs="EPSG:4326"
    ).to_crs(crs).to_file(path)
    return path


def test_merged_layers_are_in_the_first_ones_crs(tmp_path):
    one = _layer(tmp_path / "one.gpkg", [-51.0, -50.9], CRS)
    two = _layer(tmp_path / "two.shp", [-50.8], "EPSG:4326")
    found = geopandas.read_file(merge_layers([one, two], tmp_path / "m.gpkg"))
    assert found.crs.to_epsg() == 32722
    assert found["name"].tolist() == ["p-51.0", "p-50.9", "p-50.8"]
    x, y = Transformer.from_crs(4326, 32722, always_xy=True).transform(-50.8, -9.5)
    assert found.geometry[2].distance(shapely.Point(x, y)) < 1e-3
    with pytest.raises(WriteError, match="overwrite"):
        merge_layers([one], tmp_path / "m.gpkg")
    with pytest.raises(VectorError, match="cannot be read"):
        merge_layers([tmp_path / "none.gpkg"], tmp_path / "n.gpkg")


def test_a_layer_in_the_rasters_crs(tmp_path):
    layer = _layer(tmp_path / "one.gpkg", [-51.0], "EPSG:4326")
    raster = save(tmp_path / "r.tif", ramp((1, 4, 4)))
    found = geopandas.read_file(reproject_layer(layer, raster, tmp_path / "out.shp"))
    x, y = Transformer.from_crs(4326, 32722, always_xy=True).transform(-51.0, -9.5)
    assert found.crs.to_epsg() == 32722
    assert found.geometry[0].distance(shapely.Point(x, y)) < 1e-3


def test_a_layer_is_never_merged_into_one_of_its_parts(tmp_path):
    one = _layer(tmp_path / "one.shp", [-51.0], CRS)
    two = _layer(tmp_path / "two.gpkg", [-50.8], CRS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for out in (one, two):
        with pytest.raises(WriteError, match="is an input"):
            merge_layers([one, two], out, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_layer_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    one = _layer(tmp_path / "one.gpkg", [-51.0], CRS)
    out = merge_layers([one], tmp_path / "m.gpkg")
    before = out.read_bytes()

    def cut_off(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(geopandas.GeoDataFrame, "to_file", cut_off)
    with pytest.raises(KeyboardInterrupt):
        merge_layers([one], out, overwrite=True)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.gpkg", "one.gpkg"]
