"""Networks by name: what is known, what is refused, what users add."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from geoloom.core.classes import Classes
from geoloom.core.errors import MissingExtraError, ModelError
from geoloom.core.outputs import BoxOutputs, ClassOutputs, ValueOutputs
from geoloom.models import listing
from geoloom.models.listing import get_spec, list_models, register_model
from geoloom.models.registry import create_model, model_options, outline
from geoloom.models.saved import save_weights
from geoloom.models.specs import ModelSpec

TWO = Classes.of(["forest", "water"])


@pytest.fixture(autouse=True)
def _registry_as_it_was(monkeypatch):
    monkeypatch.setattr(listing.MODELS, "_entries", dict(listing.MODELS._entries))


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
        {"depth": 0},
        {"padding": "valid"},
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
        r"\(forest, water\) per pixel need; .* such as autoencoder, farseg, fcn16s, .* unet, \.\.\.",
    ):
        create_model("timm/resnet18", 3, outputs=maps)
    with pytest.raises(ModelError, match=r"unet gives one answer per pixel, .* such as rcf, timm/"):
        create_model("unet", 3, outputs=ClassOutputs(TWO, per="image"))
    boxes = r"such as torchvision/fasterrcnn, .*retinanet"
    with pytest.raises(ModelError, match=boxes):
        create_model("unet", 3, outputs=BoxOutputs(TWO))
    outlines = "boxes, not boxes with outlines, .* such as torchvision/maskrcnn$"
    with pytest.raises(ModelError, match=outlines):
        create_model("torchvision/fcos", 3, outputs=BoxOutputs(TWO, masks=True))
    with pytest.raises(ModelError, match="such as one of your own"):
        create_model("utae", 3, outputs=BoxOutputs(TWO))
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
    with pytest.raises(ModelError, match=r"holds filters of 3 bands .*has 4.*weights_bands"):
        create_model("unet", 4, 2, weights=tmp_path / "w.safetensors", width=0.1)


def test_an_outline_is_what_would_be_built_and_takes_no_memory():
    outputs = ClassOutputs(TWO)
    made = create_model("unet", 3, outputs=outputs, width=0.1).state_dict()
    drawn = outline("unet", 3, outputs, {"width": 0.1})
    assert {k: v.shape for k, v in drawn.items()} == {k: v.shape for k, v in made.items()}
    assert {v.device.type for v in drawn.values()} == {"meta"}


def test_names_are_chosen_by_what_they_take_and_give():
    assert list_models(gives="boxes", takes="BCHW") == tuple(
        f"torchvision/{name}" for name in ("fasterrcnn", "fcos", "maskrcnn", "retinanet")
    )
    assert list_models(takes="BTC") == ("ltae", "tempcnn")
    assert "rcf" in list_models(gives="features")
    assert set(list_models("timm/resnet1*", gives="pixels")) == set()
    with pytest.raises(ModelError, match=r"gives is 'pixel'; did you mean 'pixels'\?"):
        list_models(gives="pixel")


def test_listing_loads_nothing_heavy():
    code = (
        "from geoloom.models.listing import get_spec, list_models\n"
        "specs = [get_spec(name) for name in list_models(gives='pixels')]\n"
        "heavy = ('torch', 'numpy', 'timm', 'torchvision', 'segmentation_models_pytorch')\n"
        "import sys; print([name for name in heavy if name in sys.modules], len(specs) > 20)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[] True", done.stderr


def test_every_network_of_our_own_names_its_paper():
    silent = [
        name for name in list_models() if not (get_spec(name).source and get_spec(name).about)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("convlstm", {"kernel_px": 4}, "kernel_px is 4; give an odd number"),
        ("convlstm", {"hidden": 0}, "hidden is 0; give at least 1"),
        ("utae", {"heads": 5}, "5 heads do not divide"),
        ("utae", {"day_zero": "September"}, "'September' is no date"),
        ("rcf", {"features": 7}, "features is 7"),
        ("farseg", {"encoder": "resnet999"}, "timm has no encoder 'resnet999'"),
        ("changestar", {"base": "fcn8s"}, "'fcn8s' has no dense features"),
        ("changestar", {"base": "unett"}, r"did you mean 'unet'\?"),
        ("changestar", {"base": "unet", "encoder": "resnet18"}, "'unet' has no option 'encoder'"),
        ("smp/unet", {"encoder": "resnet33"}, "no encoder named 'resnet33'; did you mean resnet34"),
        ("smp/unett", {}, r"no decoder named 'unett'; did you mean 'unet'\?"),
        ("torchvision/yolo", {}, "no detector of torchvision is named 'yolo'"),
        ("torchvision/fcos", {"backbone": "vgg"}, "option 'backbone' .* is 'vgg'"),
    ],
)
def test_what_cannot_be_built_is_said_in_a_sentence(name, options, said):
    with pytest.raises(ModelError, match=said):
        create_model(name, 3, 2, **options)


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("utae", (2, 3, 8, 8), r"takes a series of dates, \(B, T, C, H, W\)"),
        ("fc_ef", (2, 3, 3, 8, 8), "has 3 dates, and the network was built for 2"),
        ("unet_late", (2, 1, 3, 8, 8), "build it with dates=1"),
        ("tempcnn", (2, 7, 3), "has 7 dates, and the network was built for 24"),
    ],
)
def test_what_is_no_series_of_its_dates_is_refused(name, shape, said):
    image = torch.zeros(shape)
    others = {
        "times": torch.zeros(shape[:2], dtype=torch.float64),
        "valid_series": torch.ones(*shape[:2], *shape[3:], dtype=torch.bool),
    }
    network, inputs = create_model(name, 3, 2), get_spec(name).inputs
    given = {key: others[key] for key in inputs if key != "image"}
    with pytest.raises(ModelError, match=said):
        network(image, **given)


def test_auxiliary_masks_of_another_number_are_refused():
    network = create_model("unet_aux", 3, 2, width=0.125, masks=2)
    with pytest.raises(ModelError, match="aux has 1 masks, and the network was built for 2"):
        network(torch.zeros(2, 2, 3, 8, 8), torch.zeros(2, 1, 8, 8))
