"""Chips as outlines, and the doors to merging and reprojecting; the store is the judge."""

from __future__ import annotations

import geopandas
import shapely

from geoloom.preparation.vector_layers import merge_layers, reproject_layer
from geoloom.toolbox import (
    DatasetGenerator,
    merge_vector_layers,
    reproj_shape_to_raster,
    save_chips_shp,
)
from small_files import ramp, save


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


def test_the_papers_names_do_what_preparation_does(tmp_path):
    raster = save(tmp_path / "r.tif", ramp((1, 4, 4)))
    one, two = tmp_path / "one.geojson", tmp_path / "two.geojson"
    for path, x in ((one, -51.0), (two, -50.9)):
        frame = geopandas.GeoDataFrame(geometry=[shapely.Point(x, -9.5)], crs="EPSG:4326")
        frame.to_file(path)
    pairs = [
        (
            merge_vector_layers([one, two], tmp_path / "a.geojson"),
            merge_layers([one, two], tmp_path / "a2.geojson"),
        ),
        (
            reproj_shape_to_raster(one, raster, tmp_path / "b.geojson"),
            reproject_layer(one, raster, tmp_path / "b2.geojson"),
        ),
    ]
    for ours, below in pairs:
        assert geopandas.read_file(ours).equals(geopandas.read_file(below))
        assert ours.read_text().replace(f'"{ours.stem}"', f'"{below.stem}"') == below.read_text()
