"""Networks over series of pixels make maps: each pixel gets what it gets alone."""

from __future__ import annotations

import numpy as np
import rasterio
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from torch import nn

from geoloom.core.bands import Band
from geoloom.core.outputs import ValueOutputs
from geoloom.inference.predict import predict
from geoloom.models import listing, per_pixel
from geoloom.models.card import ModelCard
from geoloom.models.registry import create_model
from geoloom.models.saved import LoadedModel
from geoloom.models.specs import ModelSpec
from geoloom.testing.sources import FakeSource


class Weighed(nn.Module):
    """The mean over the dates observed, and how many days lie between the first and the last date."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.last = nn.Linear(in_channels, out_channels - 1, bias=False)

    def forward(self, image, times, valid_series):
        assert image.ndim == 3
        seen = valid_series[..., None].float()
        mean = (image * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)
        days = (times[:, -1:] - times[:, :1]) / 86_400
        return torch.cat([self.last(mean), days.float()], dim=1)


def test_a_network_over_pixel_series_makes_a_map(tmp_path, monkeypatch):
    monkeypatch.setattr(listing.MODELS, "_entries", dict(listing.MODELS._entries))
    inputs = ("image", "times", "valid_series")
    spec = ModelSpec(Weighed, "weighed", takes="BTC", dates="any", inputs=inputs)
    listing.register_model("weighed", spec)
    monkeypatch.setattr(per_pixel, "_AT_ONCE", 100)
    rng = np.random.default_rng(0)
    values = rng.random((3, 2, 30, 40)).astype("float32")
    valid = rng.random((3, 30, 40)) > 0.4
    times = np.array([0.0, 86_400.0, 864_000.0])
    outputs = ValueOutputs(("a", "b", "days"), (None, None, None))
    network = create_model("weighed", 2, outputs=outputs)
    bands = Band.named("red"), Band.named("nir")
    model = LoadedModel.of(network, ModelCard("weighed", {}, bands, outputs, dates="any"))
    grid = GeoBox((30, 40), Affine(30, 0, 500_000, 0, -30, 9_000_000), "EPSG:32722")
    source = FakeSource(values, grid, names=("red", "nir"), times=times, valid=valid)
    out = predict(model, source, tmp_path / "map.tif", tile=16, halo=3)
    with rasterio.open(out) as made:
        answered = made.read()
    seen = valid.any(axis=0)
    mean = np.ma.array(values, mask=np.broadcast_to(~valid[:, None], values.shape)).mean(axis=0)
    weights = network.last.weight.detach().numpy()
    expected = np.einsum("kc,chw->khw", weights, mean.data)
    np.testing.assert_allclose(answered[:2][:, seen], expected[:, seen], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(answered[2][seen], 10, rtol=1e-6)
