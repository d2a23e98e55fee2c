"""Listing 1 of the TorchGeo paper, with only its import lines and paths changed, on files made here.

The files are named and laid out as the products are: Landsat 7 and 8 in two UTM zones, one file a band, and
the Cropland Data Layer in Albers' projection.
"""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from geoloom.core.grid import grid_at, lattice_window

SIDE = 1100
# Both scenes lie within 30 km of the border of the zones, at 90 degrees west.
LANDSAT7 = GeoBox((SIDE, SIDE), Affine(30, 0, 710_000, 0, -30, 4_560_000), "EPSG:32615")
LANDSAT8 = GeoBox((SIDE, SIDE), Affine(30, 0, 256_000, 0, -30, 4_561_000), "EPSG:32616")
CDL_GRID = GeoBox((1700, 3000), Affine(30, 0, 440_000, 0, -30, 2_050_000), "EPSG:5070")
SCENES = {
    "LE07_L2SP_024031_20190705_20200825_02_T1": (LANDSAT7, [f"SR_B{i}" for i in (1, 2, 3, 4, 5, 7)]),
    "LC08_L2SP_023031_20190720_20200827_02_T1": (LANDSAT8, [f"SR_B{i}" for i in range(1, 8)]),
}  # fmt: skip


def pattern(grid, seed):
    """Values that differ from pixel to pixel and compress well."""
    rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]]
    return (rows // 7 * 31 + cols // 5 * 17 + 1000 * seed) % 30_000 + 1


def write(path, values, grid, **options):
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.shape[1], height=grid.shape[0], count=1, dtype=values.dtype,
        crs=grid.crs.to_wkt(), transform=grid.affine, tiled=True, compress="deflate", zlevel=1, **options,
    ) as target:  # fmt: skip
        target.write(values, 1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listing")
    for name, (grid, bands) in SCENES.items():
        for position, band in enumerate(bands):
            values = pattern(grid, position).astype("uint16")
            write(folder / f"{name}_{band}.TIF", values, grid, nodata=0)
    for year in (2018, 2019):
        values = (pattern(CDL_GRID, year) % 6 + 1).astype("uint8")
        write(folder / f"{year}_30m_cdls.tif", values, CDL_GRID)
    return str(folder)


def test_listing_1(root):
    from torch.utils.data import DataLoader

    from geoloom.datasets import CDL, Landsat7, Landsat8
    from geoloom.samplers import RandomGeoSampler

    landsat7 = Landsat7(root=root)
    landsat8 = Landsat8(root=root)
    landsat = landsat7 | landsat8
    cdl = CDL(root=root)
    dataset = landsat & cdl
    sampler = RandomGeoSampler(dataset, size=1000, length=512)
    dataloader = DataLoader(dataset, sampler=sampler, batch_size=32)
    for batch in dataloader:
        assert len(dataloader) == 16
        check(batch, dataset)
        break  # the other fifteen batches are like the first


def check(batch, dataset):
    """Pixels of the right scene, and labels of the nearest pixel of the map of 2019."""
    assert batch["image"].shape == (32, 6, 1000, 1000)
    assert batch["mask"].shape == (32, 1000, 1000)
    assert [b.role for b in dataset.bands] == ["blue", "green", "red", "nir", "swir1", "swir2"]
    assert {r.when.start.year for r in dataset.regions} == {2019}
    assert set(batch["crs"]) == {"EPSG:32615", "EPSG:32616"}
    labels = pattern(CDL_GRID, 2019) % 6 + 1
    for i, crs in enumerate(batch["crs"]):
        scene, first = (LANDSAT7, 0) if crs == "EPSG:32615" else (LANDSAT8, 1)
        grid = grid_at((1000, 1000), batch["transform"][i], crs)
        at = lattice_window(scene, grid)
        rows, cols = slice(at.row, at.row + 1000), slice(at.col, at.col + 1000)
        for channel in (0, 5):
            expected = pattern(scene, first + channel)[rows, cols]
            np.testing.assert_array_equal(batch["image"][i, channel], expected)
        assert_nearest(batch["mask"][i].numpy(), batch["valid"][i].numpy(), grid, labels)


def assert_nearest(mask, valid, grid, labels):
    """Where a pixel's centre lies clearly in one pixel of the map, it has that one's class."""
    rows, cols = np.random.default_rng(0).integers(0, 1000, (2, 3000))
    x, y = grid.affine @ (cols + 0.5, rows + 0.5)
    x, y = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:5070", always_xy=True).transform(x, y)
    col, row = ~CDL_GRID.affine @ (x, y)
    clear = (np.abs(col - np.round(col)) > 1e-3) & (np.abs(row - np.round(row)) > 1e-3)
    inside = (col > 0) & (col < CDL_GRID.shape[1]) & (row > 0) & (row < CDL_GRID.shape[0])
    np.testing.assert_array_equal(valid[rows, cols][clear], inside[clear])
    at = clear & inside
    assert at.sum() > 1500
    expected = labels[row[at].astype(int), col[at].astype(int)]
    np.testing.assert_array_equal(mask[rows, cols][at], expected)
