"""One chip around each point, in every scene that holds it."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from geoloom.core.errors import SamplerError
from geoloom.datasets import RasterDataset
from geoloom.samplers import PointGeoSampler


@pytest.fixture
def dataset(tmp_path):
    """Two scenes of 60 x 80 pixels whose left halves lie 40 pixels apart, so that they overlap."""
    for k in range(2):
        with rasterio.open(
            tmp_path / f"{k}.tif", "w", driver="GTiff", height=60, width=80, count=1, dtype="uint8",
            crs="EPSG:32722", transform=Affine(10, 0, 500_000 + 400 * k, 0, -10, 9_000_000),
        ) as file:  # fmt: skip
            file.write(np.full((1, 60, 80), k + 1, np.uint8))
    return RasterDataset(str(tmp_path), is_image=True)


def _points(*cols_rows):
    xy = [(500_000 + 10 * (col + 0.5), 9_000_000 - 10 * (row + 0.5)) for col, row in cols_rows]
    return geopandas.GeoDataFrame(geometry=shapely.points(xy), crs="EPSG:32722")


def test_points_lie_in_the_middle_of_their_chips(dataset, tmp_path):
    # In the first scene alone; in both; near the left edge; twice the same; outside of both.
    points = _points((20, 30), (50, 30), (1, 30), (20, 30), (500, 30))
    points.to_crs("EPSG:4326").to_file(tmp_path / "points.gpkg")
    for given in (points, tmp_path / "points.gpkg"):
        table = PointGeoSampler(dataset, 11, given).table()
        rows = sorted(table.rows[["region", "row", "col"]].tolist())
        assert rows == [(0, 25, 0), (0, 25, 15), (0, 25, 45), (1, 25, 5)]
        assert table[0].grid.shape == (11, 11)
    sampler = PointGeoSampler(dataset, 11, points)
    assert len(sampler) == len(list(sampler)) == 4
    assert sum(len(sampler.shard(rank, 3)) for rank in range(3)) == 4


def test_polygons_count_by_their_centroids(dataset):
    square = geopandas.GeoDataFrame(
        geometry=[_points((20, 30)).geometry.iloc[0].buffer(40)], crs="EPSG:32722"
    )
    table = PointGeoSampler(dataset, 11, square).table()
    assert table.rows[["row", "col"]].tolist() == [(25, 15)]


def test_points_of_elsewhere_are_refused(dataset):
    with pytest.raises(SamplerError, match=r"none of 1 points lies in a scene .*check their CRS"):
        PointGeoSampler(dataset, 11, _points((500, 30)))
    with pytest.raises(SamplerError, match="no CRS"):
        PointGeoSampler(dataset, 11, _points((1, 1)).set_crs(None, allow_override=True))
