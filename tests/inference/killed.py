"""A program that predicts all products, and is killed by itself between two of them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from slow import RUN, SlowPredictor


def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: str, between: str) -> None:
    from geoloom.inference import making, polygons, predict

    at = Path(folder)
    real = os.replace

    def replace(source, target, **kwargs):
        if Path(target).name == "map.tif":
            die()
        real(source, target, **kwargs)

    if between == "rasters":
        os.replace = replace
        Path.replace = lambda self, target: replace(self, target)
    else:
        making.polygonize = polygons.polygonize = die
    predict.predict(
        SlowPredictor(folder, 0), at / "scene.tif", at / "map.tif",
        probabilities=at / "p.tif", vector=at / "map.gpkg", **RUN,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
