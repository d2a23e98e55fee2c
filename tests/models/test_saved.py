"""A model folder: what goes in comes out, nothing is unpickled, wrong input is named."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError, WriteError
from geoloom.core.outputs import BoxOutputs, ClassOutputs, FeatureOutputs, ValueOutputs
from geoloom.evaluation.evaluate import evaluate
from geoloom.inference.predict import predict
from geoloom.models import listing, saved
from geoloom.models.card import ModelCard, check_resolution
from geoloom.models.plugin import Plugin
from geoloom.models.registry import create_model
from geoloom.models.saved import LoadedModel, load_model, read_card, save_model
from geoloom.models.specs import ModelSpec
from geoloom.testing.models import plain_card

BANDS = ("swir1", "nir", "red")
CLASSES = Classes.of(["forest", "water"], codes=[3, 0])
CARD = ModelCard(
    architecture="unet",
    options={"width": 0.125},
    bands=(
        Band("swir1", "swir1", 1.61, 30.0, "surface_reflectance", scale=1e-4, nodata=0.0),
        Band("nir", "nir", unit="surface_reflectance", scale=1e-4, offset=-0.1),
        Band("red", "red", nodata=float("nan")),
    ),
    outputs=ClassOutputs(CLASSES, temperature=1.25),
    normalization={
        "kind": "mean_std",
        "center": [60.0, 80.0, 40.0],
        "scale": [20.0, 10.0, 5.0],
        "bands": list(BANDS),
    },
    dtype="uint8",
    initial_weights="someone's, of 2026",
    plugin=Plugin("networks.tiny", "0" * 64),
    gsd=30.0,
    chip_size_px=128,
    metrics={"overall_accuracy": 0.5},
    config={"epochs": 3},
)


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
        expected = (network((image - center) / scale) / 1.25).softmax(1)
    probabilities = loaded(image, valid)
    torch.testing.assert_close(probabilities, expected, atol=1e-4, rtol=1e-4)
    assert probabilities.dtype == torch.float32
    assert probabilities.is_contiguous()
    assert loaded.bands == BANDS
    assert loaded.classes == CLASSES
    assert loaded.card.metrics == {"overall_accuracy": 0.5}
    assert not loaded.network.training


def test_what_is_unobserved_does_not_matter(network, image):
    model = LoadedModel.of(network, plain_card("unet", {"width": 0.125}, BANDS, CLASSES))
    valid = torch.rand(2, 37, 45) > 0.3
    spoiled = torch.where(valid[:, None], image, torch.nan)
    assert torch.equal(model(image, valid), model(spoiled, valid))


def test_a_folder_holds_no_pickle(tmp_path, network):
    folder = save_model(tmp_path / "m", network, CARD)
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "weights.safetensors"]
    with (
        pytest.raises((pickle.UnpicklingError, ValueError, EOFError)),
        open(folder / "weights.safetensors", "rb") as file,
    ):
        pickle.load(file)


@pytest.mark.parametrize(
    "outputs",
    [
        CARD.outputs,
        ClassOutputs(CLASSES, multilabel=True, per="image"),
        ValueOutputs(("height",), ("m",), mean=(1.5,), std=(0.25,)),
        BoxOutputs(CLASSES, masks=True),
        FeatureOutputs(512),
    ],
)
@pytest.mark.parametrize("dates", [1, 4, "any"])
def test_a_card_survives_json(outputs, dates):
    card = replace(CARD, outputs=outputs, dates=dates)
    again = ModelCard.from_dict(json.loads(json.dumps(card.to_dict())), where="model.json")
    assert again.to_dict() == card.to_dict()
    assert (again.bands[:2], again.outputs, again.dates) == (card.bands[:2], outputs, dates)
    assert again.plugin == CARD.plugin


def test_classes_are_asked_of_a_model_of_classes_alone():
    assert CARD.classes == CLASSES
    with pytest.raises(ModelError, match=r"1 value \(height in m\) per pixel, and no classes"):
        assert replace(CARD, outputs=ValueOutputs(("height",), ("m",))).classes


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
    for old in ({"format": 1, "bands": ["a"]}, {"architecture": "unet", "bands": ["a"]}):
        (folder / "model.json").write_text(json.dumps(old))
        with pytest.raises(ModelError, match="made by a pre-release of geoloom; train again"):
            load_model(folder)
    (folder / "model.json").write_text(json.dumps({"format": 2, "bands": []}))
    with pytest.raises(ModelError, match="lacks architecture, options, outputs"):
        load_model(folder)


def test_weights_that_are_no_numbers_are_refused(tmp_path, network):
    with torch.no_grad():
        network.score.bias[1] = torch.nan
    folder = save_model(tmp_path / "m", network, CARD)
    with pytest.raises(
        ModelError, match=r"weights.safetensors holds NaN or infinity in score.bias"
    ):
        load_model(folder)


def test_weights_are_readable_by_whom_the_umask_lets(tmp_path, network):
    before = os.umask(0o022)
    try:
        folder = save_model(tmp_path / "model", network, CARD)
    finally:
        os.umask(before)
    rights = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert rights == {"model.json": 0o644, "weights.safetensors": 0o644}
    assert os.listdir(tmp_path) == ["model"]


def test_a_model_that_is_replaced_is_never_an_old_card_with_new_weights(
    tmp_path, network, monkeypatch
):
    folder = save_model(tmp_path / "m", network, CARD)

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(saved, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        save_model(folder, network, CARD, overwrite=True)
    with pytest.raises(ModelError, match=r"not a model folder: it has no model.json"):
        load_model(folder)


def outputs_of(classes, **others):
    return {"outputs": {"kind": "classes", "classes": classes, "per": "pixel", **others}}


WRONG_VALUES = [
    ({"architecture": 3}, "architecture"),
    ({"architecture": ["unet"]}, "architecture"),
    ({"options": [1]}, "options"),
    ({"options": {"width": [0.1]}}, "options.width"),
    ({"bands": "red"}, "bands"),
    ({"bands": []}, "bands"),
    ({"bands": ["red", "nir", "swir1"]}, r"bands\[0\]"),
    ({"bands": [{"name": 1}]}, r"bands\[0\].name"),
    ({"bands": [{"name": "red", "unit": "counts"}]}, r"bands\[0\].unit"),
    ({"bands": [{"name": "red", "role": "rouge"}]}, r"bands\[0\].role"),
    ({"bands": [{"name": "red", "scale": "1"}]}, r"bands\[0\].scale"),
    ({"outputs": ["a", "b"]}, "outputs"),
    ({"outputs": {"kind": "maps"}}, "outputs.kind"),
    (outputs_of({"names": "ab"}), "outputs.classes.names"),
    (outputs_of({"names": ["a", "b"], "codes": [1]}), "outputs.classes.codes"),
    (outputs_of({"names": ["a", "b"], "codes": [1, "2"]}), r"outputs.classes.codes\[1\]"),
    (outputs_of({"names": ["a", "b"], "codes": [1, 1 << 70]}), r"outputs.classes.codes\[1\]"),
    (outputs_of({"names": ["a"], "colors": [7]}), r"outputs.classes.colors\[0\]"),
    (outputs_of({"names": [f"c{i}" for i in range(100_000)]}), "outputs.classes.names"),
    (outputs_of({"names": ["a", "b"]}, temperature=-1), "outputs.temperature"),
    ({"dates": 0}, "dates"),
    ({"dates": "some"}, "dates"),
    ({"initial_weights": 1}, "initial_weights"),
    ({"plugin": "mine"}, "plugin"),
    ({"plugin": {"name": 1}}, "plugin.name"),
    ({"normalization": 7}, "normalization"),
    ({"normalization": {"kind": "mean_std"}}, "normalization"),
    ({"normalization": {"kind": "mean_std", "center": [1], "scale": [1]}}, "normalization.center"),
    ({"normalization": {"kind": "mean_std", "center": [1, 2, "3"], "scale": []}}, "center"),
    ({"normalization": {"kind": "mean_std", "center": [1, 2, 3], "scale": [1, None, 1]}}, "scale"),
    ({"normalization": {"kind": "mean_std", "center": [], "scale": []}}, "normalization.center"),
    ({"dtype": 8}, "dtype"),
    ({"gsd": "30"}, "gsd"),
    ({"gsd": -1.0}, "gsd"),
    ({"gsd": float("inf")}, "gsd"),
    ({"gsd_unit": 1}, "gsd_unit"),
    ({"chip_size_px": 0.5}, "chip_size_px"),
    ({"metrics": [1]}, "metrics"),
    ({"config": "x"}, "config"),
    ({"version": 1}, "version"),
    ({"format": "1"}, "format"),
]


@pytest.mark.parametrize(("wrong", "named"), WRONG_VALUES)
def test_a_value_of_another_kind_is_named_by_file_and_key(tmp_path, network, wrong, named):
    folder = save_model(tmp_path / "m", network, CARD)
    (folder / "model.json").write_text(json.dumps(CARD.to_dict() | wrong))
    with pytest.raises(ModelError, match=rf"{named}.* of .*model.json is .*expected "):
        load_model(folder)


@pytest.mark.parametrize(
    "text", ["[1]", "3", "null", '"x"', "[" * 100_000, "\xff", '{"a": 1' + "0" * 5000]
)
def test_a_card_that_is_no_table_is_refused(tmp_path, network, text):
    folder = save_model(tmp_path / "m", network, CARD)
    (folder / "model.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=r"model.json.*train again"):
        load_model(folder)


ABSURD = [
    {"options": {"width": 1000}},
    {"options": {"width": 1e300}},
    {"options": {"width": 0.125, "depth": 9}},
    {"options": {"width": 0.125, "depth": 100_000}},
    {"architecture": "fcn8s", "options": {"width": 40}},
    {"bands": [{"name": f"b{i}"} for i in range(60_000)]},
    outputs_of({"names": [f"c{i}" for i in range(100_000)]}),
    {"outputs": {"kind": "features", "dim": 60_000}},
    {"architecture": "timm/vit_tiny_patch16_224", "options": {"img_size": 10**9}},
]

LOAD = """
import resource, sys
from geoloom.core.errors import ModelError
from geoloom.models.saved import load_model
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
for folder in sys.argv[1:]:
    try:
        load_model(folder)
    except ModelError as error:
        print("refused", str(error)[:150])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="memory cannot be bounded on Windows")
def test_a_card_of_an_absurd_network_takes_no_memory(tmp_path, network):
    folders = []
    for i, wrong in enumerate(ABSURD):
        folders.append(save_model(tmp_path / str(i), network, CARD))
        (folders[-1] / "model.json").write_text(json.dumps(CARD.to_dict() | wrong))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, folders)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.count("refused") == len(ABSURD), done.stdout + done.stderr[-500:]


def test_weights_of_another_network_are_refused(tmp_path, network):
    folder = save_model(tmp_path / "m", network, CARD)
    card = CARD.to_dict() | {"options": {"width": 0.25}}
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="does not hold the weights of 'unet'"):
        load_model(folder)


def test_a_registered_network_must_be_registered_to_be_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(listing.MODELS, "_entries", dict(listing.MODELS._entries))

    def one_layer(in_channels, num_classes):
        return nn.Conv2d(in_channels, num_classes, 1)

    listing.register_model("one_layer", one_layer)
    card = plain_card("one_layer", {}, BANDS, CLASSES)
    folder = save_model(tmp_path / "m", one_layer(3, 2), card)
    assert load_model(folder)(
        torch.zeros(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    ).shape == (1, 2, 4, 4)
    del listing.MODELS._entries["one_layer"]
    with pytest.raises(ModelError, match=r"no model is named 'one_layer'.*register_model"):
        load_model(folder)


def test_an_image_with_other_bands_is_refused(network):
    model = LoadedModel.of(network, plain_card("unet", {"width": 0.125}, BANDS, CLASSES))
    with pytest.raises(ModelError, match="has 2 bands, the model reads 3: swir1, nir, red"):
        model(torch.zeros(1, 2, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool))


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


def test_a_user_s_network_that_changed_since_the_training_is_warned_of(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(listing.MODELS, "_entries", dict(listing.MODELS._entries))

    def tiny(in_channels, out_channels):
        return nn.Conv2d(in_channels, out_channels, 1)

    listing.register_model("tiny", ModelSpec(tiny))
    own = Plugin.of(tiny)
    assert own.name.endswith(
        "test_saved.test_a_user_s_network_that_changed_since_the_training_is_warned_of"
        ".<locals>.tiny"
    )
    assert len(own.sha256) == 64
    card = plain_card("tiny", {}, BANDS, CLASSES)
    for plugin, warned in (
        (own, False),
        (Plugin(own.name), False),
        (Plugin(own.name, "0" * 64), True),
    ):
        caplog.clear()
        folder = save_model(
            tmp_path / "m", tiny(3, 2), replace(card, plugin=plugin), overwrite=True
        )
        load_model(folder)
        assert ("another version" in caplog.text) == warned


def test_a_file_in_the_place_of_a_model_is_said_and_so_are_swapped_arguments(tmp_path):
    scene, model = tmp_path / "s.tif", tmp_path / "model"
    scene.write_bytes(b"")
    model.mkdir()
    (model / "model.json").write_text("{}")
    for read in (read_card, load_model):
        with pytest.raises(ModelError, match=r"s.tif is a file, expected a model folder"):
            read(scene)
    match = r"swapped: \S*model is a model folder, \S*s.tif is none; the model comes first"
    with pytest.raises(ModelError, match=match):
        predict(scene, model, tmp_path / "map.tif")
    with pytest.raises(ModelError, match=match):
        evaluate(scene, model, truth=scene)
