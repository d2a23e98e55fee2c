"""What a trained network knows about its input and output."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.bands import Band
from ..core.classes import Classes
from ..core.errors import ModelError
from ..core.jsonfile import JsonValue
from ..core.outputs import Outputs, read_outputs
from .identity import CARD_FILE, is_onnx
from .plugin import Plugin

if TYPE_CHECKING:
    from .specs import Dates

logger = logging.getLogger(__name__)

AGAIN = "copy the model folder again, or train again"
"""What to do about a damaged one."""

FORMAT = 2
"""Version of model.json; a reader refuses later ones, and 1, that of the pre-releases."""

_MOST_BYTES = 16 << 20
"""Of a card: the settings of a training and the names of at most 256 classes are some kilobytes."""
_SAME_RESOLUTION = 1.5
_MOST_BANDS = 65_535  # TIFF's own limit


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that prediction needs besides weights. Plain values: it is written as JSON."""

    architecture: str
    """Name in the registry of networks."""
    options: dict[str, Any]
    """What `create_model` was given."""
    bands: tuple[Band, ...]
    """Of the numbers that the network was fed (of each date), in order, with role, unit, scale and offset;
    named `band_1`, `band_2`, ... where the data had no names."""
    outputs: Outputs
    """What the network gives."""
    dates: Dates = 1
    """How many dates the network was shown at once; `any` for series of any length."""
    normalization: dict[str, Any] | None = None
    """`Normalization.to_dict()` of the training data; None feeds native values."""
    dtype: str = "float32"
    """numpy's name of the type the training data was stored in: it tells whether equal numbers mean the same
    where no unit is known."""
    gsd: float | None = None
    """Ground sample distance of the training data, in `gsd_unit`."""
    gsd_unit: str = "metre"
    chip_size_px: int | None = None
    """Side of the training chips: the context that the network has learned to use."""
    initial_weights: str | None = None
    """A note of the weights that the training began with; None for random ones. Nothing is loaded by it."""
    plugin: Plugin | None = None
    """The program that a user registered the network with; None for networks of geoloom's own."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Accuracy on the data that chose the weights."""
    config: dict[str, Any] = field(default_factory=dict)
    """The as-run settings of the training."""
    version: str = ""
    """geoloom's version that wrote it."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the input's channels."""
        return tuple(band.name for band in self.bands)

    @property
    def classes(self) -> Classes:
        """What the outputs mean.

        Raises:
            ModelError: the model gives no classes.
        """
        return classes_of(self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["bands"] = [band.to_dict() for band in self.bands]
        plain["outputs"] = self.outputs.to_dict()
        plain["plugin"] = None if self.plugin is None else self.plugin.to_dict()
        return {"format": FORMAT, **plain}

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, where: str) -> ModelCard:
        """The card that `to_dict` wrote; keys of no meaning here are left out.

        Raises:
            ModelError: the format is an older or a later one, a needed key is missing, or a value is of
                another kind; file and key are named.
        """
        card = JsonValue(values, where, ModelError, AGAIN)
        _check_format(card)
        missing = sorted({"architecture", "options", "bands", "outputs"} - set(values))
        if missing:
            raise ModelError(
                f"{where} lacks {', '.join(missing)}; it isn't a whole model card, train again"
            )
        bands = tuple(Band.from_json(band) for band in card["bands"].entries(most=_MOST_BANDS))
        if not bands:
            raise card["bands"].refusal("the bands of the input, at least one")
        given = {key: value for key in _READERS if (value := card.get(key)) is not None}
        known = {key: _READERS[key](value) for key, value in given.items()}
        return cls(
            **known,
            bands=bands,
            outputs=read_outputs(card["outputs"]),
            normalization=_normalization(card.get("normalization"), len(bands)),
        )


def read_card(folder: str | Path) -> ModelCard:
    """The card of a model folder, without its weights.

    Raises:
        ModelError: there is none, or it is broken.
    """
    path = Path(folder) / CARD_FILE
    if Path(folder).is_file():
        kind = (
            "an ONNX file, which predict, evaluate and info take" if is_onnx(folder) else "a file"
        )
        raise ModelError(
            f"{folder} is {kind}, expected a model folder; give the folder that `train` wrote, which holds "
            f"{CARD_FILE}"
        )
    try:
        values = JsonValue.read(path, ModelError, AGAIN, most_bytes=_MOST_BYTES)
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} is not a model folder: it has no {CARD_FILE}; train one there first"
        ) from error
    return ModelCard.from_dict(values.table(), where=str(path))


def classes_of(outputs: Outputs) -> Classes:
    """The classes of outputs that have some.

    Raises:
        ModelError: they have none; the message says what they are.
    """
    classes = getattr(outputs, "classes", None)
    if not isinstance(classes, Classes):
        raise ModelError(f"the model gives {outputs.short}, and no classes; use one of classes")
    return classes


class HasResolution(Protocol):
    """What knows the pixels that a model was made for."""

    @property
    def gsd(self) -> float | None:
        """Ground sample distance, in `gsd_unit`; None where unknown."""

    @property
    def gsd_unit(self) -> str:
        """Of that."""


def check_resolution(card: HasResolution, gsd: float, unit: str) -> None:
    """Warn, through logging, where pixels are much larger or smaller than those the model was trained on.

    Args:
        card: The model's.
        gsd: Ground sample distance of the scene, in `unit`.
        unit: `metre`, `degree` or whatever the scene's CRS measures in; other units than the model's are
            not compared.
    """
    if card.gsd is None or card.gsd_unit != unit:
        return
    ratio = gsd / card.gsd
    if not 1 / _SAME_RESOLUTION <= ratio <= _SAME_RESOLUTION:
        logger.warning(
            "the model was trained on pixels of %g %s and is given pixels of %g: expect a worse map, "
            "or read the scene at the model's resolution",
            card.gsd,
            unit,
            gsd,
        )


def default_bands(count: int) -> tuple[str, ...]:
    """Names for bands that have none.

    Example:
        >>> default_bands(2)
        ('band_1', 'band_2')
    """
    return tuple(f"band_{i}" for i in range(1, count + 1))


def _check_format(card: JsonValue) -> None:
    noted = card.get("format")
    form = 1 if noted is None else noted.whole()
    if form < FORMAT:
        raise ModelError(f"{card.file} was made by a pre-release of geoloom; train again")
    if form > FORMAT:
        raise ModelError(
            f"{card.file} has format {form}; this geoloom reads up to {FORMAT}: upgrade geoloom"
        )


def _normalization(values: JsonValue | None, bands: int) -> dict[str, Any] | None:
    """The plain values of a normalisation of so many bands; `per_image` fits nothing, and may be empty."""
    if values is None:
        return None
    center = values["center"].numbers()
    if center or values["kind"].text() != "per_image":
        values["center"].entries(bands)
    named = values.get("bands")
    bounds = {
        key: list(given.numbers(len(center)))
        for key in ("low", "high")
        if (given := values.get(key)) is not None
    }
    return {
        "kind": values["kind"].text(),
        "center": list(center),
        "scale": list(values["scale"].numbers(len(center))),
        "bands": [] if named is None else list(named.texts()),
        **bounds,
    }


def _positive(value: JsonValue) -> float:
    if not value.number() > 0:
        raise value.refusal("a number above 0")
    return value.number()


def _options(value: JsonValue) -> dict[str, Any]:
    for name, option in value.table().items():
        if not isinstance(option, str | int | float | bool | None):
            raise value[name].refusal("a number, a text, true or false")
    return value.table()


def _dates(value: JsonValue) -> Dates:
    return "any" if value.value == "any" else value.whole(1)


# How a value of a card is read, apart from those that need another.
_READERS: dict[str, Callable[[JsonValue], Any]] = {
    "architecture": JsonValue.text,
    "options": _options,
    "dates": _dates,
    "dtype": JsonValue.text,
    "gsd": _positive,
    "gsd_unit": JsonValue.text,
    "chip_size_px": lambda value: value.whole(1),
    "initial_weights": JsonValue.text,
    "plugin": Plugin.from_json,
    "metrics": JsonValue.table,
    "config": JsonValue.table,
    "version": JsonValue.text,
}
