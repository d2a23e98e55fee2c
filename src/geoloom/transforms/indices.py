"""Spectral indices: one float band from several reflectance bands, on numpy arrays or torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import BandError, ConfigError
from ..core.registry import Registry

Array = Any
"""A numpy array or a torch tensor; what comes in decides what comes out."""

IndexFunction = Callable[..., Array]


@dataclass(frozen=True, slots=True)
class SpectralIndex:
    """A named formula over bands that are identified by what they measure."""

    name: str
    function: IndexFunction
    """Takes one float32 array (..., H, W) a band, in the order of `bands`; returns the same shape."""
    bands: tuple[str, ...]
    """What the formula needs, such as `("red", "nir")`."""


def _ndvi(red: Array, nir: Array) -> Array:
    return (nir - red) / (nir + red)


def _evi(red: Array, nir: Array, blue: Array) -> Array:
    return 2.5 * (nir - red) / (nir + 6.0 * red - 7.5 * blue + 1.0)


def _evi2(red: Array, nir: Array) -> Array:
    return 2.5 * (nir - red) / (nir + 2.4 * red + 1.0)


INDICES: Registry[SpectralIndex] = Registry(
    "index",
    {
        index.name: index
        for index in (
            SpectralIndex("ndvi", _ndvi, ("red", "nir")),
            SpectralIndex("evi", _evi, ("red", "nir", "blue")),
            SpectralIndex("evi2", _evi2, ("red", "nir")),
        )
    },
)


def register_index(name: str, function: IndexFunction, bands: tuple[str, ...]) -> SpectralIndex:
    """Make an index known by name; a name that exists is replaced.

    Args:
        name: What users will call it.
        function: Takes one float32 array a band, in the order of `bands`, numpy or torch; pixels where
            it gives no finite number become not valid.
        bands: What each argument measures, such as `("green", "nir")`.

    Raises:
        ConfigError: no band is named, or one is named twice.

    Example:
        >>> ndwi = lambda green, nir: (green - nir) / (green + nir)
        >>> register_index("ndwi", ndwi, ("green", "nir")).name
        'ndwi'
    """
    if not bands or len(set(bands)) != len(bands):
        raise ConfigError(f"index {name!r} needs distinct band names; found {bands}")
    index = SpectralIndex(name, function, tuple(bands))
    INDICES.register(name, index, overwrite=True)
    return index


def list_indices() -> tuple[str, ...]:
    """Names of the indices known now, sorted."""
    return INDICES.list()


def get_index(name: str) -> SpectralIndex:
    """The index of that name.

    Raises:
        ConfigError: there is none; the message names the nearest.
    """
    return INDICES.get(name)


def compute_index(
    name: str, image: Array, positions: Mapping[str, int], *, factor: float = 1.0
) -> Array:
    """One index of an image, whatever array library holds it.

    Args:
        name: `ndvi`, `evi`, `evi2` or a registered name.
        image: (..., C, H, W), any numeric dtype. Surface reflectance 0..1 once divided by `factor`.
        positions: Channel of each band that the formula needs, 0-based, as `{"red": 3, "nir": 4}`.
        factor: What one unit of reflectance is stored as: 10000 for the usual scaled integers. EVI and
            EVI2 hold constants in reflectance, so a wrong factor gives wrong values, not only scaled ones.

    Returns:
        float32 (..., 1, H, W); NaN where the formula has no value, such as a denominator of 0.

    Raises:
        BandError: a needed band has no position, or one outside the channels.
        ConfigError: the index is unknown, or the factor is not positive.

    Example:
        >>> image = np.array([1.0, 3.0]).reshape(2, 1, 1)
        >>> compute_index("ndvi", image, {"red": 0, "nir": 1}).item()
        0.5
    """
    index = get_index(name)
    _check(index, image.shape, positions)
    if not factor > 0:
        raise ConfigError(f"index {name!r}: factor must be above 0; found {factor}")
    bands = [_float32(image[..., positions[band], :, :]) / factor for band in index.bands]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = index.function(*bands)
    return _nan_where_infinite(values)[..., None, :, :]


def ndvi(image: Array, *, red: int, nir: int) -> Array:
    """Normalised difference vegetation index, (nir - red) / (nir + red).

    Args:
        image: (..., C, H, W), any scale that both bands share.
        red, nir: Channel positions, 0-based.

    Returns:
        float32 (..., 1, H, W), in [-1, 1] for reflectance; NaN where nir + red is 0.

    Raises:
        BandError: a position is outside the channels.

    Source:
        Rouse et al. 1974, Monitoring vegetation systems in the Great Plains with ERTS.

    Example:
        >>> ndvi(np.array([1.0, 3.0]).reshape(2, 1, 1), red=0, nir=1).item()
        0.5
    """
    return compute_index("ndvi", image, {"red": red, "nir": nir})


def evi(image: Array, *, red: int, nir: int, blue: int, factor: float = 1.0) -> Array:
    """Enhanced vegetation index, 2.5 (nir - red) / (nir + 6 red - 7.5 blue + 1), on reflectance.

    Args:
        image: (..., C, H, W).
        red, nir, blue: Channel positions, 0-based.
        factor: Stored value of reflectance 1, such as 10000.

    Returns:
        float32 (..., 1, H, W); NaN where the denominator is 0.

    Raises:
        BandError: a position is outside the channels.

    Source:
        Huete et al. 2002, doi:10.1016/S0034-4257(02)00096-2.

    Example:
        >>> image = np.array([0.04, 0.09, 0.49]).reshape(3, 1, 1)
        >>> round(evi(image, red=1, nir=2, blue=0).item(), 4)
        0.578
    """
    return compute_index("evi", image, {"red": red, "nir": nir, "blue": blue}, factor=factor)


def evi2(image: Array, *, red: int, nir: int, factor: float = 1.0) -> Array:
    """Two-band enhanced vegetation index, 2.5 (nir - red) / (nir + 2.4 red + 1), on reflectance.

    Args:
        image: (..., C, H, W).
        red, nir: Channel positions, 0-based.
        factor: Stored value of reflectance 1, such as 10000.

    Returns:
        float32 (..., 1, H, W); NaN where the denominator is 0.

    Raises:
        BandError: a position is outside the channels.

    Source:
        Jiang et al. 2008, doi:10.1016/j.rse.2008.06.006.

    Example:
        >>> round(evi2(np.array([0.1, 0.5]).reshape(2, 1, 1), red=0, nir=1).item(), 4)
        0.5747
    """
    return compute_index("evi2", image, {"red": red, "nir": nir}, factor=factor)


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
    factor: float = 1.0

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample with the index appended to `image`; the one given stays as it is."""
        image = sample["image"]
        values = compute_index(self.name, image, self.positions, factor=self.factor)
        known = values[..., 0, :, :] == values[..., 0, :, :]
        out = {**sample, "image": _join(_float32(image), _zero_nan(values))}
        if "valid_series" in sample:
            dates = sample["valid_series"]
            out["valid_series"] = dates & known
            known = (known | ~dates).all(-3)  # (..., T, H, W): over the dates
        for name in ("valid", "observed"):
            if name in sample:
                out[name] = sample[name] & known
        return out


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


def _join(image: Array, band: Array) -> Array:
    if isinstance(image, np.ndarray):
        return np.concatenate([image, band], axis=-3)
    import torch

    return torch.cat([image, band], dim=-3)
