"""Three ranks of two workers, killed in the middle of an epoch and started again from their checkpoints."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import killed_run
from affine import Affine
from label_files import write_image
from odc.geo.geobox import GeoBox

from geoloom.datasets import RasterDataset

GRID = GeoBox((60, 70), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
STOP_AFTER = 2


def corners(queries):
    return [tuple(map(float, q.grid.boundingbox)) for q in queries]


def test_killed_ranks_go_on_with_exactly_the_queries_not_yet_given(tmp_path):
    scene = write_image(tmp_path / "scene.tif", GRID)
    kinds = list(killed_run.SAMPLERS)
    with (tmp_path / "errors.txt").open(
        "w"
    ) as errors:  # a pipe would wait for the killed ranks' workers
        subprocess.run(
            [sys.executable, killed_run.__file__, scene, tmp_path, str(STOP_AFTER), *kinds],
            stderr=errors,
            check=True,
            timeout=300,
        )
    for kind in kinds:
        killed, ended = json.loads((tmp_path / kind / "exits.json").read_text())
        assert killed == [-signal.SIGKILL] * killed_run.RANKS
        assert ended == [0] * killed_run.RANKS, Path(errors.name).read_text()
        sampler = killed_run.SAMPLERS[kind](RasterDataset(scene))
        for epoch in range(killed_run.EPOCHS):
            given = Counter()
            for rank in range(killed_run.RANKS):
                steps = killed_run.Progress(tmp_path / kind, rank).steps()
                chips = [tuple(b) for when, bounds in steps if when == epoch for b in bounds]
                assert chips == corners(sampler.shard(rank, killed_run.RANKS).share(epoch))
                given += Counter(chips)
            assert given == Counter(corners(sampler.table(epoch)))
