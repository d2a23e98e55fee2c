"""The seam of sources: any that keeps its contract gives the map of the file that holds the same."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch
from odc.geo.geobox import GeoBox

from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.inference.predict import predict
from geoloom.testing.predictors import BandPredictor, CodePredictor
from geoloom.testing.sources import FakeSource

CLASSES = Classes.of(["forest", "water", "cleared"], codes=[0, 4, 9])
RUN = {"tile": 16, "halo": 5}


class MeanOverDates:
    """A network over series: the mean of each band over the dates at which a pixel was observed, and as a
    third score the share of the day at which the first date lies."""

    bands = ()
    classes = Classes.of(["a", "b", "c"])
    dates = "any"

    def __call__(self, image, valid, times_BT):
        seen = valid[:, :, None]
        mean = (image * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)
        day = (times_BT[:, :1, None, None] % 86_400 / 86_400).to(torch.float32)
        return torch.cat([mean, day.expand(-1, 1, *mean.shape[2:])], dim=1)


def test_a_source_gives_the_map_of_the_file_that_holds_the_same(tmp_path, write_scene, blocky):
    codes = blocky((41, 67), CLASSES.codes)
    path = write_scene(tmp_path / "scene.tif", codes[None])
    predict(CodePredictor(CLASSES), path, tmp_path / "of_file.tif", **RUN)
    with rasterio.open(path) as file:
        grid = GeoBox.from_rio(file)
    source = FakeSource(codes[None], grid)
    predict(CodePredictor(CLASSES), source, tmp_path / "of_source.tif", **RUN)
    assert (tmp_path / "of_source.tif").read_bytes() == (tmp_path / "of_file.tif").read_bytes()
    assert {tuple(asked.shape) for asked in source.asked} == {(26, 26)}


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_network_over_dates_sees_all_of_them(tmp_path, tta, batch_size):
    grid = GeoBox(
        (30, 45), GeoBox.from_bbox((0, 0, 1, 1), "EPSG:4326", shape=(30, 45)).affine, 4326
    )
    rng = np.random.default_rng(0)
    values = rng.random((3, 2, 30, 45)).astype("float32")
    valid = rng.random((3, 30, 45)) > 0.5
    times = np.array([43_200.0, 86_400.0, 2e9])
    predict(
        MeanOverDates(), FakeSource(values, grid, times=times, valid=valid), tmp_path / "map.tif",
        probabilities=tmp_path / "p.tif", tta=tta, batch_size=batch_size, **RUN,
    )  # fmt: skip
    seen = valid.any(axis=0)
    masked = np.ma.array(values, mask=np.broadcast_to(~valid[:, None], values.shape))
    with rasterio.open(tmp_path / "p.tif") as made:
        np.testing.assert_array_equal(np.isfinite(made.read(1)), seen)
        np.testing.assert_allclose(
            made.read()[:2][:, seen], masked.mean(axis=0).data[:, seen], rtol=1e-5
        )
        np.testing.assert_allclose(made.read(3)[seen], 0.5, rtol=1e-6)


def test_a_series_and_a_single_date_are_not_taken_for_each_other(tmp_path):
    grid = GeoBox.from_bbox((0, 0, 1, 1), "EPSG:4326", shape=(4, 4))
    dated = FakeSource(np.ones((2, 2, 4, 4), "uint8"), grid, times=np.array([0.0, 1.0]))
    with pytest.raises(ModelError, match="is a series of dates, and the model sees one date"):
        predict(BandPredictor(Classes.of(["a", "b"])), dated, tmp_path / "map.tif")
    single = FakeSource(np.ones((2, 4, 4), "uint8"), grid)
    with pytest.raises(
        ModelError, match="is a single date, and the model sees series of any number"
    ):
        predict(MeanOverDates(), single, tmp_path / "map.tif")
    assert not list(tmp_path.iterdir())
