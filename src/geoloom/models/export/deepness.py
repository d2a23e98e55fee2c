"""What the QGIS plugin Deepness reads in an ONNX file: the names and the forms of its metadata.

Source:
    Deepness 0.6.5 (github.com/PUTvision/qgis-plugin-deepness): its documentation and what its readers take.
"""

from __future__ import annotations

import json
from typing import Any

from ...core.errors import ModelError
from ..card import ModelCard
from ..listing import get_spec

_OVERLAP_PERCENT = 25
"""Of tiles: an eighth of a tile at each border is left to the neighbour, as `predict` does with its halo."""
_CM = 100.0


def refusal(card: ModelCard) -> str | None:
    """Why the plugin cannot run a model; None where it can.

    Example:
        >>> from geoloom.core import Band, Classes, ClassOutputs
        >>> outputs = ClassOutputs(Classes.of(["forest", "other"]), per="image")
        >>> refusal(ModelCard("unet", {}, (Band.named("red"),), outputs))
        'the model gives 2 classes (forest, other) per image, and Deepness maps pixels'
    """
    spec = get_spec(card.architecture)
    if spec.takes != "BCHW" or len(spec.inputs) > 1:
        return "the model takes a series of dates, and Deepness one image at a time"
    if card.outputs.gives != "pixels":
        return f"the model gives {card.outputs.short}, and Deepness maps pixels"
    return None


def check_deepness(card: ModelCard) -> None:
    """Refuse a model that the plugin cannot run.

    Raises:
        ModelError: the message says why, and which format would do.
    """
    why = refusal(card)
    if why is not None:
        raise ModelError(f"{why}; export it for other programs with format='onnx' (--format onnx)")


def deepness_props(card: ModelCard, tile_px: int | None) -> dict[str, str]:
    """The metadata by the plugin's keys, each value as JSON; empty where the plugin cannot run the model.

    The plugin divides what it reads by 255 and then standardises; the mean and deviation given here undo
    both, so that the graph gets the stored numbers, which it normalises itself.

    Args:
        card: The model's.
        tile_px: Side of the tiles that the graph takes; None for any, which the plugin cannot use.
    """
    if refusal(card) is not None:
        return {}
    bands, outputs = len(card.bands), card.outputs
    values: dict[str, Any] = {
        "model_type": "Regressor" if outputs.kind == "values" else "Segmentor",
        "class_names": {str(position): name for position, name in enumerate(outputs.names)},
        "tiles_overlap": _OVERLAP_PERCENT,
        "standardization_mean": [0.0] * bands,
        "standardization_std": [1 / 255] * bands,
    }
    if tile_px is not None:
        values |= {
            "tile_size": tile_px,
            "tiles_size": tile_px,
        }  # its code reads one, its pages name the other
    if card.gsd is not None and card.gsd_unit == "metre":
        values["resolution"] = card.gsd * _CM
    if outputs.kind == "values":
        values["reg_output_scaling"] = 1.0
    else:
        # Below the threshold a class does not count; of several at once, 0.5 is when one is present.
        values["seg_thresh"] = 0.5 if outputs.kind == "multilabel" else 0.0
        values["seg_small_segment"] = 0
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
