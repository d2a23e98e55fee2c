"""Small pieces of work to be disturbed, on a simulated scene."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ..simulate import SMALLEST_PX, simulated_scene


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work, done in the current folder."""

    name: str
    words: tuple[str, ...] = ()
    """A command line, without the program's name."""
    function: Callable[[], object] | None = None
    """Instead of a command line."""
    after: tuple[str, ...] = ()
    """Jobs whose products it reads."""

    def run(self, *more: str) -> int:
        """Do it; the exit code."""
        if self.function is not None:
            self.function()
            return 0
        from geoloom.cli import main

        sys.argv = ["geoloom", *self.words, *more]
        try:
            main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        return 0


def make_inputs() -> int:
    """The scene, its quality band and its truth, and a project file, in the current folder; the exit code."""
    simulated_scene("data", size_px=SMALLEST_PX)
    Path("project.yaml").write_text(
        files("geoloom.cli").joinpath("demo.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    return 0


def import_all() -> None:
    """Import what the jobs use, once for all the processes that are forked from this one."""
    import lightning.pytorch
    import pyogrio
    import pyproj
    import rasterio
    import torch

    import geoloom.analysis.report
    import geoloom.chips.cut
    import geoloom.cli.app
    import geoloom.datasets
    import geoloom.evaluation.evaluate
    import geoloom.inference.predict
    import geoloom.preparation.labels
    import geoloom.preparation.scene
    import geoloom.project.steps
    import geoloom.tasks.train  # noqa: F401
    from geoloom.inference import products

    # A small scene is done before two seconds are over: every row of tiles is worth a record here.
    products.MARK_EVERY_S = 0.0
    for module in (lightning.pytorch, pyogrio, pyproj, rasterio, torch):
        assert module.__name__ in sys.modules


def _index() -> None:
    """Open a folder of scenes with an index beside them, and again from the index."""
    from geoloom.datasets import RasterDataset

    for _ in range(2):
        assert len(RasterDataset("data/scene.tif", index=True).scenes) == 1


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _jobs() -> Mapping[str, Job]:
    jobs = [
        Job(
            "prepare",
            _words(
                "prepare data/scene.tif prepared.tif --index ndvi --band red=SR_B4 --band nir=SR_B5 "
                "--cloud-mask data/qa_pixel.tif"
            ),
        ),
        Job(
            "rasterize",
            _words(
                "rasterize data/truth.gpkg prepared.tif labels.tif --class-field class "
                "-c forest -c deforestation"
            ),
            after=("prepare",),
        ),
        Job(
            "chips",
            _words("chips prepared.tif labels.tif chips.zarr --size 32 --count 40"),
            after=("rasterize",),
        ),
        Job("index", function=_index),
        Job(
            "train",
            _words("train chips.zarr model --epochs 2 --width 0.0625 --batch-size 16"),
            after=("chips",),
        ),
        Job("evaluate", _words("evaluate model chips.zarr"), after=("train",)),
        Job(
            "predict",
            _words(
                "predict model prepared.tif map.tif --probabilities p.tif --vector map.gpkg "
                "--tile 64 --halo 16"
            ),
            after=("train",),
        ),
        Job(
            "report",
            _words("report model map.tif report.html --truth data/truth.gpkg"),
            after=("predict",),
        ),
        Job(
            "run",
            _words(
                "run project.yaml --set chips.size=32 --set chips.count=40 --set epochs=1 "
                "--set train.batch_size=16 --set train.width=0.0625 --set predict.tile=64 "
                "--set predict.halo=16"
            ),
        ),
    ]
    return {job.name: job for job in jobs}


JOBS = _jobs()
"""By name."""
