"""Which bands of a file or store are a model's input, and how their numbers become those of the training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.bands import Band, Conversion, band_conversions, parse_unit
from ..core.errors import BandError, ModelError
from ..io.headers.header import Header
from ..io.headers.scan import own_bands
from .card import ModelCard

if TYPE_CHECKING:
    from torch import Tensor

_UNNAMED = re.compile(r"^(band)?[ _-]?(\d+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceBands:
    """What a file or a chip store holds."""

    uri: str
    """For messages."""
    bands: tuple[Band, ...]
    """Of the stored numbers: all bands that measure something."""
    numbers: tuple[int, ...]
    """Of these bands, counted from 1 as their reader counts."""
    dtypes: tuple[str, ...]
    """numpy's name of each of these bands' types."""

    @classmethod
    def of_file(cls, header: Header) -> SourceBands:
        """As a raster file tells of them by itself."""
        numbers = header.data_bands
        dtypes = tuple(header.dtypes[number - 1] for number in numbers)
        return cls(header.uri, own_bands(header), numbers, dtypes)

    @property
    def names(self) -> tuple[str, ...]:
        """Of these bands."""
        return tuple(band.name for band in self.bands)


@dataclass(frozen=True, slots=True)
class FedBands:
    """The bands of a network that geoloom did not train, and the numbers that someone says it takes."""

    bands: tuple[Band, ...]
    """In the network's order; with the unit of the numbers that it takes, None where nobody says it. A name
    that is a number is that of a band of the scene, from 1."""
    scaling: tuple[tuple[float, float], ...] | None
    """Of each band's stored numbers, scale and offset, instead of what the scene says; None where it says."""

    def positions(self, source: SourceBands) -> tuple[int, ...]:
        """Of the bands in a source, 0-based.

        Raises:
            ModelError: they are not there, or nothing tells which they are; the message lists both sides.
        """
        names = [band.name for band in self.bands]
        if not all(name.isdecimal() for name in names):
            return _find(self.bands, source)
        if missing := [name for name in names if int(name) not in source.numbers]:
            raise ModelError(
                f"{source.uri} has no band number {', '.join(missing)}; it holds {len(source.numbers)} "
                f"bands: {', '.join(map(str, source.numbers))}"
            )
        return tuple(source.numbers.index(int(name)) for name in names)

    def conversions(
        self, given: Sequence[Band], source: SourceBands, unit: str | Sequence[str] | None
    ) -> tuple[Conversion, ...]:
        """How stored numbers become those that the network takes.

        Args:
            given: The bands as they are stored, in the network's order.
            source: What holds them.
            unit: As of `find_input`.

        Raises:
            BandError: units do not match, or one is not known.
        """
        own = [
            replace(band, unit=name) for band, name in zip(given, _units(unit, given), strict=True)
        ]
        if self.scaling is not None:
            own = [
                replace(band, scale=scale, offset=offset)
                for band, (scale, offset) in zip(own, self.scaling, strict=True)
            ]
        if all(band.unit is not None for band in self.bands):
            return band_conversions(own, self.bands, where=source.uri, same_dtype=False)
        if unit is not None:
            raise BandError(
                f"unit is {unit!r}, but nothing says which unit the network takes; state model_unit "
                "(--model-unit), or leave the unit out"
            )
        return tuple(Conversion(band.scale, band.offset, 1.0, 0.0) for band in own)


@dataclass(frozen=True, slots=True)
class InputBands:
    """A model's bands in a source, in the model's order."""

    numbers: tuple[int, ...]
    """Counted from 1, as `geoloom.read(bands=...)` takes them."""
    conversions: tuple[Conversion, ...] = ()
    """Of each band's stored numbers into those that the model was trained on; empty where none changes."""

    def convert(self, image: Tensor) -> Tensor:
        """Stored numbers as those that the model was trained on.

        Args:
            image: float32 (B, C, H, W), or (B, T, C, H, W), in the order of `numbers`.

        Returns:
            The same where nothing changes, else a new tensor.
        """
        if not self.conversions:
            return image
        import torch

        bands = zip(self.conversions, image.unbind(-3), strict=True)
        return torch.stack([conversion(band) for conversion, band in bands], dim=-3)


def find_input(
    model: ModelCard | FedBands | Sequence[str],
    source: SourceBands,
    unit: str | Sequence[str] | None = None,
) -> InputBands:
    """The bands of a source that are a model's input.

    Bands are matched by name where both sides have names, else by what they measure where both know that of
    every band, else their numbers must agree. Values of the same unit that are stored with another scale or
    offset are converted; units are never guessed.

    Args:
        model: The model's card, or how it is fed; or, of a predictor without either, the names of its bands,
            none for all. Nothing is known of its units then, and numbers are taken as they are.
        source: A file or a chip store.
        unit: What the source's numbers are, instead of what it says: one for all bands, or one for each band
            of the model, in its order, as a list or separated by commas; `none` for unknown.

    Raises:
        ModelError: bands do not match, or measure something else than those that the model was trained on;
            the message lists both sides.
    """
    if not isinstance(model, ModelCard | FedBands):
        if unit is not None:
            raise ModelError(
                f"unit is {unit!r}, but nothing says in which unit the model was trained; leave it out"
            )
        names = [Band.named(name) for name in model]
        return InputBands(
            tuple(source.numbers[i] for i in _find(names, source)) if names else source.numbers
        )
    positions = (
        model.positions(source) if isinstance(model, FedBands) else _find(model.bands, source)
    )
    given = [source.bands[i] for i in positions]
    types = {source.dtypes[i] for i in positions}
    try:
        if isinstance(model, FedBands):
            conversions = model.conversions(given, source, unit)
        else:
            units = _units(unit, given)
            given = [replace(band, unit=name) for band, name in zip(given, units, strict=True)]
            conversions = band_conversions(
                given, model.bands, where=source.uri, same_dtype=types == {model.dtype}
            )
    except BandError as error:
        raise ModelError(str(error)) from error
    changes = any(conversion.changes for conversion in conversions)
    return InputBands(tuple(source.numbers[i] for i in positions), conversions if changes else ())


def _units(given: str | Sequence[str] | None, bands: Sequence[Band]) -> Iterator[Any]:
    """The unit of each band: as given, or its own."""
    if given is None:
        return (band.unit for band in bands)
    names, count = given.split(",") if isinstance(given, str) else list(given), len(bands)
    if len(names) not in (1, count):
        raise BandError(
            f"{len(names)} units are given ({', '.join(names)}) and the model reads {count} bands; give one "
            "for all, or one each"
        )
    return (parse_unit(name) for name in (names * count if len(names) == 1 else names))


def _find(bands: Sequence[Band], source: SourceBands) -> tuple[int, ...]:
    """Positions in the source's bands, 0-based."""
    wanted, found = tuple(band.name for band in bands), source.names
    if all(name in found for name in wanted):
        return tuple(found.index(name) for name in wanted)
    by_role = _by_role(bands, source.bands)
    if by_role is not None:
        return by_role
    as_named = " ".join(f"--name {number}={name}" for number, name in enumerate(wanted, 1))
    naming = f"name its bands, in whichever order they are: geoloom prepare SCENE OUT {as_named}"
    if _named(wanted, range(1, len(wanted) + 1)) and _named(found, source.numbers):
        missing = [name for name in wanted if name not in found]
        raise ModelError(
            f"{source.uri} lacks band {', '.join(missing)}: it holds {', '.join(found)}, the model reads "
            f"{', '.join(wanted)}; give a file that has these, or {naming}"
        )
    if len(found) != len(wanted):
        raise ModelError(
            f"{source.uri} has {len(found)} bands ({', '.join(found)}), the model reads {len(wanted)} "
            f"({', '.join(wanted)}); give a file with those bands in that order, or {naming}"
        )
    return tuple(range(len(found)))


def _by_role(wanted: Sequence[Band], found: Sequence[Band]) -> tuple[int, ...] | None:
    """Positions of the bands that measure the same; None where that does not tell."""
    roles, known = [band.role for band in wanted], [band.role for band in found]
    vague = {"other", "qa", "class"}
    clear = not vague & set(roles) and len(set(roles)) == len(roles)
    if not clear or any(known.count(role) != 1 for role in roles):
        return None
    return tuple(known.index(role) for role in roles)


def _named(names: Sequence[str], numbers: Sequence[int]) -> bool:
    """Whether names say more than the bands' numbers do (`band_1` and `2` do not)."""
    matches = ((_UNNAMED.match(name), number) for name, number in zip(names, numbers, strict=True))
    return any(match is None or int(match[2]) != number for match, number in matches)
