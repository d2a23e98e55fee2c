"""A STAC item that describes an exported model: STAC 1.1 with the Machine Learning Model extension 1.5.

Source:
    github.com/stac-extensions/mlm, versions 1.5.0 to 1.5.2; github.com/radiantearth/stac-spec, version 1.1.0.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import Outputs, ValueOutputs
from ..card import ModelCard
from ..onnx_metadata import OUTPUT, OnnxMetadata, published

EXTENSION = "https://stac-extensions.github.io/mlm/v1.5.0/schema.json"

_DATA_TYPES = frozenset(
    {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
    | {"float16", "float32", "float64"}
)
"""STAC's words for types of stored numbers that numpy shares; others are `other`."""

_AXES = {
    "image": ("batch", "bands", "height", "width"),
    "times": ("batch", "time"),
    "aux": ("batch", "mask", "height", "width"),
}
_SERIES = ("batch", "time", "bands", "height", "width")
_TYPES = {"image": "float32", "times": "float64", "aux": "other"}
_ABOUT = {
    "image": "Stored numbers of the bands, not normalised: the graph does it. A pixel with NaN in any band "
    "was not observed",
    "times": "Of each date: seconds since 1970-01-01 UTC",
    "aux": "Auxiliary masks of 0 and 1, as booleans",
}
_KEY_LETTERS = re.compile(r"[^0-9a-zA-Z_.-]+")
_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]$")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The file that an item describes."""

    href: str
    """As seen from the item."""
    kind: Literal["onnx", "torch"]
    metadata: OnnxMetadata
    """What the file says of itself."""
    library: str
    """Version of what made it."""
    parameters: int
    """Of the network."""
    memory_bytes: int
    """What the weights take."""
    trained: datetime
    """When the model was."""


def mlm_item(identity: str, file: ModelFile) -> dict[str, Any]:
    """The item, as plain values for JSON.

    It has no geometry: a model does not know the ground that it was trained on, and STAC allows an item
    without a place. Its time is that of the training.

    Args:
        identity: The item's `id`, from which the model's name is made.
        file: What it describes.
    """
    card = published(file.metadata.card)
    task = card.outputs.mlm_task
    properties: dict[str, Any] = {
        "datetime": file.trained.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "description": _description(card),
        "mlm:name": _model_name(identity, card),
        "mlm:architecture": card.architecture,
        "mlm:tasks": [task],
        "mlm:framework": "ONNX" if file.kind == "onnx" else "PyTorch",
        "mlm:framework_version": file.library,
        "mlm:memory_size": file.memory_bytes,
        "mlm:total_parameters": file.parameters,
        "mlm:pretrained": card.initial_weights is not None,
        "mlm:pretrained_source": card.initial_weights,
        "mlm:input": [_input(key, file.metadata) for key in file.metadata.shapes if key != OUTPUT],
        "mlm:output": [_output(task, card.outputs, file.metadata)],
        "bands": [_band(band, card) for band in card.bands],
    }
    hyperparameters = _hyperparameters(card)
    if hyperparameters:
        properties["mlm:hyperparameters"] = hyperparameters
    if card.gsd is not None and card.gsd_unit == "metre":
        properties["gsd"] = card.gsd
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [EXTENSION],
        "id": identity,
        "geometry": None,
        "properties": properties,
        "links": [],
        # STAC lets an item describe bands only where one of its assets does.
        "assets": {"model": {**_asset(file), "bands": properties["bands"]}},
    }


def _asset(file: ModelFile) -> dict[str, Any]:
    kinds = {
        "onnx": ("application/octet-stream; framework=onnx", "onnx", "ONNX file"),
        "torch": (
            "application/octet-stream; application=pytorch",
            "torch.export.save",
            "program of torch",
        ),
    }
    media, artifact, title = kinds[file.kind]
    return {
        "href": file.href,
        "type": media,
        "title": f"The model as {title}",
        "roles": ["mlm:model"],
        "mlm:artifact_type": artifact,
    }


def _input(key: str, metadata: OnnxMetadata) -> dict[str, Any]:
    shape = metadata.shapes[key]
    series = key == "image" and len(shape) == len(_SERIES)
    bands = [band.name for band in metadata.card.bands] if key == "image" else []
    return {
        "name": key,
        "description": _ABOUT[key],
        "bands": bands,
        "input": {
            "shape": _lengths(shape),
            "dim_order": list(_SERIES if series else _AXES[key]),
            "data_type": _TYPES[key],
        },
        "value_scaling": None,
        "resize_type": None,
    }


def _output(task: str, outputs: Outputs, metadata: OnnxMetadata) -> dict[str, Any]:
    shape = metadata.shapes[OUTPUT]
    answer = {"values": "value", "features": "feature"}.get(outputs.kind, "class")
    return {
        "name": OUTPUT,
        "description": _finished(outputs),
        "tasks": [task],
        "result": {
            "shape": _lengths(shape),
            "dim_order": ["batch", answer, "height", "width"][: len(shape)],
            "data_type": "float32",
        },
        "classification:classes": _classes(getattr(outputs, "classes", None)),
    }


def _finished(outputs: Outputs) -> str:
    """What the numbers of the output are."""
    if isinstance(outputs, ValueOutputs):
        named = zip(outputs.names, outputs.units, strict=True)
        return "Values: " + ", ".join(f"{n} in {u}" if u else n for n, u in named)
    words = {
        "softmax": "Probabilities of the classes, which sum to 1",
        "sigmoid": "Probability of each class by itself",
        "none": "Features",
    }
    return words[outputs.activation]


def _classes(classes: Classes | None) -> list[dict[str, Any]]:
    """By position along the output's class axis; the description has the name as geoloom has it."""
    if classes is None:
        return []
    names: list[str] = []
    for name in classes.names:
        ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^0-9A-Za-z_-]+", "-", ascii_name).strip("-") or "class"
        names.append(plain if plain not in names else f"{plain}-{len(names)}")
    return [
        {
            "value": position,
            "name": name,
            "description": f"{classes.names[position]}, code {classes.codes[position]} in maps",
            "color_hint": classes.colors[position].lstrip("#").upper(),
        }
        for position, name in enumerate(names)
    ]


def _band(band: Band, card: ModelCard) -> dict[str, Any]:
    words: list[str] = [] if band.role == "other" else [band.role]
    if band.wavelength_um is not None:
        words.append(f"{band.wavelength_um:g} micrometres")
    if band.unit is not None:
        words.append(f"{band.unit} = stored x {band.scale:g} + {band.offset:g}")
    known = {
        "description": ", ".join(words),
        "unit": band.unit,
        "gsd": band.gsd_m,
        "data_type": card.dtype if card.dtype in _DATA_TYPES else "other",
    }
    return {"name": band.name, **{key: value for key, value in known.items() if value}}


def _lengths(shape: tuple[int | str, ...]) -> list[int]:
    """As the extension has them: -1 where any length will do."""
    return [-1 if isinstance(length, str) else length for length in shape]


def _description(card: ModelCard) -> str:
    return f"{card.architecture}: from {len(card.bands)} bands to {card.outputs.short}"


def _hyperparameters(card: ModelCard) -> dict[str, Any]:
    """The settings of the training that are plain values."""
    return {
        _KEY_LETTERS.sub("_", key): value
        for key, value in {**card.config, **card.options}.items()
        if isinstance(value, str | int | float | bool) and key
    }


def _model_name(identity: str, card: ModelCard) -> str:
    """A name as the extension wants it: letters, digits and a few signs, three at least."""
    for name in (identity, f"{card.architecture} {identity}"):
        plain = re.sub(r"[^a-zA-Z0-9_.\- ]+", "-", name).strip(" -_.")
        if _NAME.match(plain):
            return plain
    return f"geoloom {card.architecture}".replace("/", "-")
