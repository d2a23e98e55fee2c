"""A model folder: what goes in comes out, nothing is unpickled, wrong input is named."""

import json
import os
import pickle
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError, WriteError
from geoloom.models import registry
from geoloom.models.card import ModelCard, check_bands, check_resolution
from geoloom.models.registry import create_model
from geoloom.models.saved import LoadedModel, load_model, normalised, save_model

BANDS = ("swir1", "nir", "red")
CLASSES = Classes.of(["forest", "water"], codes=[3, 0])
CARD = ModelCard(
    architecture="unet",
    options={"width": 0.125},
    bands=BANDS,
    classes=CLASSES,
    normalization={
        "kind": "mean_std",
        "center": [60.0, 80.0, 40.0],
        "scale": [20.0, 10.0, 5.0],
        "bands": list(BANDS),
    },
    dtype="uint8",
    gsd=30.0,
    chip_size_px=128,
    metrics={"overall_accuracy": 0.5},
    config={"epochs": 3},
)


@dataclass(frozen=True)
class FakeHeader:
    descriptions: tuple[str | None, ...]
    dtypes: tuple[str, ...] = ("uint8",)
    uri: str = "scene.tif"

    @property
    def data_bands(self):
        return tuple(i for i, name in enumerate(self.descriptions, 1) if name != "alpha")


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = create_model("unet", 3, 2, width=0.125)
    network(torch.randn(4, 3, 32, 32))  # moves batch norm's statistics off their start
    return network.eval()


@pytest.fixture
def image():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 255, (2, 3, 37, 45), generator=generator).float()


def test_predicts_the_same_after_a_round_trip(tmp_path, network, image):
    pytest.importorskip("geoloom.transforms.normalize")
    valid = torch.ones(2, 37, 45, dtype=torch.bool)
    save_model(tmp_path / "m", network, CARD)
    loaded = load_model(tmp_path / "m")
    center = torch.tensor([60.0, 80.0, 40.0]).view(3, 1, 1)
    scale = torch.tensor([20.0, 10.0, 5.0]).view(3, 1, 1)
    with torch.inference_mode():
        expected = network((image - center) / scale).softmax(1)
    probabilities = loaded(image, valid)
    torch.testing.assert_close(probabilities, expected, atol=1e-5, rtol=1e-5)
    assert probabilities.dtype == torch.float32
    assert probabilities.is_contiguous()
    assert loaded.bands == BANDS
    assert loaded.classes == CLASSES
    assert loaded.card.metrics == {"overall_accuracy": 0.5}
    assert not loaded.network.training


def test_what_is_unobserved_does_not_matter(network, image):
    model = LoadedModel.of(network, ModelCard("unet", {"width": 0.125}, BANDS, CLASSES))
    valid = torch.rand(2, 37, 45) > 0.3
    spoiled = torch.where(valid[:, None], image, torch.nan)
    assert torch.equal(model(image, valid), model(spoiled, valid))


def test_unobserved_pixels_reach_the_network_as_zero():
    image = torch.tensor([[[[5.0, torch.inf], [7.0, torch.nan]]]])
    valid = torch.tensor([[[True, True], [False, False]]])
    assert normalised(image, valid, None).tolist() == [[[[5.0, 0.0], [0.0, 0.0]]]]


def test_a_folder_holds_no_pickle(tmp_path, network):
    folder = save_model(tmp_path / "m", network, CARD)
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "weights.safetensors"]
    with (
        pytest.raises((pickle.UnpicklingError, ValueError, EOFError)),
        open(folder / "weights.safetensors", "rb") as file,
    ):
        pickle.load(file)


def test_a_card_survives_json():
    again = ModelCard.from_dict(json.loads(json.dumps(CARD.to_dict())), where="model.json")
    assert again == CARD


def test_a_model_is_not_replaced_without_leave(tmp_path, network):
    save_model(tmp_path / "m", network, CARD)
    with pytest.raises(WriteError, match="overwrite"):
        save_model(tmp_path / "m", network, CARD)
    save_model(tmp_path / "m", network, CARD, overwrite=True)


def test_missing_and_broken_folders_say_so(tmp_path, network):
    with pytest.raises(ModelError, match=r"has no model.json"):
        load_model(tmp_path)
    folder = save_model(tmp_path / "m", network, CARD)
    (folder / "weights.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match=r"weights.safetensors does not hold"):
        load_model(folder)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        load_model(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        load_model(folder)
    (folder / "model.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ModelError, match="upgrade"):
        load_model(folder)
    (folder / "model.json").write_text(json.dumps({"format": 1, "bands": ["a"]}))
    with pytest.raises(ModelError, match="lacks architecture, classes, options"):
        load_model(folder)


def test_weights_that_are_no_numbers_are_refused(tmp_path, network):
    with torch.no_grad():
        network.score.bias[1] = torch.nan
    folder = save_model(tmp_path / "m", network, CARD)
    with pytest.raises(
        ModelError, match=r"weights.safetensors holds NaN or infinity in score.bias"
    ):
        load_model(folder)


def test_weights_of_another_network_are_refused(tmp_path, network):
    folder = save_model(tmp_path / "m", network, CARD)
    card = CARD.to_dict() | {"options": {"width": 0.25}}
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="does not hold the weights of 'unet'"):
        load_model(folder)


def test_a_registered_network_must_be_registered_to_be_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))

    def one_layer(in_channels, num_classes):
        return nn.Conv2d(in_channels, num_classes, 1)

    registry.register_model("one_layer", one_layer)
    card = ModelCard("one_layer", {}, BANDS, CLASSES)
    folder = save_model(tmp_path / "m", one_layer(3, 2), card)
    assert load_model(folder)(
        torch.zeros(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    ).shape == (1, 2, 4, 4)
    del registry._BUILDERS["one_layer"]
    with pytest.raises(ModelError, match=r"no model is named 'one_layer'.*register_model"):
        load_model(folder)


def test_an_image_with_other_bands_is_refused(network):
    model = LoadedModel.of(network, ModelCard("unet", {"width": 0.125}, BANDS, CLASSES))
    with pytest.raises(ModelError, match="has 2 bands, the model reads 3: swir1, nir, red"):
        model(torch.zeros(1, 2, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool))


@pytest.mark.parametrize(
    ("model", "file", "expected"),
    [
        (BANDS, BANDS, (1, 2, 3)),
        (BANDS, ("blue", "red", "nir", "swir1"), (4, 3, 2)),  # by name, whatever the order
        (BANDS, (None, None, None), (1, 2, 3)),  # nothing to go by but the count
        (("band_1", "band_2"), ("B4", "B5"), (1, 2)),
        (BANDS, ("Band 1", "band_2", "3"), (1, 2, 3)),
        (("band_1", "band_2"), (None, None, "alpha"), (1, 2)),  # alpha measures nothing
    ],
)
def test_bands_are_found(model, file, expected):
    card = ModelCard("unet", {}, model, CLASSES)
    assert check_bands(card, FakeHeader(file)) == expected


@pytest.mark.parametrize(
    ("model", "file", "said"),
    [
        (
            BANDS,
            ("blue", "nir", "red"),
            "lacks band swir1: it holds blue, nir, red, the model reads swir1, nir, red",
        ),
        (BANDS, ("B1", "B2", "B3"), "lacks band swir1, nir, red"),
        (("B1", "B2", "B3"), ("B4", "B5", "B6"), "lacks band B1, B2, B3"),
        (BANDS, (None, None), r"has 2 bands \(\(unnamed\), \(unnamed\)\), the model reads 3"),
        (("band_1", "band_2"), ("a", "b", "c"), "has 3 bands"),
    ],
)
def test_wrong_bands_are_named(model, file, said):
    card = ModelCard("unet", {}, model, CLASSES)
    with pytest.raises(ModelError, match=said) as caught:
        check_bands(card, FakeHeader(file))
    assert "scene.tif" in str(caught.value)
    assert "band descriptions" in str(caught.value)


@pytest.mark.parametrize(
    ("trained", "found", "warned"),
    [
        ("uint8", "uint8", False),
        ("uint8", "uint16", True),
        ("int16", "uint16", False),
        ("float32", "uint16", True),
    ],
)
def test_another_scale_of_values_is_warned_of(caplog, trained, found, warned):
    card = ModelCard("unet", {}, BANDS, CLASSES, dtype=trained)
    check_bands(card, FakeHeader(BANDS, (found,)))
    assert bool(caplog.records) == warned


@pytest.mark.parametrize(
    ("gsd", "unit", "warned"),
    [
        (30.0, "metre", False),
        (10.0, "metre", True),
        (60.0, "metre", True),
        (0.00027, "degree", False),
    ],
)
def test_another_resolution_is_warned_of(caplog, gsd, unit, warned):
    check_resolution(CARD, gsd, unit)
    assert bool(caplog.records) == warned


def test_a_model_may_be_read_by_whom_the_umask_lets(tmp_path, network):

    before = os.umask(0o022)
    try:
        folder = save_model(tmp_path / "model", network, CARD)
    finally:
        os.umask(before)
    rights = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert rights == {"model.json": 0o644, "weights.safetensors": 0o644}
    assert os.listdir(tmp_path) == ["model"]
