"""A program that predicts slowly, to be killed; and the predictor, which workers import as well."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from geoloom.core.classes import Classes

CLASSES = Classes.of(["a", "b", "c"])


@dataclass(frozen=True)
class SlowPredictor:
    """Smooths its bands, slowly, and says in a folder which process ran it."""

    folder: str
    seconds: float
    bands: tuple[str, ...] = ()
    fingerprint: str = "slow"
    classes: Classes = CLASSES

    def __call__(self, image, valid):
        import torch

        (Path(self.folder) / f"{os.getpid()}.pid").touch()
        time.sleep(self.seconds)
        image = torch.where(valid[:, None], image, 0.0)
        return torch.nn.functional.avg_pool2d(image, 5, stride=1, padding=2)


RUN = {"tile": 16, "halo": 6, "batch_size": 2}


def main(folder: str, seconds: str, blend: str, scene: str = "scene.tif") -> None:
    from geoloom.inference import products
    from geoloom.inference.predict import predict

    products.MARK_EVERY_S = 0.0
    at = Path(folder)
    predict(
        SlowPredictor(folder, float(seconds)),
        at / scene,
        at / "map.tif",
        probabilities=at / "p.tif",
        blend=blend,
        progress=lambda done, total: os.write(1, b"%d %d\n" % (done, total)),
        **RUN,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
