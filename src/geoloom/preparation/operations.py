"""What is done to the bands of a scene, block by block: small frozen operations, planned before any read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..core.errors import BandError, ConfigError
from ..transforms.indices import compute_index
from ..transforms.normalize import Normalization

Scalings = tuple[tuple[float, float], ...]
"""Scale and offset of each band: physical value = stored value * scale + offset."""

UNSCALED = (1.0, 0.0)

Units = tuple[str | None, ...]
"""Of each band's physical values; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Block:
    """One window of a stack of bands on its way."""

    stored: np.ndarray
    """(C0, h, w), the raster's own bands as stored."""
    image: np.ndarray
    """(C, h, w), the stack so far."""
    valid: np.ndarray
    """(h, w) bool, True = observed, and every index so far has a value."""


class Operation(Protocol):
    """One change of the stack."""

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the stack afterwards."""
        ...

    def scalings(self, scalings: Scalings) -> Scalings:
        """Scale and offset of each band of the stack afterwards."""
        ...

    def units(self, units: Units) -> Units:
        """Unit of each band of the stack afterwards."""
        ...

    def __call__(self, block: Block) -> Block:
        """The block afterwards."""
        ...


CustomIndex = Callable[[np.ma.MaskedArray, Mapping[str, Any]], np.ndarray]
"""A function of the raster (H, W, B), masked where not observed, and of its params, to (H, W)."""


@dataclass(frozen=True, slots=True)
class AddIndex:
    """Append a spectral index, computed from the raster's own bands, whatever was planned before."""

    name: str
    positions: Mapping[str, int] = field(hash=False)
    """Position of each band that the formula needs among the raster's own, 0-based."""
    factor: float | None = None
    """What reflectance 1 is stored as; indices of reflectance need it for whole numbers."""
    scaling: Mapping[str, tuple[float, float]] | None = field(default=None, hash=False)
    """Scale and offset of each of the bands, as the file declares; None where values are as they are."""

    @classmethod
    def of(
        cls,
        name: str,
        positions: Mapping[str, int],
        scalings: Scalings,
        *,
        factor: float | None = None,
    ) -> AddIndex:
        """The index of a raster, whose declared scale and offset are applied.

        Args:
            name: Of a known index.
            positions: Position of each band that the index needs, 0-based.
            scalings: Scale and offset of each of the raster's bands; (1, 0) where it declares none.
            factor: What reflectance 1 is stored as, where the raster does not say.

        Raises:
            BandError: a position is outside the raster's bands.
            ConfigError: a factor is given for bands whose scale the file declares.

        Example:
            >>> AddIndex.of("ndvi", {"red": 3, "nir": 4}, ((1.0, 0.0),) * 6).scaling is None
            True
        """
        for band, position in positions.items():
            if not 0 <= position < len(scalings):
                raise BandError(
                    f"index {name!r}: its {band} band is given as {position}, but the raster has bands 0 to "
                    f"{len(scalings) - 1} (counted from 0)"
                )
        own = {band: scalings[position] for band, position in positions.items()}
        if all(pair == UNSCALED for pair in own.values()):
            return cls(name, positions, factor)
        if factor not in (None, 1.0):
            declared = ", ".join(f"{band}: {s:g}, {o:g}" for band, (s, o) in own.items())
            raise ConfigError(
                f"index {name!r}: factor is {factor:g}, but the raster declares its bands' scale and offset "
                f"itself ({declared}); leave factor out"
            )
        return cls(name, positions, scaling=own)

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """The stack and the index."""
        return (*bands, self.name)

    def scalings(self, scalings: Scalings) -> Scalings:
        """The index is physical."""
        return (*scalings, UNSCALED)

    def units(self, units: Units) -> Units:
        """That of a spectral index."""
        return (*units, "index")

    def __call__(self, block: Block) -> Block:
        """The block with the index; pixels where it has no value become not valid."""
        image, positions = block.stored, self.positions
        if self.scaling is not None:
            image, positions = self._physical(image, self.scaling)
        values = compute_index(self.name, image, positions, factor=self.factor)
        return _appended(block, values[0])

    def _physical(
        self, stored: np.ndarray, scaling: Mapping[str, tuple[float, float]]
    ) -> tuple[np.ndarray, dict[str, int]]:
        """The index's bands alone, scaled, and their positions."""
        planes = [
            stored[at] * scaling[band][0] + scaling[band][1] for band, at in self.positions.items()
        ]
        return np.stack(planes), {band: i for i, band in enumerate(self.positions)}


@dataclass(frozen=True, slots=True)
class AddCustomIndex:
    """Append an index that a function of the whole raster gives."""

    name: str
    function: CustomIndex
    params: Mapping[str, Any] = field(hash=False)

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """The stack and the index."""
        return (*bands, self.name)

    def scalings(self, scalings: Scalings) -> Scalings:
        """The index is physical."""
        return (*scalings, UNSCALED)

    def units(self, units: Units) -> Units:
        """What a function gives, only its author knows."""
        return (*units, None)

    def __call__(self, block: Block) -> Block:
        """The block with the index; pixels where it has no value become not valid."""
        hidden = np.broadcast_to(~block.valid[..., None], (*block.valid.shape, len(block.stored)))
        raster = np.ma.MaskedArray(np.moveaxis(block.stored, 0, -1), mask=hidden)
        with np.errstate(divide="ignore", invalid="ignore"):
            index = self.function(raster, self.params)
        values = np.asarray(np.ma.filled(np.ma.asarray(index, np.float32), np.nan), np.float32)
        if values.shape != block.valid.shape:
            raise BandError(
                f"index {self.name!r} gave an array of {values.shape} for a raster of {block.valid.shape}"
            )
        return _appended(block, np.where(np.isfinite(values), values, np.float32(np.nan)))


@dataclass(frozen=True, slots=True)
class Normalize:
    """Normalise every band of the stack."""

    rule: Normalization

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Unchanged."""
        return bands

    def scalings(self, scalings: Scalings) -> Scalings:
        """None: values are the rule's."""
        return (UNSCALED,) * len(scalings)

    def units(self, units: Units) -> Units:
        """None, for the same reason."""
        return (None,) * len(units)

    def __call__(self, block: Block) -> Block:
        """The block, normalised."""
        return Block(block.stored, self.rule.apply(block.image, block.valid), block.valid)


@dataclass(frozen=True, slots=True)
class DropBands:
    """Leave bands out of the stack."""

    positions: tuple[int, ...]
    """0-based, in the stack so far."""

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Those that stay."""
        return tuple(band for i, band in enumerate(bands) if i not in self.positions)

    def scalings(self, scalings: Scalings) -> Scalings:
        """Those of the bands that stay."""
        return tuple(pair for i, pair in enumerate(scalings) if i not in self.positions)

    def units(self, units: Units) -> Units:
        """Those of the bands that stay."""
        return tuple(unit for i, unit in enumerate(units) if i not in self.positions)

    def __call__(self, block: Block) -> Block:
        """The block without the bands."""
        kept = [i for i in range(len(block.image)) if i not in self.positions]
        return Block(block.stored, block.image[kept], block.valid)


def _appended(block: Block, values: np.ndarray) -> Block:
    image = block.image.astype(np.float32, copy=False)
    known = ~np.isnan(values)
    return Block(
        block.stored,
        np.concatenate([image, np.where(known, values, 0)[None].astype(np.float32)]),
        block.valid & known,
    )
