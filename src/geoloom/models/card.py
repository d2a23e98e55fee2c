"""What a trained network knows about its input and output, and whether a scene fits."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from ..core.classes import Classes
from ..core.errors import ModelError
from ..core.jsonfile import JsonValue

logger = logging.getLogger(__name__)

AGAIN = "copy the model folder again, or train again"
"""What to do about a damaged one."""

FORMAT = 1
"""Version of model.json; a reader refuses later ones."""

_UNNAMED = re.compile(r"^(band)?[ _-]?(\d+)$", re.IGNORECASE)
_SAME_RESOLUTION = 1.5
_SAME_SCALING = 1e-6
_MOST_BANDS = 65_535  # TIFF's own limit


class Described(Protocol):
    """What is asked of a file's header: `io.header.Header` has it."""

    @property
    def uri(self) -> str:
        """The file."""

    @property
    def data_bands(self) -> tuple[int, ...]:
        """Numbers, from 1, of the bands that measure something: all but alpha."""

    @property
    def dtypes(self) -> tuple[str, ...]:
        """numpy's name of each band's type."""

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """Name of each band, where the file gives one."""

    @property
    def scales(self) -> tuple[float, ...]:
        """Of each band: physical value = stored value * scale + offset; empty where unknown."""

    @property
    def offsets(self) -> tuple[float, ...]:
        """Likewise."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that prediction needs besides weights. Plain values: it is written as JSON."""

    architecture: str
    """Name in the registry of networks."""
    options: dict[str, Any]
    """What `create_model` was given."""
    bands: tuple[str, ...]
    """Names of the input's channels, in order; `band_1`, `band_2`, ... where the data had none."""
    classes: Classes
    """What output `i` means."""
    normalization: dict[str, Any] | None = None
    """`Normalization.to_dict()` of the training data; None feeds native values."""
    dtype: str = "float32"
    """numpy's name of the type the training data was stored in: a hint at its scale."""
    scaling: tuple[tuple[float, float], ...] | None = None
    """Scale and offset of each band of the training data: physical value = stored value * scale + offset.
    None where unknown."""
    gsd: float | None = None
    """Ground sample distance of the training data, in `gsd_unit`."""
    gsd_unit: str = "metre"
    chip_size_px: int | None = None
    """Side of the training chips: the context that the network has learned to use."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Accuracy on the data that chose the weights."""
    config: dict[str, Any] = field(default_factory=dict)
    """The as-run settings of the training."""
    version: str = ""
    """geoloom's version that wrote it."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain |= {"bands": list(self.bands), "classes": self.classes.to_dict()}
        return {"format": FORMAT, **plain}

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, where: str) -> ModelCard:
        """The card that `to_dict` wrote; keys of no meaning here are left out.

        Raises:
            ModelError: the format is a later one, a needed key is missing, or a value is of another kind;
                file and key are named.
        """
        card = JsonValue(values, where, ModelError, AGAIN)
        form = card.get("format")
        if form is not None and form.whole() > FORMAT:
            raise ModelError(
                f"{where} has format {form.value}; this geoloom reads up to {FORMAT}: upgrade geoloom"
            )
        needed = {"architecture", "options", "bands", "classes"}
        missing = sorted(needed - set(values))
        if missing:
            raise ModelError(
                f"{where} lacks {', '.join(missing)}; it isn't a whole model card, train again"
            )
        bands = card["bands"].texts(most=_MOST_BANDS)
        if not bands:
            raise card["bands"].refusal("the names of the bands, at least one")
        given = {key: value for key in _READERS if (value := card.get(key)) is not None}
        known = {key: _READERS[key](value) for key, value in given.items()}
        return cls(
            **known,
            bands=bands,
            classes=Classes.from_json(card["classes"]),
            normalization=_normalization(card.get("normalization"), len(bands)),
            scaling=_scaling(card.get("scaling"), len(bands)),
        )


def _normalization(values: JsonValue | None, bands: int) -> dict[str, Any] | None:
    """The plain values of a normalisation of so many bands; `per_image` fits nothing, and may be empty."""
    if values is None:
        return None
    center = values["center"].numbers()
    if center or values["kind"].text() != "per_image":
        values["center"].entries(bands)
    named = values.get("bands")
    return {
        "kind": values["kind"].text(),
        "center": list(center),
        "scale": list(values["scale"].numbers(len(center))),
        "bands": [] if named is None else list(named.texts()),
    }


def _scaling(values: JsonValue | None, bands: int) -> tuple[tuple[float, float], ...] | None:
    if values is None:
        return None
    pairs = [entry.numbers(2) for entry in values.entries(bands)]
    return tuple((scale, offset) for scale, offset in pairs)


def _positive(value: JsonValue) -> float:
    if not value.number() > 0:
        raise value.refusal("a number above 0")
    return value.number()


def _options(value: JsonValue) -> dict[str, Any]:
    for name, option in value.table().items():
        if not isinstance(option, str | int | float | bool | None):
            raise value[name].refusal("a number, a text, true or false")
    return value.table()


# How a value of a card is read, apart from those that need another.
_READERS: dict[str, Callable[[JsonValue], Any]] = {
    "architecture": JsonValue.text,
    "options": _options,
    "dtype": JsonValue.text,
    "gsd": _positive,
    "gsd_unit": JsonValue.text,
    "chip_size_px": lambda value: value.whole(1),
    "metrics": JsonValue.table,
    "config": JsonValue.table,
    "version": JsonValue.text,
}


def check_bands(card: ModelCard, header: Described) -> tuple[int, ...]:
    """Which bands of a file are the model's input, in the model's order.

    Bands are matched by name where both sides have names, else the counts must agree.

    Returns:
        Band numbers, 1-based as `geoloom.read(bands=...)` takes them.

    Raises:
        ModelError: names or counts do not match, or the file's values have another scale or offset than those
            that the model was trained on; the message lists both sides.
    """
    numbers = _find_bands(card, header)
    _check_scaling(card, header, numbers)
    _warn_of_scale(card, header)
    return numbers


def _find_bands(card: ModelCard, header: Described) -> tuple[int, ...]:
    names = tuple(header.descriptions)
    positions = {name: i for i, name in reversed(tuple(enumerate(names, start=1))) if name}
    if all(name in positions for name in card.bands):
        return tuple(positions[name] for name in card.bands)
    if _named(card.bands) and _named(names):
        missing = [name for name in card.bands if name not in positions]
        raise ModelError(
            f"{header.uri} lacks band {', '.join(missing)}: it holds {_list(names)}, the model reads "
            f"{_list(card.bands)}; give a file that has these, or set its band descriptions to these names"
        )
    numbers = tuple(header.data_bands)
    if len(numbers) != len(card.bands):
        raise ModelError(
            f"{header.uri} has {len(numbers)} bands ({_list(names)}), the model reads {len(card.bands)} "
            f"({_list(card.bands)}); give a file with those bands in that order, or set its band "
            "descriptions so that they can be found by name"
        )
    return numbers


def _check_scaling(card: ModelCard, header: Described, numbers: Sequence[int]) -> None:
    """Refuse values whose numbers mean something else than those that the network was fed."""
    if card.scaling is None or not header.scales:
        if card.version:
            logger.info(
                "scale and offset of %s are not declared: they are taken to be the same",
                "the model's training data" if card.scaling is None else header.uri,
            )
        return
    for name, number, trained in zip(card.bands, numbers, card.scaling, strict=True):
        given = header.scales[number - 1], header.offsets[number - 1]
        if not all(
            math.isclose(a, b, rel_tol=_SAME_SCALING, abs_tol=1e-12)
            for a, b in zip(given, trained, strict=True)
        ):
            raise ModelError(
                f"{header.uri} stores band {name} with scale {given[0]:g} and offset {given[1]:g}, the model "
                f"was trained on scale {trained[0]:g} and offset {trained[1]:g}: equal numbers mean other "
                "values; convert the scene to the training's scale, or correct its tags if they are wrong "
                "(gdal_edit.py -scale -offset)"
            )


def check_resolution(card: ModelCard, gsd: float, unit: str) -> None:
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


def _named(names: Sequence[str | None]) -> bool:
    """Whether the names say more than the order does (`band_1`, `2` and None do not)."""
    for position, name in enumerate(names, start=1):
        generic = _UNNAMED.match(name) if name else None
        if name and not (generic and int(generic[2]) == position):
            return True
    return False


def _list(names: Sequence[str | None]) -> str:
    return ", ".join(name or "(unnamed)" for name in names)


def _warn_of_scale(card: ModelCard, header: Described) -> None:
    dtype = header.dtypes[0] if header.dtypes else card.dtype
    if dtype == card.dtype:
        return
    kinds = {name.rstrip("0123456789") in ("float", "double") for name in (dtype, card.dtype)}
    if len(kinds) == 2 or "uint8" in (dtype, card.dtype):
        logger.warning(
            "the model was trained on %s values, %s holds %s: where their scales differ, the map is wrong",
            card.dtype,
            header.uri,
            dtype,
        )
