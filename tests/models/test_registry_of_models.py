"""Networks by name: what is known, what is refused, what users add."""

import pytest
import torch
from torch import nn

from geoloom.core.errors import ModelError
from geoloom.models import registry
from geoloom.models.registry import create_model, list_models, model_options, register_model


@pytest.fixture(autouse=True)
def _registry_as_it_was(monkeypatch):
    monkeypatch.setattr(registry.MODELS, "_entries", dict(registry.MODELS._entries))


def test_an_unknown_model_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match=r"no model is named 'fcn8'; did you mean 'fcn8s'\?"):
        create_model("fcn8", 3, 2)


def test_an_unknown_option_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match=r"'unet' has no option 'widht'; did you mean 'width'\?"):
        create_model("unet", 3, 2, widht=0.5)


@pytest.mark.parametrize(
    "options",
    [
        {"width": "wide"},
        {"width": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"depth": 2.5},
        {"batch_norm": 1},
    ],
)
def test_values_that_do_not_fit_are_refused(options):
    with pytest.raises(ModelError, match=next(iter(options))):
        create_model("unet", 3, 2, **options)


def test_counts_below_one_are_refused():
    with pytest.raises(ModelError, match="in_channels is 0"):
        create_model("unet", 0, 2)


def test_a_network_of_ones_own():
    def one_layer(in_channels, num_classes, *, kernel_px: int = 1):
        return nn.Conv2d(in_channels, num_classes, kernel_px, padding=kernel_px // 2)

    register_model("one_layer", one_layer)
    assert "one_layer" in list_models()
    assert model_options("one_layer") == {"kernel_px": 1}
    assert create_model("one_layer", 2, 5, kernel_px=3)(torch.zeros(1, 2, 7, 7)).shape == (
        1,
        5,
        7,
        7,
    )
    with pytest.raises(ModelError, match="registered already"):
        register_model("one_layer", lambda in_channels, num_classes: nn.Identity())


def test_a_builder_that_cannot_be_called_is_refused_when_it_is_registered():
    with pytest.raises(ModelError, match=r"expected \(in_channels, num_classes"):
        register_model("odd", lambda bands: nn.Identity())
    with pytest.raises(ModelError, match="no default for size"):
        register_model("odd", lambda in_channels, num_classes, size: nn.Identity())
