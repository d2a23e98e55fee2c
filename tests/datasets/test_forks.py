"""A process that has read, forks and goes on reading: its workers read right, all of them, always."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from torch.utils.data import DataLoader

from geoloom.core.grid import grid_at, pixel_centres
from geoloom.datasets import RasterDataset
from geoloom.samplers import RandomGeoSampler
from geoloom.testing.ramps import write_raster

SIZE, SIDE = 24, 1000
ZONES = {
    33: GeoBox((SIDE, SIDE), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633"),
    34: GeoBox((SIDE, SIDE), Affine(30, 0, 130_000, 0, -30, 4_506_000), "EPSG:32634"),
}
LABELS = GeoBox((1400, 2500), Affine(30, 0, 4_843_000, 0, -30, 1_977_000), "EPSG:3035")
PACKINGS = {
    "plain": {},
    "deflate": {"compress": "deflate"},
    "zstd": {"compress": "zstd"},
    "masked": {},
}


def noise(shape, seed):
    """No two places look alike."""
    return np.random.default_rng(seed).integers(1, 250, shape).astype("uint8")


def packed(path, values, grid, **options):
    profile = {"height": grid.shape[0], "width": grid.shape[1], "count": 1, "dtype": "uint8"}
    profile |= {"crs": str(grid.crs), "transform": grid.affine, "tiled": True}
    with rasterio.open(
        path, "w", driver="GTiff", blockxsize=128, blockysize=128, **profile, **options
    ) as file:
        file.write(values, 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Scenes of two zones for each engine and codec, under labels in a third CRS; and their arrays."""
    root = tmp_path_factory.mktemp("forks")
    (root / "images").mkdir()
    images = {}
    for number, (zone, grid) in enumerate(ZONES.items()):
        for seed, (name, options) in enumerate(PACKINGS.items()):
            values = noise(grid.shape, 10 * number + seed)
            path = root / "images" / f"{zone}_{name}.tif"
            if name == "masked":  # left to GDAL, whose handles a fork would share
                write_raster(path, values[None], grid, valid=np.ones(grid.shape, bool))
            else:
                packed(path, values, grid, **options)
            images[str(grid.crs), name] = values
    labels = noise(LABELS.shape, 99)
    packed(root / "labels.tif", labels, LABELS, compress="deflate")
    bands = RasterDataset(
        root / "images",
        filename_regex=r"(?P<zone>\d+)_(?P<band>\w+)\.tif",
        separate_files=True,
        all_bands=list(PACKINGS),
    )
    return bands & RasterDataset(root / "labels.tif", is_image=False), images, labels


def wrong_patches(batches, images, labels):
    """How many patches differ from the arrays that were written, and how many there are."""
    to_labels = {
        str(grid.crs): Transformer.from_crs(str(grid.crs), str(LABELS.crs), always_xy=True)
        for grid in ZONES.values()
    }
    homes = {str(grid.crs): grid for grid in ZONES.values()}
    wrong = total = 0
    for batch in batches:
        for i, crs in enumerate(batch["crs"]):
            grid = grid_at((SIZE, SIZE), batch["transform"][i], crs)
            col, row = (round(v) for v in ~homes[crs].affine * (grid.affine.c, grid.affine.f))
            part = np.s_[row : row + SIZE, col : col + SIZE]
            own = np.stack([images[crs, name][part] for name in PACKINGS])
            x, y = to_labels[crs].transform(*pixel_centres(grid))
            cols, rows = (np.floor(v).astype(int) for v in ~LABELS.affine * (x, y))
            right = np.array_equal(batch["image"][i].numpy(), own)
            right &= np.array_equal(batch["mask"][i].numpy(), labels[rows, cols])
            wrong += not right
            total += 1
    return wrong, total


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker:UserWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_four_forked_workers_read_two_thousand_patches_right(world):
    """What the parent leaves behind: open files, half-decoded blocks, mapped files, sleeping threads."""
    dataset, images, labels = world
    queries = list(RandomGeoSampler(dataset, SIZE, 2000, generator=0))
    before = dataset.__getitems__(
        queries[:8]
    )  # so few that the workers must go on reading the files
    with ThreadPoolExecutor(2) as pool:  # beside the main thread, others have read, and still live
        list(pool.map(dataset.__getitem__, queries[8:16]))
        loaded = DataLoader(
            dataset, sampler=queries, batch_size=20, num_workers=4, multiprocessing_context="fork"
        )
        batches = list(loaded)
    assert wrong_patches(batches, images, labels) == (0, 2000)
    first = torch.stack([sample["image"] for sample in before])
    assert torch.equal(batches[0]["image"][:8], first)
    assert torch.equal(dataset[queries[-1]]["image"], batches[-1]["image"][-1])


def test_spawned_workers_too(world):
    dataset, images, labels = world
    queries = list(RandomGeoSampler(dataset, SIZE, 120, generator=1))
    dataset.__getitems__(queries[:8])
    loaded = DataLoader(
        dataset, sampler=queries, batch_size=10, num_workers=1, multiprocessing_context="spawn"
    )
    assert wrong_patches(list(loaded), images, labels) == (0, 120)
