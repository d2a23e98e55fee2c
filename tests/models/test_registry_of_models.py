"""Networks by name: what is known, what is refused, what users add."""

import pytest
import torch
from torch import nn

from geoloom.core.classes import Classes
from geoloom.core.errors import MissingExtraError, ModelError
from geoloom.core.outputs import BoxOutputs, ClassOutputs, ValueOutputs
from geoloom.models import registry
from geoloom.models.registry import (
    create_model,
    get_spec,
    list_models,
    model_options,
    outline,
    register_model,
)
from geoloom.models.saved import save_weights
from geoloom.models.specs import ModelSpec

TWO = Classes.of(["forest", "water"])


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
    with pytest.raises(ModelError, match=r"expected \(in_channels, out_channels"):
        register_model("odd", lambda bands: nn.Identity())
    with pytest.raises(ModelError, match="no default for size"):
        register_model("odd", lambda in_channels, num_classes, size: nn.Identity())


def per_image(in_channels, out_channels, *, hidden: int = 4):
    return nn.Sequential(
        nn.Conv2d(in_channels, hidden, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(hidden, out_channels),
    )


def test_a_network_of_ones_own_that_answers_per_image():
    register_model("means", ModelSpec(per_image, "means of each band", gives=("image",)))
    assert get_spec("means").about == "means of each band"
    outputs = ValueOutputs(("height", "age"), ("m", "a"), per="image")
    network = create_model("means", 3, outputs=outputs, hidden=2)
    assert network(torch.zeros(5, 3, 8, 9)).shape == (5, 2)
    register_model(
        "means", ModelSpec(per_image, "means of each band", gives=("image",))
    )  # the same
    with pytest.raises(ModelError, match="registered already"):
        register_model("means", per_image)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gives": ("pixel",)}, r"gives is 'pixel'; did you mean 'pixels'\?"),
        ({"inputs": ("time",)}, r"inputs is 'time'; did you mean 'times'\?"),
        ({"takes": "BHWC"}, "takes is 'BHWC'"),
        ({"gives": ("features",)}, "needs encode"),
        ({"encode": per_image}, "gives pixels and encode is"),
        ({"dates": 2}, "takes BCHW has dates=2"),
        ({"takes": "BTCHW", "dates": 0}, "takes BTCHW has dates=0"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(values, said):
    with pytest.raises(ModelError, match=said):
        ModelSpec(per_image, **values)


def test_series_say_how_many_dates_they_see():
    assert ModelSpec(per_image, takes="BTCHW", dates=2).dates == 2
    assert ModelSpec(per_image, takes="BTC", dates="any", inputs=("image", "times")).dates == "any"


def test_a_network_that_gives_something_else_is_refused_with_those_that_do():
    maps = ClassOutputs(TWO)
    with pytest.raises(
        ModelError,
        match="timm/resnet18 gives one answer per image or .*, not one answer per pixel, which 2 classes "
        r"\(forest, water\) per pixel need; .* such as fcn16s, fcn32s, fcn8s, unet",
    ):
        create_model("timm/resnet18", 3, outputs=maps)
    with pytest.raises(ModelError, match=r"unet gives one answer per pixel, .* such as timm/"):
        create_model("unet", 3, outputs=ClassOutputs(TWO, per="image"))
    with pytest.raises(ModelError, match="such as one of your own"):
        create_model("unet", 3, outputs=BoxOutputs(TWO))
    assert create_model("unet", 3, outputs=maps, width=0.1)(torch.zeros(2, 3, 32, 32)).shape[1] == 2


def test_a_network_whose_library_is_missing_names_its_extra():
    def foreign(in_channels, out_channels):
        import no_such_zoo

        return no_such_zoo.net(in_channels, out_channels)

    register_model("zoo", ModelSpec(foreign, "someone's", extra="networks"))
    with pytest.raises(
        MissingExtraError, match=r"no_such_zoo is not installed.*geoloom\[networks\]"
    ):
        create_model("zoo", 3, 2)
    register_model("own", foreign)
    with pytest.raises(ModuleNotFoundError, match="no_such_zoo"):
        create_model("own", 3, 2)


def test_one_of_two_ways_to_say_how_many_numbers_are_wanted():
    with pytest.raises(ModelError, match="give one of the two"):
        create_model("unet", 3)
    with pytest.raises(ModelError, match="give one of the two"):
        create_model("unet", 3, 2, outputs=ClassOutputs(TWO))


def test_weights_of_a_file_are_taken_and_those_of_another_network_refused(tmp_path):
    network = create_model("unet", 3, 2, width=0.1)
    save_weights(tmp_path / "w.safetensors", network)
    again = create_model("unet", 3, 2, weights=tmp_path / "w.safetensors", width=0.1)
    assert all(
        torch.equal(a, b) for a, b in zip(again.parameters(), network.parameters(), strict=True)
    )
    with pytest.raises(ModelError, match="does not hold the weights of 'unet'"):
        create_model("unet", 4, 2, weights=tmp_path / "w.safetensors", width=0.1)


def test_an_outline_is_what_would_be_built_and_takes_no_memory():
    outputs = ClassOutputs(TWO)
    made = create_model("unet", 3, outputs=outputs, width=0.1).state_dict()
    drawn = outline("unet", 3, outputs, {"width": 0.1})
    assert {k: v.shape for k, v in drawn.items()} == {k: v.shape for k, v in made.items()}
    assert {v.device.type for v in drawn.values()} == {"meta"}
