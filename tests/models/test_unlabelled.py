"""What is learned or drawn without labels: random features, autoencoders, pan-sharpening."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from geoloom.core.errors import ModelError
from geoloom.core.outputs import FeatureOutputs
from geoloom.models import sharpen_with_pan
from geoloom.models.networks.autoencoder import coarsened
from geoloom.models.networks.rcf import RandomFeatures
from geoloom.models.registry import create_model


def test_random_features_follow_their_seed_and_nothing_else():
    first, second = (RandomFeatures(3, features=16, seed=5).filters for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, RandomFeatures(3, features=16, seed=6).filters)
    network = create_model("rcf", 3, outputs=FeatureOutputs(16), features=16)
    assert list(network.parameters()) == []
    assert network(torch.randn(2, 3, 33, 20)).shape == (2, 16)


def test_drawn_filters_are_whitened_patches():
    images = torch.randn(5, 2, 20, 20).cumsum(-1)  # neighbours are alike
    network = RandomFeatures(2, features=400)
    network.draw(images, seed=1)
    # Whitened twice, each direction by its own variance: what varies most is pulled down below the rest.
    patches = functional.unfold(images, 3).transpose(1, 2).flatten(0, 1).double()
    patches = patches - patches.mean(1, keepdim=True)
    patches = patches / patches.norm(dim=1, keepdim=True)
    first = np.linalg.eigh(np.cov(patches.numpy().T))[1][:, -3:]
    values = network.filters.flatten(1).double().numpy()
    assert values.shape == (200, 18)
    shares = [np.square(v @ first).sum() / np.square(v).sum() for v in (patches.numpy(), values)]
    assert shares[0] > 0.5
    assert shares[1] < 0.2
    again = RandomFeatures(2, features=400)
    again.draw(images, seed=1)
    assert torch.equal(again.filters, network.filters)
    with pytest.raises(ModelError, match="expected 2 bands"):
        network.draw(torch.randn(1, 3, 9, 9))


def test_a_code_of_an_image_is_a_vector():
    network = create_model("autoencoder", 4, outputs=FeatureOutputs(32), width=0.25).eval()
    assert network(torch.randn(2, 4, 21, 30)).shape == (2, 32)


def test_bands_are_sharpened_by_what_was_learned_from_the_panchromatic_one():
    torch.manual_seed(0)
    coarse = torch.randn(1, 3, 16, 16)
    pan = functional.interpolate(coarse.mean(1, keepdim=True), (64, 64), mode="nearest")
    truth = functional.interpolate(coarse, (64, 64), mode="nearest") * 0.3 + 2 * pan + 7
    bands = coarsened(truth, 2)
    network = create_model("autoencoder", 1, 1, width=0.5, depth=1, coarsen=2)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        functional.mse_loss(network(pan), pan).backward()
        optimiser.step()
    network.eval()
    sharp = sharpen_with_pan(network, bands, pan)
    assert sharp.shape == bands.shape
    inner = (..., slice(4, -4), slice(4, -4))
    error = [(image - truth)[inner].square().mean().sqrt() for image in (sharp, bands)]
    assert error[0] < 0.75 * error[1]
    with pytest.raises(ModelError, match="coarsen=1"):
        sharpen_with_pan(create_model("autoencoder", 1, 1), bands, pan)
    with pytest.raises(ModelError, match="expected one band"):
        sharpen_with_pan(network, bands, truth)
