"""Spectral indices: one float band from several reflectance bands, on numpy arrays or torch tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import BandError, ConfigError
from ..core.registry import Registry
from .index_table import TABLE, Array, IndexFunction, SpectralIndex, Wants
from .more_indices import from_catalogue
from .spatial import with_known

INDICES: Registry[SpectralIndex] = Registry("index", {index.name: index for index in TABLE})


def register_index(
    name: str, function: IndexFunction, bands: tuple[str, ...], *, wants: Wants = "ratio"
) -> SpectralIndex:
    """Make an index known by name; a name that exists is replaced.

    Args:
        name: What users will call it.
        function: Takes one float32 array a band, in the order of `bands`, numpy or torch; pixels where
            it gives no finite number become not valid.
        bands: What each argument measures, such as `("green", "nir")`.
        wants: `reflectance` where the formula holds constants in it: whole numbers without `factor` are then
            refused.

    Raises:
        ConfigError: no band is named, or one is named twice.

    Example:
        >>> register_index("ratio", lambda red, nir: nir / red, ("red", "nir")).name
        'ratio'
    """
    if not bands or len(set(bands)) != len(bands):
        raise ConfigError(f"index {name!r} needs distinct band names; found {bands}")
    index = SpectralIndex(name, function, tuple(bands), wants)
    INDICES.register(name, index, overwrite=True)
    return index


def list_indices() -> tuple[str, ...]:
    """Names of the indices known now, sorted."""
    return INDICES.list()


def get_index(name: str) -> SpectralIndex:
    """The index of that name: ours or a registered one, in any case; else of the catalogue of spyndex.

    Raises:
        ConfigError: there is none; the message names the nearest, and the extra `indices` where that is not
            installed.
    """
    for own in (name, name.lower()):
        if own in INDICES:
            return INDICES.get(own)
    return from_catalogue(name, INDICES.list())


def compute_index(
    name: str, image: Array, positions: Mapping[str, int], *, factor: float | None = None
) -> Array:
    """One index of an image, whatever array library holds it.

    Args:
        name: As of `get_index`.
        image: (..., C, H, W), any numeric dtype. Surface reflectance 0..1 once divided by `factor`.
        positions: Channel of each band that the formula needs, 0-based, as `{"red": 3, "nir": 4}`.
        factor: What one unit of reflectance is stored as: 10000 for the usual scaled integers. Indices that
            hold constants in reflectance (EVI, SAVI, tasselled caps) give wrong values with a wrong factor,
            not only scaled ones; so these take whole numbers with a factor alone. None: 1.

    Returns:
        float32 (..., 1, H, W); NaN where the formula has no value, such as a denominator of 0.

    Raises:
        BandError: a needed band has no position, or one outside the channels.
        ConfigError: the index is unknown, the factor is not positive, or an index of reflectance is asked of
            whole numbers without one.

    Example:
        >>> image = np.array([1.0, 3.0]).reshape(2, 1, 1)
        >>> compute_index("ndvi", image, {"red": 0, "nir": 1}).item()
        0.5
    """
    return apply_index(get_index(name), image, positions, factor=factor)


def apply_index(
    index: SpectralIndex, image: Array, positions: Mapping[str, int], *, factor: float | None = None
) -> Array:
    """As `compute_index`, of an index at hand."""
    _check(index, image.shape, positions)
    if factor is not None and not factor > 0:
        raise ConfigError(f"index {index.name!r}: factor must be above 0; found {factor}")
    if factor is None and index.wants != "ratio" and not _floating(image):
        raise ConfigError(
            f"index {index.name!r} is of {_WANTED[index.wants]}, and the image holds whole numbers "
            f"({image.dtype}): give factor, what 1 is stored as, such as 10000"
        )
    bands = [_float32(image[..., positions[band], :, :]) / (factor or 1.0) for band in index.bands]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = index.function(*bands)
    return _nan_where_infinite(values)[..., None, :, :]


_WANTED = {"reflectance": "reflectance 0..1", "linear": "backscatter as a ratio of powers"}


@dataclass(frozen=True, slots=True)
class AppendIndex:
    """Sample transform: one more channel, the index; pixels where it has no value become not valid.

    The image becomes float32. Not-valid pixels of the new channel hold 0, so that no NaN reaches a network.
    In a series the index is each date's own: a date without it does not observe the pixel (`valid_series`),
    and a pixel is valid where the index has a value at every date that observed it.

    Example:
        >>> sample = {"image": np.ones((2, 1, 1)), "valid": np.ones((1, 1), bool)}
        >>> AppendIndex("ndvi", {"red": 0, "nir": 1})(sample)["image"].shape
        (3, 1, 1)
    """

    name: str
    positions: Mapping[str, int] = field(hash=False)
    """Channel of each band that the formula needs, 0-based."""
    factor: float | None = None
    """What reflectance 1 is stored as; indices of reflectance need it for whole numbers."""

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample with the index appended to `image`; the one given stays as it is."""
        image = sample["image"]
        values = compute_index(self.name, image, self.positions, factor=self.factor)
        known = values[..., 0, :, :] == values[..., 0, :, :]
        out = {**sample, "image": join_bands([_float32(image), _zero_nan(values)])}
        return with_known(out, known)


def _check(index: SpectralIndex, shape: tuple[int, ...], positions: Mapping[str, int]) -> None:
    channels = shape[-3]
    for band in index.bands:
        if band not in positions:
            raise BandError(
                f"index {index.name!r} needs the bands {', '.join(index.bands)}; "
                f"no position is given for {band!r}"
            )
        if not 0 <= positions[band] < channels:
            raise BandError(
                f"index {index.name!r}: {band} is at position {positions[band]}, but the image has "
                f"{channels} channels, counted from 0"
            )


def _floating(image: Array) -> bool:
    if isinstance(image, np.ndarray):
        return bool(np.issubdtype(image.dtype, np.floating))
    return bool(image.is_floating_point())


def _float32(array: Array) -> Array:
    return array.astype(np.float32) if isinstance(array, np.ndarray) else array.float()


def _nan_where_infinite(values: Array) -> Array:
    if isinstance(values, np.ndarray):
        return np.where(np.isfinite(values), values, np.float32(np.nan)).astype(np.float32)
    import torch

    return torch.where(torch.isfinite(values), values, torch.nan).float()


def _zero_nan(values: Array) -> Array:
    if isinstance(values, np.ndarray):
        return np.nan_to_num(values, nan=0.0)
    import torch

    return torch.nan_to_num(values, nan=0.0)


def join_bands(parts: Sequence[Array]) -> Array:
    """Images (..., C, H, W) of one library as one, channel after channel."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=-3)
    import torch

    return torch.cat(list(parts), dim=-3)
