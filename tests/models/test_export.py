"""Exported models: other programs get from the file what prediction gives, and what they need to know."""

from __future__ import annotations

import json
import logging
import sys
import zipfile
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

import geoloom as gl
from geoloom.cli.app import app
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, MissingExtraError, ModelError, WriteError
from geoloom.core.outputs import BoxOutputs, ClassOutputs, FeatureOutputs, ValueOutputs
from geoloom.models import listing
from geoloom.models.card import ModelCard
from geoloom.models.export.config import ExportConfig, ExportSettings
from geoloom.models.export.deepness import deepness_props
from geoloom.models.onnx_metadata import KEY, OnnxMetadata
from geoloom.models.saved import LoadedModel, save_model
from geoloom.models.specs import ModelSpec

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

BANDS = (
    Band("B4", "red", unit="surface_reflectance", scale=1e-4),
    Band("B8", "nir", unit="surface_reflectance", scale=1e-4),
)
CLASSES = Classes.of(["forêt dense", "água", "forêt, dense"], codes=[3, 7, 9])
MEAN_STD = {"kind": "mean_std", "center": [900.0, 2500.0], "scale": [120.0, 400.0], "bands": []}
BOUNDED = {**MEAN_STD, "kind": "norm_range", "low": [-1.0, -1.0], "high": [1.0, 1.0]}
PER_IMAGE = {"kind": "per_image", "center": [], "scale": [], "bands": []}
HEIGHTS = ValueOutputs(("height", "cover"), ("m", None), mean=(12.0, 0.4), std=(4.0, 0.1))
SCHEMAS = __file__.removesuffix("test_export.py") + "schemas"


class Small(nn.Module):
    """Each pixel and its neighbours."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, out_channels, 1)
        )

    def forward(self, image):
        return self.layers(image)


class SmallPerImage(Small):
    def forward(self, image):
        return self.layers(image).mean(dim=(-2, -1))


class SmallSeries(Small):
    """The mean of what was observed, with weights that fall with the days."""

    def forward(self, image, times, valid_series):
        days = (times - times[:, :1]) / 86_400
        weight = valid_series[:, :, None] * torch.exp(-days / 50).float()[:, :, None, None, None]
        return self.layers((image * weight).sum(1) / (weight.sum(1) + 1))


class SmallStack(Small):
    """Two dates and no others."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(2 * in_channels, out_channels)

    def forward(self, image):
        return self.layers(image.flatten(1, 2))


class OneSize(Small):
    """Does one thing to large images and another to small ones, which one graph cannot."""

    def forward(self, image):
        return self.layers(image if image.shape[-1] > 40 else -image)


class NoGraph(Small):
    """What it does depends on the numbers."""

    def forward(self, image):
        return self.layers(image if image.mean() > 0 else -image)


NETWORKS = {
    "small": ModelSpec(Small),
    "small_per_image": ModelSpec(SmallPerImage, gives=("image",)),
    "small_series": ModelSpec(
        SmallSeries, takes="BTCHW", dates="any", inputs=("image", "times", "valid_series")
    ),
    "small_stack": ModelSpec(SmallStack, takes="BTCHW", dates=2),
    "one_size": ModelSpec(OneSize),
    "no_graph": ModelSpec(NoGraph),
    "small_boxes": ModelSpec(Small, gives=("boxes",)),
}


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    known = {**listing.MODELS._entries, **NETWORKS}
    monkeypatch.setattr(listing.MODELS, "_entries", known)


def model_of(name: str = "small", outputs: Any = None, **of_card: Any) -> LoadedModel:
    torch.manual_seed(3)
    outputs = outputs or ClassOutputs(CLASSES)
    network = NETWORKS[name].build(len(BANDS), outputs.channels)
    given = {"normalization": MEAN_STD, "chip_size_px": 32, "gsd": 10.0, **of_card}
    card = ModelCard(name, {}, BANDS, outputs, dates=NETWORKS[name].dates, **given)
    return LoadedModel.of(network, card)


def imagery(batch: int, height: int, width: int, *, dates: tuple[int, ...] = ()) -> torch.Tensor:
    """Stored numbers like those of the training; a corner has no second band, and one pixel none."""
    draw = torch.Generator().manual_seed(batch)
    shape = (batch, *dates, len(BANDS), height, width)
    image = torch.randn(shape, generator=draw) * 300 + torch.tensor([[[900.0]], [[2500.0]]])
    image[0, ..., 1, :3, :4] = torch.nan
    image[-1, ..., :, -1, -1] = torch.nan
    return image


def answers(model: LoadedModel, image: torch.Tensor, *times: torch.Tensor) -> np.ndarray:
    return model(image, image.isfinite().all(-3), *times).numpy()


def props_of(file: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(file).metadata_props}


EACH = [
    ("small", ClassOutputs(CLASSES, temperature=1.7), MEAN_STD),
    ("small", ClassOutputs(CLASSES, multilabel=True), PER_IMAGE),
    ("small", HEIGHTS, BOUNDED),
    ("small_per_image", ClassOutputs(CLASSES, per="image"), None),
]


@pytest.mark.parametrize(("name", "outputs", "rule"), EACH)
def test_onnxruntime_gives_what_prediction_gives(name, outputs, rule, tmp_path):
    model = model_of(name, outputs, normalization=rule)
    before = {key: weight.clone() for key, weight in model.network.state_dict().items()}
    file = gl.export(model, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(file)
    assert [(i.name, i.shape, i.type) for i in session.get_inputs()] == [
        ("image", ["batch", 2, "height", "width"], "tensor(float)")
    ]
    for batch, height, width in ((1, 32, 32), (3, 33, 47), (2, 5, 6)):
        image = imagery(batch, height, width)
        (found,) = session.run(["scores"], {"image": image.numpy()})
        expected = answers(model, image)
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-5)
    for key, weight in model.network.state_dict().items():
        assert torch.equal(weight, before[key])
    assert model.pipeline.network is model.network


def test_a_file_of_a_series_knows_days_and_gaps(tmp_path):
    model = model_of("small_series")
    session = onnxruntime.InferenceSession(gl.export(model, tmp_path / "m.onnx"))
    assert {i.name: i.shape for i in session.get_inputs()} == {
        "image": ["batch", "dates", 2, "height", "width"],
        "times": ["batch", "dates"],
    }
    for batch, dates in ((1, 3), (3, 5)):
        image = imagery(batch, 21, 18, dates=(dates,))
        image[:, 1, 0, 7:12] = torch.nan  # one date under clouds
        times = 1.5e9 + 86_400 * torch.arange(1.0, dates + 1).double().repeat(batch, 1) ** 2
        (found,) = session.run(None, {"image": image.numpy(), "times": times.numpy()})
        np.testing.assert_allclose(found, answers(model, image, times), atol=1e-4)


def read_as_deepness(file: Any, stored: np.ndarray) -> np.ndarray:
    """What the plugin does with stored numbers (H, W, C), by its documentation: /255, then standardised."""
    props = {key: json.loads(value) for key, value in props_of(file).items() if key != KEY}
    session = onnxruntime.InferenceSession(file)
    (given,) = session.get_inputs()
    side = props["tile_size"]
    assert given.shape[-2:] == [side, side] == session.get_outputs()[0].shape[-2:]
    x = np.float32(stored * 1.0 / 255.0)
    mean, std = (np.array(props[f"standardization_{k}"], dtype=np.float32) for k in ("mean", "std"))
    (found,) = session.run(None, {given.name: ((x - mean) / std).transpose(2, 0, 1)[None]})
    return found


def check_as_deepness(file: Any, model: LoadedModel) -> None:
    """The plugin gets the classes of prediction."""
    stored = imagery(1, 32, 32).nan_to_num(0).round().clamp(0).numpy()[0].transpose(1, 2, 0)
    found = read_as_deepness(file, stored.astype(np.uint16))
    expected = answers(model, torch.from_numpy(stored.transpose(2, 0, 1).copy())[None])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    first, second = np.sort(expected, axis=1)[:, ::-1][:, :2].swapaxes(0, 1)
    clear = first - second > 1e-4
    assert clear.mean() > 0.99
    assert (found.argmax(1) == expected.argmax(1))[clear].all()


# Key, kind of value, for which models: the table of what the plugin reads, its version 0.6.5.
DEEPNESS = {
    "model_type": (str, "all"),
    "class_names": (dict, "all"),
    "resolution": (float, "all"),
    "tile_size": (int, "all"),
    "tiles_size": (int, "all"),
    "tiles_overlap": (int, "all"),
    "standardization_mean": (list, "all"),
    "standardization_std": (list, "all"),
    "seg_thresh": (float, "seg"),
    "seg_small_segment": (int, "seg"),
    "reg_output_scaling": (float, "reg"),
}


@pytest.mark.parametrize(
    ("outputs", "kind", "expected"),
    [
        (ClassOutputs(CLASSES), "seg", {"model_type": "Segmentor", "seg_thresh": 0.0}),
        (ClassOutputs(CLASSES, True), "seg", {"model_type": "Segmentor", "seg_thresh": 0.5}),
        (HEIGHTS, "reg", {"model_type": "Regressor", "reg_output_scaling": 1.0}),
    ],
)
def test_the_keys_are_those_that_deepness_reads(outputs, kind, expected):
    values = {
        k: json.loads(v) for k, v in deepness_props(model_of("small", outputs).card, 64).items()
    }
    assert set(values) == {key for key, (_, of) in DEEPNESS.items() if of in ("all", kind)}
    for key, (wanted, _) in DEEPNESS.items():
        assert key not in values or type(values[key]) is wanted, key
    names = dict(enumerate(outputs.names))
    assert {int(key): name for key, name in values["class_names"].items()} == names
    assert values["resolution"] == 1000.0  # centimetres
    assert values["tile_size"] == values["tiles_size"] == 64
    assert values["standardization_mean"] == [0.0, 0.0]
    assert np.allclose(np.array(values["standardization_std"]) * 255, 1, rtol=1e-12)
    assert values.items() >= expected.items()


def test_deepness_is_refused_what_it_cannot_run(tmp_path):
    for name, outputs, message in (
        ("small_stack", None, "series of dates, and Deepness one image"),
        (
            "small_per_image",
            ClassOutputs(CLASSES, per="image"),
            "per image, and Deepness maps pixels",
        ),
    ):
        model = model_of(name, outputs)
        assert deepness_props(model.card, 64) == {}
        with pytest.raises(ModelError, match=message):
            gl.export(model, tmp_path / "m.onnx", format="deepness")
    with pytest.raises(ConfigError, match="--tile-size"):
        gl.export(model_of(chip_size_px=None), tmp_path / "m.onnx", format="deepness")
    degrees = deepness_props(model_of(gsd=0.001, gsd_unit="degree").card, None)
    assert not {"resolution", "tile_size"} & set(degrees)


def test_the_card_travels_and_the_machine_does_not(tmp_path):
    config = {"epochs": 3, "chips": {"path": str(tmp_path / "chips.zarr")}}
    model = model_of(config=config, initial_weights=str(tmp_path / "old" / "weights.safetensors"))
    file = gl.export(model, tmp_path / "m.pt2")
    plugin = gl.export(model, tmp_path / "m.onnx", format="deepness")
    with zipfile.ZipFile(file) as archive:
        inside = b"".join(archive.read(entry) for entry in archive.namelist())
    for raw, props, sides in (
        (inside, {KEY: torch_extra(file)}, ("height", "width")),
        (plugin.read_bytes(), props_of(plugin), (32, 32)),
    ):
        metadata = OnnxMetadata.from_props(props, where="m")
        assert metadata.card == replace(
            model.card, config={"epochs": 3}, initial_weights="weights.safetensors"
        )
        assert metadata.tile_px == 32
        assert metadata.shapes == {
            "image": ("batch", 2, *sides),
            "scores": ("batch", 3, *sides),
        }
        for place in (str(tmp_path), torch.__file__.removesuffix("__init__.py"), __file__):
            assert place.encode() not in raw, place
    check_as_deepness(plugin, model)


def torch_extra(file: Any) -> str:
    extra = {KEY: ""}
    torch.export.load(file, extra_files=extra)
    return extra[KEY]


def test_a_program_of_torch_gives_what_prediction_gives(tmp_path):
    model = model_of("small", HEIGHTS)
    run = torch.export.load(gl.export(model, tmp_path / "m.pt2")).module()
    for batch, height, width in ((1, 24, 24), (3, 33, 47)):
        image = imagery(batch, height, width)
        np.testing.assert_allclose(run(image).numpy(), answers(model, image), atol=1e-3, rtol=1e-5)


def test_a_tile_size_is_the_only_one_that_a_file_takes(tmp_path):
    model = model_of()
    run = torch.export.load(gl.export(model, tmp_path / "m.pt2", tile_size=24)).module()
    for batch in (1, 3):
        image = imagery(batch, 24, 24)
        np.testing.assert_allclose(run(image).numpy(), answers(model, image), atol=1e-4)
    with pytest.raises(RuntimeError, match="to be equal to 24, but got 33"):
        run(imagery(1, 33, 47))


def test_a_network_of_one_size_is_exported_so_and_said_to_be(tmp_path, caplog):
    model = model_of("one_size")
    with caplog.at_level(logging.WARNING):
        file = gl.export(model, tmp_path / "m.pt2")
    assert "one_size has no graph for any height and width" in caplog.text
    assert "tiles of 32 x 32 px, and no others" in caplog.text
    metadata = OnnxMetadata.from_props({KEY: torch_extra(file)}, where="m.pt2")
    assert metadata.shapes["image"] == ("batch", 2, 32, 32)
    image = imagery(2, 32, 32)
    with torch.inference_mode():
        found = torch.export.load(file).module()(image).numpy()
    np.testing.assert_allclose(found, answers(model, image), atol=1e-4)


def test_a_network_without_a_graph_is_refused_with_the_reason(tmp_path):
    with pytest.raises(ModelError, match=r"no_graph cannot be exported \(.*data-dependent"):
        gl.export(model_of("no_graph"), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_boxes_are_refused(tmp_path):
    boxes = model_of("small_boxes", BoxOutputs(Classes.of(["ship"])))
    with pytest.raises(ModelError, match="how many is not known beforehand"):
        gl.export(boxes, tmp_path / "m.onnx")


def judge(item: dict[str, Any]) -> list[str]:
    """What is wrong with an item, by STAC's own schemas and by that of the extension."""
    from importlib.resources import files

    from referencing import Registry, Resource

    core = files("pystac") / "validation" / "jsonschemas"
    places = {
        "https://geojson.org/schema/": core / "geojson",
        "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/": core / "stac-spec" / "v1.1.0",
    }
    known = {
        address + file.name: json.loads(file.read_text(encoding="utf-8"))
        for address, folder in places.items()
        for file in folder.iterdir()
        if file.name.endswith(".json")
    }
    # By the address under which others refer to it: one of them misspells its own.
    resources = {at: Resource.from_contents(schema) for at, schema in known.items()}
    registry: Registry[Any] = Registry().with_resources(resources.items())
    (stac,) = (schema for at, schema in known.items() if at.endswith("/item.json"))
    with open(f"{SCHEMAS}/mlm-1.5.json", encoding="utf-8") as file:
        mlm = json.load(file)
    return [
        f"{list(error.absolute_path)}: {error.message}"
        for schema in (stac, mlm)
        for error in jsonschema.Draft7Validator(schema, registry=registry).iter_errors(item)
    ]


ITEMS = [
    ("small", ClassOutputs(CLASSES), "semantic-segmentation", [-1, 3, -1, -1]),
    ("small_per_image", ClassOutputs(CLASSES, True, "image"), "classification", [-1, 3]),
    ("small", HEIGHTS, "regression", [-1, 2, -1, -1]),
    ("small_series", ClassOutputs(CLASSES), "semantic-segmentation", [-1, 3, -1, -1]),
    ("small_per_image", FeatureOutputs(5), "similarity-search", [-1, 5]),
]


@pytest.mark.parametrize(("name", "outputs", "task", "shape"), ITEMS)
def test_a_stac_item_passes_the_schemas(name, outputs, task, shape, tmp_path):
    if outputs.kind == "features":
        outputs = FeatureOutputs(5)
    model = model_of(name, outputs, config={"epochs": 3, "a key": True, "weights": None})
    file = gl.export(model, tmp_path / "land cover.json", file=tmp_path / "sub.pt2")
    item = json.loads(file.read_text(encoding="utf-8"))
    assert judge(item) == []
    properties = item["properties"]
    assert properties["mlm:tasks"] == [task]
    assert properties["mlm:name"] == "land cover"
    assert properties["mlm:hyperparameters"] == {"epochs": 3, "a_key": True}
    assert properties["mlm:output"][0]["result"]["shape"] == shape
    assert [band["name"] for band in properties["bands"]] == properties["mlm:input"][0]["bands"]
    assert item["assets"]["model"]["href"] == "./sub.pt2"
    assert item["geometry"] is None
    assert "bbox" not in item
    if outputs.kind == "classes":
        classes = properties["mlm:output"][0]["classification:classes"]
        assert [c["name"] for c in classes] == ["foret-dense", "agua", "foret-dense-2"]
        assert [c["value"] for c in classes] == [0, 1, 2]


def test_the_schemas_would_notice(tmp_path):
    file = gl.export(model_of(), tmp_path / "item.json", file=tmp_path / "m.pt2")
    item = json.loads(file.read_text(encoding="utf-8"))

    def changed(path: str, value: Any) -> dict[str, Any]:
        copy = json.loads(json.dumps(item))
        *within, last = path.split("/")
        place = copy
        for key in within:
            place = place[int(key) if key.isdecimal() else key]
        if value is None:
            del place[last]
        else:
            place[last] = value
        return copy

    for path, value in (
        ("properties/datetime", None),
        ("geometry", {"type": "Point"}),
        ("assets/model/bands", None),
        ("properties/bands", None),
        ("properties/mlm:name", "3 x"),
        ("properties/mlm:tasks", ["mapping"]),
        ("properties/mlm:colour", "red"),
        ("properties/mlm:pretrained_source", "ImageNet"),
        ("properties/mlm:input/0/bands", []),
        ("properties/mlm:input/0/input/shape", [-2]),
        ("properties/mlm:output/0/classification:classes/0/name", "forêt"),
        ("assets/model/mlm:artifact_type", None),
        ("assets/model/roles", ["data"]),
        ("stac_extensions", []),
    ):
        assert judge(changed(path, value)), path


def test_an_item_describes_the_file_of_its_own_model_alone(tmp_path):
    model, other = model_of(), model_of()
    with torch.no_grad():
        other.network.layers[0].bias += 1
    file = gl.export(model, tmp_path / "m.pt2")
    state = file.read_bytes()
    item = gl.export(model, tmp_path / "a.json", file=file)
    assert file.read_bytes() == state
    assert json.loads(item.read_text())["properties"]["mlm:framework"] == "PyTorch"
    with pytest.raises(WriteError, match="is not an export of this model"):
        gl.export(other, tmp_path / "b.json", file=file)
    gl.export(other, tmp_path / "b.json", file=file, overwrite=True)
    assert file.read_bytes() != state
    (tmp_path / "c.pt2").write_bytes(b"PK no program")
    with pytest.raises(WriteError, match=r"c\.pt2 is not an export of this model.*--overwrite"):
        gl.export(model, tmp_path / "c.json", file=tmp_path / "c.pt2")


def test_a_model_folder_becomes_a_file_beside_an_item(tmp_path):
    """Through the command line: an item, and the ONNX file that comes with it."""
    trained = model_of()
    save_model(tmp_path / "model", trained.network, trained.card)
    words = ["export", tmp_path / "model", tmp_path / "item.json", "--json"]
    answer = json.loads(CliRunner().invoke(app, [str(word) for word in words]).stdout)
    assert answer["format"] == "mlm"
    assert answer["takes"] == "tiles of any height and width"
    item = json.loads((tmp_path / "item.json").read_text())
    assert judge(item) == []
    assert item["assets"]["model"]["href"] == "./item.onnx"
    session = onnxruntime.InferenceSession(tmp_path / "item.onnx")
    model = gl.models.load_model(tmp_path / "model")
    for batch, size in ((1, (16, 16)), (3, (33, 47))):
        image = imagery(batch, *size)
        (found,) = session.run(None, {"image": image.numpy()})
        np.testing.assert_allclose(found, answers(model, image), atol=1e-4)


def test_settings_are_those_of_the_config_and_checked():
    assert list(ExportSettings.__annotations__) == list(ExportConfig.__dataclass_fields__)
    for settings, message in (
        ({"format": "keras"}, "format is 'keras'"),
        ({"tile_size": 0}, "tile_size is 0"),
        ({"dates": 1.5}, "dates is 1.5"),
        ({"file": "model.h5"}, "ends in .onnx or .pt2"),
    ):
        with pytest.raises(ConfigError, match=message):
            ExportConfig(**settings)


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("m.h5", {}, ConfigError, r"name it \*.onnx, \*.pt2 or \*.json"),
        ("m.onnx", {"format": "torch"}, ConfigError, r"name it \*.pt2"),
        ("m.onnx", {"file": "a.pt2"}, ConfigError, "leave file"),
        ("m.onnx", {"dates": 4}, ConfigError, "takes one image; leave dates"),
        ("there.onnx", {}, WriteError, "--overwrite"),
        ("no/m.onnx", {}, WriteError, "not a folder"),
        ("m.onnx", {"size": 3}, ConfigError, "no setting 'size'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(name, settings, error, message, tmp_path):
    (tmp_path / "there.onnx").touch()
    with pytest.raises(error, match=message):
        gl.export(model_of(), tmp_path / name, **settings)
    with pytest.raises(ConfigError, match="trained on series of 2"):
        gl.export(model_of("small_stack"), tmp_path / "m.onnx", dates=3)


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"geoloom\[onnx\]"):
        gl.export(model_of(), tmp_path / "m.onnx")
