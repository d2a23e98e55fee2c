"""What an exported file says of its model: read back whole, plain JSON, and nothing of the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ClassOutputs
from geoloom.models.card import ModelCard
from geoloom.models.onnx_metadata import KEY, OnnxMetadata, published

CARD = ModelCard(
    "unet",
    {"width": 0.125},
    (Band("B4", "red", unit="surface_reflectance", scale=1e-4, nodata=-9999.0),),
    ClassOutputs(Classes.of(["forêt", "water"], codes=[3, 7])),
    gsd=30.0,
    chip_size_px=64,
)


def test_the_card_comes_back_as_it_was():
    shapes = {"image": ("batch", 1, "height", "width"), "scores": ("batch", 2, 64, 64)}
    metadata = OnnxMetadata(CARD, 64, shapes, "0" * 64)
    props = {**metadata.to_props(), "other": "1"}
    assert OnnxMetadata.from_props(props, where="m.onnx") == metadata


def test_what_was_added_to_the_format_may_be_missing():
    content = json.loads(OnnxMetadata(CARD, 64).to_props()[KEY])
    del content["shapes"], content["weights_sha256"]
    assert OnnxMetadata.from_props({KEY: json.dumps(content)}, where="m.onnx") == OnnxMetadata(
        CARD, 64
    )


def test_a_file_of_another_program_has_none():
    assert OnnxMetadata.from_props({"model_type": '"Segmentor"'}, where="m.onnx") is None


def test_numbers_that_are_not_finite_are_null_since_json_has_none():
    card = replace(CARD, metrics={"accuracy": {"precision": [float("nan"), 1.0]}})
    text = OnnxMetadata(card).to_props()[KEY]

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    plain = json.loads(text, parse_constant=refuse)
    assert plain["card"]["metrics"] == {"accuracy": {"precision": [None, 1.0]}}


def test_nothing_says_where_the_machine_keeps_its_files():
    config = {
        "weights": "/home/someone/models/old",
        "options": {"encoder": "tu-test_resnet", "file": "C:\\Users\\someone\\w.bin"},
        "augment": ["flip", "~/own.py"],
        "epochs": 3,
        "chips": {"path": "/home/someone/chips.zarr", "train": 4},
    }
    card = replace(CARD, config=config, initial_weights="/home/someone/models/old/w.safetensors")
    given = published(card)
    assert given.config == {
        "weights": "old",
        "options": {"encoder": "tu-test_resnet", "file": "w.bin"},
        "augment": ["flip", "own.py"],
        "epochs": 3,
    }
    assert given.initial_weights == "w.safetensors"
    assert "someone" not in OnnxMetadata(card).to_props()[KEY]
    assert card.config is config  # and the card itself keeps all of it


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "upgrade geoloom"),
        ({"format": None}, "expected"),
        ({"tile_px": 0}, "tile_px of the geoloom metadata of m.onnx"),
        ({"tile_px": "64"}, "export the model again"),
        ({"unobserved": "zero"}, "expected one of nan"),
        ({"shapes": {"image": ["batch", 0]}}, r"shapes.image\[1\]"),
        ({"card": []}, "expected a table"),
        ({"card": {"format": 2}}, "lacks architecture, bands, options, outputs"),
    ],
)
def test_damage_is_refused_by_name(change, message):
    content = json.loads(OnnxMetadata(CARD, 64).to_props()[KEY])
    with pytest.raises(ModelError, match=message):
        OnnxMetadata.from_props({KEY: json.dumps({**content, **change})}, where="m.onnx")
    with pytest.raises(ModelError, match="not JSON"):
        OnnxMetadata.from_props({KEY: "{"}, where="m.onnx")


def test_reading_it_loads_neither_torch_nor_onnx():
    code = (
        "import sys, geoloom.models.onnx_metadata as m\n"
        "print([name for name in ('torch', 'onnx', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
