"""Chips small enough to train on in a second: two classes that differ in brightness, a third by texture."""

import numpy as np

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.core.classes import Classes

CLASSES = Classes.of(["forest", "water"], codes=[4, 0])


def chip(rng, size=16):
    """Image (2, H, W) uint8, mask of codes, observed: water is dark in the second band."""
    mask = np.where(np.add.outer(np.arange(size), np.arange(size)) < rng.integers(8, 24), 4, 0)
    image = rng.integers(90, 110, (2, size, size))
    image[1] += np.where(mask == 4, 60, -60)
    return image.astype("uint8"), mask.astype("uint8"), rng.random((size, size)) < 0.9


def write_chips(path, splits, *, seed=0, classes=CLASSES, bands=("red", "nir")):
    rng = np.random.default_rng(seed)
    with ChipWriter(
        path, channels=2, size=16, dtype="uint8", bands=bands, classes=classes
    ) as writer:
        for i, split in enumerate(splits):
            image, mask, observed = chip(rng)
            writer.add(
                image,
                mask,
                observed,
                crs="EPSG:32622",
                transform=(30, 0, 0, 0, -30, 480 * i),
                source="scene.tif",
                row=16 * i,
                col=0,
                split=split,
            )
    return ChipStore.open(path)
