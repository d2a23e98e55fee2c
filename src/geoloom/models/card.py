"""What a trained network knows about its input and output, and whether a scene fits."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from ..core.classes import Classes
from ..core.errors import ModelError

logger = logging.getLogger(__name__)

FORMAT = 1
"""Version of model.json; a reader refuses later ones."""

_UNNAMED = re.compile(r"^(band)?[ _-]?(\d+)$", re.IGNORECASE)
_SAME_RESOLUTION = 1.5


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
            ModelError: the format is a later one, or a needed key is missing; `where` is named.
        """
        if values.get("format", 0) > FORMAT:
            raise ModelError(
                f"{where} has format {values['format']}; this geoloom reads up to {FORMAT}: upgrade geoloom"
            )
        needed = {"architecture", "options", "bands", "classes"}
        missing = sorted(needed - set(values))
        if missing:
            raise ModelError(
                f"{where} lacks {', '.join(missing)}; it isn't a whole model card, train again"
            )
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        known |= {"bands": tuple(values["bands"]), "classes": Classes.from_dict(values["classes"])}
        return cls(**known)


def check_bands(card: ModelCard, header: Described) -> tuple[int, ...]:
    """Which bands of a file are the model's input, in the model's order.

    Bands are matched by name where both sides have names, else the counts must agree.

    Returns:
        Band numbers, 1-based as `geoloom.read(bands=...)` takes them.

    Raises:
        ModelError: names or counts do not match; the message lists both sides.
    """
    found = tuple(header.descriptions)
    positions = {name: i for i, name in reversed(tuple(enumerate(found, start=1))) if name}
    if all(name in positions for name in card.bands):
        _warn_of_scale(card, header)
        return tuple(positions[name] for name in card.bands)
    if _named(card.bands) and _named(found):
        missing = [name for name in card.bands if name not in positions]
        raise ModelError(
            f"{header.uri} lacks band {', '.join(missing)}: it holds {_list(found)}, the model reads "
            f"{_list(card.bands)}; give a file that has these, or set its band descriptions to these names"
        )
    numbers = tuple(header.data_bands)
    if len(numbers) != len(card.bands):
        raise ModelError(
            f"{header.uri} has {len(numbers)} bands ({_list(found)}), the model reads {len(card.bands)} "
            f"({_list(card.bands)}); give a file with those bands in that order, or set its band "
            "descriptions so that they can be found by name"
        )
    _warn_of_scale(card, header)
    return numbers


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
    found = header.dtypes[0] if header.dtypes else card.dtype
    if found == card.dtype:
        return
    kinds = {name.rstrip("0123456789") in ("float", "double") for name in (found, card.dtype)}
    if len(kinds) == 2 or "uint8" in (found, card.dtype):
        logger.warning(
            "the model was trained on %s values, %s holds %s: where their scales differ, the map is wrong",
            card.dtype,
            header.uri,
            found,
        )
