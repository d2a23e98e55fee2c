"""Scenes with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)


@pytest.fixture(scope="session")
def write_scene():
    """Write a plain GeoTIFF with rasterio itself, so that our own writer is not its judge."""

    def write(path, values, *, affine=UTM, crs="EPSG:32722", nodata=None, names=None, **options):
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=values.shape[0],
            height=values.shape[1],
            width=values.shape[2],
            dtype=values.dtype,
            crs=crs,
            transform=affine,
            nodata=nodata,
            **options,
        ) as out:
            out.write(values)
            if names:
                out.descriptions = names
        return path

    return write


@pytest.fixture(scope="session")
def blocky():
    """An array of codes in irregular patches, as a class map has."""

    def make(shape, codes, seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.choice(np.array(codes, "uint8"), (shape[0] // 5 + 1, shape[1] // 7 + 1))
        fine = np.kron(coarse, np.ones((5, 7), "uint8"))[: shape[0], : shape[1]]
        speckle = rng.random(shape) < 0.05
        return np.where(speckle, rng.choice(np.array(codes, "uint8"), shape), fine)

    return make
