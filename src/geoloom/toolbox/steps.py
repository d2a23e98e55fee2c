"""What a preprocessor does to each block: small frozen steps, so that a plan can be made before any read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..core.errors import BandError, ConfigError, suggest
from ..transforms.indices import compute_index, get_index, list_indices
from ..transforms.normalize import Normalization
from .params import check_keys

Scalings = tuple[tuple[float, float], ...]
"""Scale and offset of each band: physical value = stored value * scale + offset."""

AS_IT_IS = (1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Block:
    """One window of the stack on its way."""

    stored: np.ndarray
    """(C0, h, w), the raster's own bands as stored."""
    image: np.ndarray
    """(C, h, w), the stack so far."""
    valid: np.ndarray
    """(h, w) bool, True = observed, and every index so far has a value."""


class Step(Protocol):
    """One operation on the stack."""

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the stack after the step."""
        ...

    def scalings(self, scalings: Scalings) -> Scalings:
        """Scale and offset of each band of the stack after the step."""
        ...

    def __call__(self, block: Block) -> Block:
        """The block after the step."""
        ...


CustomIndex = Callable[[np.ma.MaskedArray, Mapping[str, Any]], np.ndarray]
"""A function of the raster (H, W, B), masked where not observed, and of its params, to (H, W)."""


@dataclass(frozen=True, slots=True)
class AddIndex:
    """Append a spectral index, computed from the raster's own bands, whatever was planned before."""

    name: str
    positions: Mapping[str, int] = field(hash=False)
    factor: float = 1.0
    scaling: Mapping[str, tuple[float, float]] | None = field(default=None, hash=False)
    """Scale and offset of each of the bands, as the file tells them; None where values are as they are."""

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """The stack and the index."""
        return (*bands, self.name)

    def scalings(self, scalings: Scalings) -> Scalings:
        """The index is physical."""
        return (*scalings, AS_IT_IS)

    def __call__(self, block: Block) -> Block:
        """The block with the index; pixels where it has no value become not valid."""
        image, positions = block.stored, self.positions
        if self.scaling is not None:
            image, positions = self._physical(image)
        values = compute_index(self.name, image, positions, factor=self.factor)
        return _appended(block, values[0])

    def _physical(self, stored: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """The index's bands alone, scaled, and their positions."""
        assert self.scaling is not None  # the caller has looked
        planes = [
            stored[at] * self.scaling[b][0] + self.scaling[b][1] for b, at in self.positions.items()
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
        return (*scalings, AS_IT_IS)

    def __call__(self, block: Block) -> Block:
        """The block with the index; pixels where it has no value become not valid."""
        hidden = np.broadcast_to(~block.valid[..., None], (*block.valid.shape, len(block.stored)))
        raster = np.ma.MaskedArray(np.moveaxis(block.stored, 0, -1), mask=hidden)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.function(raster, self.params)
        values = np.asarray(np.ma.filled(np.ma.asarray(found, np.float32), np.nan), np.float32)
        if values.shape != block.valid.shape:
            raise BandError(
                f"index {self.name!r} gave an array of {values.shape} for a raster of {block.valid.shape}"
            )
        return _appended(block, np.where(np.isfinite(values), values, np.float32(np.nan)))


@dataclass(frozen=True, slots=True)
class Standardise:
    """Normalise every band of the stack."""

    rule: Normalization

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Unchanged."""
        return bands

    def scalings(self, scalings: Scalings) -> Scalings:
        """None: values are the rule's."""
        return (AS_IT_IS,) * len(scalings)

    def __call__(self, block: Block) -> Block:
        """The block, normalised."""
        return Block(block.stored, self.rule.apply(block.image, block.valid), block.valid)


@dataclass(frozen=True, slots=True)
class RemoveBands:
    """Leave bands out of the stack."""

    positions: tuple[int, ...]

    def bands(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Those that stay."""
        return tuple(band for i, band in enumerate(bands) if i not in self.positions)

    def scalings(self, scalings: Scalings) -> Scalings:
        """Those of the bands that stay."""
        return tuple(pair for i, pair in enumerate(scalings) if i not in self.positions)

    def __call__(self, block: Block) -> Block:
        """The block without the bands."""
        kept = [i for i in range(len(block.image)) if i not in self.positions]
        return Block(block.stored, block.image[kept], block.valid)


def index_step(
    name: str,
    params: Mapping[str, Any],
    scalings: Sequence[tuple[float, float]],
    others: Sequence[str] = (),
) -> AddIndex:
    """The step of an index as the paper's params ask for it.

    Args:
        name: Of a known index.
        params: `idx_b_<band>` positions, 0-based, and `factor`.
        scalings: Scale and offset of each of the raster's bands; (1, 0) where it tells none.
        others: Names that the caller knows besides, for the message.

    Raises:
        ConfigError: the name or a key is unknown, a position is missing, or a factor is given for bands of
            which the file tells the scale.
        BandError: a position is outside the raster's bands.

    Example:
        >>> index_step("ndvi", {"idx_b_red": 3, "idx_b_nir": 4}, [(1.0, 0.0)] * 6).positions
        {'red': 3, 'nir': 4}
    """
    if name not in list_indices():
        raise ConfigError(f"unknown index {name!r}{suggest(name, (*list_indices(), *others))}")
    index = get_index(name)
    keys = {f"idx_b_{band}": band for band in index.bands}
    given = check_keys(params, (*keys, "factor"), where=f"index {name!r}")
    missing = [key for key in keys if key not in given]
    if missing:
        raise ConfigError(f"index {name!r} needs {', '.join(missing)}: band positions from 0")
    positions = {band: int(given[key]) for key, band in keys.items()}
    for band, position in positions.items():
        if not 0 <= position < len(scalings):
            raise BandError(
                f"index {name!r}: idx_b_{band} is {position}, but the raster has bands 0 to "
                f"{len(scalings) - 1} (counted from 0)"
            )
    factor = float(given.get("factor", 1.0))
    own = {band: scalings[position] for band, position in positions.items()}
    if all(pair == AS_IT_IS for pair in own.values()):
        return AddIndex(name, positions, factor)
    if factor != 1.0:
        raise ConfigError(
            f"index {name!r}: factor is {factor:g}, but the raster tells its bands' scale and offset itself "
            f"({', '.join(f'{band}: {s:g}, {o:g}' for band, (s, o) in own.items())}); leave factor out"
        )
    return AddIndex(name, positions, scaling=own)


def _appended(block: Block, values: np.ndarray) -> Block:
    image = block.image.astype(np.float32, copy=False)
    known = ~np.isnan(values)
    return Block(
        block.stored,
        np.concatenate([image, np.where(known, values, 0)[None].astype(np.float32)]),
        block.valid & known,
    )


def filled(image: np.ndarray, valid: np.ndarray, nodata: float | None) -> np.ndarray:
    """The image with nodata where not valid; a valid float that equals it by chance moves by one bit."""
    if nodata is None:
        return image
    fill = np.asarray(nodata).astype(image.dtype)
    if image.dtype.kind == "f" and not np.isnan(fill):
        image = np.where(image == fill, np.nextafter(fill, np.asarray(np.inf, image.dtype)), image)
    return np.where(valid, image, fill)
