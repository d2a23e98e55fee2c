"""Lightning untouched: a plain DataLoader with our sampler; each query once an epoch over all processes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import tiny_training
from affine import Affine
from label_files import write_image
from odc.geo.geobox import GeoBox

from geoloom.datasets import RasterDataset

GRID = GeoBox((60, 70), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")


@pytest.fixture
def scene(tmp_path):
    return write_image(tmp_path / "scene.tif", GRID)


def noted(folder, rank, epoch):
    """Corners of the chips that a rank was given in an epoch, in order."""
    lines = (folder / f"rank{rank}_epoch{epoch}.txt").read_text().splitlines()
    return [tuple(map(float, line.split())) for line in lines]


def corners(queries):
    return [(q.grid.boundingbox.left, q.grid.boundingbox.bottom) for q in queries]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["random", "batches"])
def test_one_process_is_given_each_epochs_table(scene, tmp_path, kind):
    tiny_training.train(scene, tmp_path, kind, devices=1, workers=0)
    sampler = tiny_training.SAMPLERS[kind](RasterDataset(scene))
    tables = [corners(sampler.table(epoch)) for epoch in range(tiny_training.EPOCHS)]
    assert [noted(tmp_path, 0, epoch) for epoch in range(tiny_training.EPOCHS)] == tables
    assert tables[0] != tables[1]


def test_two_processes_are_given_each_query_once_an_epoch(scene, tmp_path):
    """Distributed training over gloo: Lightning sets the epochs and leaves the shares as they are."""
    kinds = list(tiny_training.SAMPLERS)
    done = subprocess.run(
        [sys.executable, Path(tiny_training.__file__), scene, tmp_path, "2", *kinds],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for kind in kinds:
        sampler = tiny_training.SAMPLERS[kind](RasterDataset(scene))
        for epoch in range(tiny_training.EPOCHS):
            shares = [noted(tmp_path / kind, rank, epoch) for rank in range(2)]
            assert shares == [corners(sampler.shard(rank, 2).share(epoch)) for rank in range(2)]
            given = Counter(shares[0]) + Counter(shares[1])
            assert given == Counter(corners(sampler.table(epoch)))
        assert len(list((tmp_path / kind).iterdir())) == 2 * tiny_training.EPOCHS
