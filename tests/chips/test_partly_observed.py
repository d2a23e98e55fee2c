"""Measurements that one band's nodata hides are lost with a word, not in silence."""

import logging

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.chips.cut import cut_chips
from geoloom.core.classes import Classes


@pytest.fixture
def scene_and_labels(tmp_path):
    values = np.full((2, 32, 32), 7, "uint8")
    values[0, :8] = 0  # nodata in the first band alone
    values[:, 28:] = 0  # nodata in both
    paths = tmp_path / "scene.tif", tmp_path / "labels.tif"
    for path, bands in zip(paths, (values, np.ones((1, 32, 32), "uint8")), strict=True):
        with rasterio.open(
            path, "w", driver="GTiff", width=32, height=32, count=len(bands), dtype="uint8", nodata=0,
            crs="EPSG:32722", transform=Affine(30, 0, 5e5, 0, -30, 9e6),
        ) as sink:  # fmt: skip
            sink.write(bands)
    return paths


def test_the_warning_counts_what_one_band_hides(scene_and_labels, tmp_path, caplog):
    scene, labels = scene_and_labels
    with caplog.at_level(logging.WARNING):
        cut_chips(
            scene, tmp_path / "chips.zarr", labels=labels, size=16, strategy="sequential",
            split=None, classes=Classes.of(["land"]),
        )  # fmt: skip
    assert f"{8 * 32} of {32 * 32} labelled pixels" in caplog.text
    assert "--nodata-rule all" in caplog.text


def test_nodata_in_all_bands_needs_no_word(scene_and_labels, tmp_path, caplog):
    scene, labels = scene_and_labels
    with rasterio.open(scene, "r+") as file:
        values = file.read()
        values[:, :8] = 0
        file.write(values)
    with caplog.at_level(logging.WARNING):
        cut_chips(
            scene, tmp_path / "chips.zarr", labels=labels, size=16, strategy="sequential",
            split=None, classes=Classes.of(["land"]),
        )  # fmt: skip
    assert "labelled pixels are left out" not in caplog.text
