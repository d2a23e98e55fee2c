"""What an exported file says of its model: the card, as JSON under one key of the file's metadata.

The format, which prediction with such a file reads. Of an ONNX file it is the entry `geoloom` of
`metadata_props`; of a torch program (`.pt2`) the extra file `geoloom`. The text is one JSON object:

    {
      "format": 1,
      "card": {...},         the ModelCard as `ModelCard.to_dict` gives it, without the paths of the machine
                             that trained it, and with null for numbers that are not finite
      "tile_px": 256,        side of the tiles that suit the model (its chips), or null; where the graph has
                             a fixed height and width, it is those
      "unobserved": "nan",   how a pixel that was not observed is given
      "shapes": {            lengths of the axes of inputs and output; a name where any length will do
        "image": ["batch", 4, "height", "width"],
        "scores": ["batch", 2, "height", "width"]
      },
      "weights_sha256": "..." of the network's weights, or null
    }

The graph itself: inputs bear the keys of a sample. `image` float32 (B, C, H, W), or (B, T, C, H, W) of
networks over series, holds the numbers that the network was trained on, not normalised: those of
`card.bands` (unit, scale, offset). A pixel with NaN in any band was not observed. `times` float64 (B, T),
where there is such an input, is seconds since 1970 UTC. The one output `scores` float32 (B, K, H, W), or
(B, K) per image, holds finished answers, in the order of `card.outputs`: probabilities, or values in their
units. Scores of pixels that were not observed mean nothing.

Nothing here imports torch or onnx.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path, PureWindowsPath
from typing import Any

from ..core.errors import ModelError
from ..core.jsonfile import JsonValue
from .card import ModelCard

KEY = "geoloom"
"""Under which the metadata of a file holds it."""
FORMAT = 1
"""A reader refuses later ones."""
OUTPUT = "scores"
"""Name of the graph's output."""
UNOBSERVED = "nan"
"""The only way so far in which pixels that were not observed are given."""

_FIX = "export the model again"
_MOST_PX = 65_536
_MOST_AXES = 8
_PLACES = ("chips",)
"""Parts of a training's settings that name files of the machine."""
_LEADING = ("/", "\\", "./", "../", "~")
"""How paths begin; weights by name, such as `family/name`, do not."""


@dataclass(frozen=True, slots=True)
class OnnxMetadata:
    """The card of an exported model, and how the file wants to be fed.

    Example:
        >>> from geoloom.core import Band, Classes, ClassOutputs
        >>> outputs = ClassOutputs(Classes.of(["forest", "other"]))
        >>> card = ModelCard("unet", {}, (Band.named("red"),), outputs, chip_size_px=64)
        >>> written = OnnxMetadata(card, 64).to_props()
        >>> OnnxMetadata.from_props(written, where="m.onnx").card.band_names
        ('red',)
    """

    card: ModelCard
    tile_px: int | None = None
    """Side of the tiles that suit the model; where the graph has a fixed height and width, it is those."""
    shapes: Mapping[str, tuple[int | str, ...]] = field(default_factory=dict)
    """By input, and of the output `scores`: lengths of the axes, a name where any length will do."""
    weights_sha256: str | None = None
    """Of the network's weights: tells whether a file is of a model."""

    def to_props(self) -> dict[str, str]:
        """The entry of a file's metadata, by its key. The card goes without the paths of this machine."""
        content = {
            "format": FORMAT,
            "card": _finite(published(self.card).to_dict()),
            "tile_px": self.tile_px,
            "unobserved": UNOBSERVED,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "weights_sha256": self.weights_sha256,
        }
        return {KEY: json.dumps(content, ensure_ascii=False, allow_nan=False)}

    @classmethod
    def from_props(cls, props: Mapping[str, str], *, where: str) -> OnnxMetadata | None:
        """What `to_props` wrote.

        Args:
            props: All that the file's metadata holds.
            where: The file, for messages.

        Returns:
            None where there is no such entry: another program made the file.

        Raises:
            ModelError: the entry is damaged, or of a later format.
        """
        if KEY not in props:
            return None
        at = f"the {KEY} metadata of {where}"
        content = JsonValue.parse(props[KEY].encode(), Path(at), ModelError, _FIX)
        form = content["format"].whole(1)
        if form > FORMAT:
            raise ModelError(
                f"{where} has metadata of format {form}; this geoloom reads up to {FORMAT}: upgrade geoloom"
            )
        content["unobserved"].one_of((UNOBSERVED,))
        tile, digest, shapes = (content.get(key) for key in ("tile_px", "weights_sha256", "shapes"))
        return cls(
            ModelCard.from_dict(content["card"].table(), where=at),
            None if tile is None else tile.whole(1, _MOST_PX),
            {} if shapes is None else {name: _shape(shapes[name]) for name in shapes.table()},
            None if digest is None else digest.text(),
        )


def _shape(value: JsonValue) -> tuple[int | str, ...]:
    return tuple(
        axis.text() if isinstance(axis.value, str) else axis.whole(1)
        for axis in value.entries(most=_MOST_AXES)
    )


def published(card: ModelCard) -> ModelCard:
    """The card as others may see it: of files and folders of this machine, nothing but the last name.

    Example:
        >>> from geoloom.core import Band, Classes, ClassOutputs
        >>> outputs = ClassOutputs(Classes.of(["forest", "other"]))
        >>> config = {"epochs": 5, "weights": "/home/me/old", "chips": {"path": "/home/me/c.zarr"}}
        >>> card = ModelCard("unet", {}, (Band.named("red"),), outputs, config=config)
        >>> published(card).config
        {'epochs': 5, 'weights': 'old'}
    """
    config = {key: _nameless(value) for key, value in card.config.items() if key not in _PLACES}
    begun = card.initial_weights
    return replace(card, config=config, initial_weights=_nameless(begun))


def _nameless(value: Any) -> Any:
    """A value without the folders in front of a path."""
    if isinstance(value, dict):
        return {key: _nameless(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_nameless(inner) for inner in value]
    if isinstance(value, str) and (value.startswith(_LEADING) or PureWindowsPath(value).drive):
        return PureWindowsPath(value).name  # which takes both kinds of slashes
    return value


def _finite(value: Any) -> Any:
    """Plain values as JSON has them: what is not finite as null."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value
