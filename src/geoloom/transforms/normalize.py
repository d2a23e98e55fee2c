"""Normalisation: numbers fitted once on training pixels, kept with the model, applied ever after."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import BandError, ConfigError, ReadError
from ..core.files import write_text
from ..core.registry import Registry
from ..core.statistics import BandStatistics

Array = Any
"""A numpy array or a torch tensor; what comes in decides what comes out."""

Fit = Callable[[BandStatistics], tuple[Sequence[float], Sequence[float]]]
"""Per-band center and scale from the statistics; the normalised value is (x - center) / scale."""

PER_IMAGE = "per_image"
ALIASES = {"tensorflow": PER_IMAGE}

NORMALIZATIONS: Registry[Fit | None] = Registry(
    "normalisation",
    {
        "mean_std": lambda statistics: (statistics.mean, statistics.std),
        "median_std": lambda statistics: (statistics.median, statistics.std),
        "norm_range": None,
        "reduce_sr": None,
        PER_IMAGE: None,
    },
)
"""None: takes options, or no statistics, and is worked out by `fit_normalization`."""
KINDS = tuple(NORMALIZATIONS)


@dataclass(frozen=True, slots=True)
class Normalization:
    """One affine rule a band: normalised = (x - center) / scale, within bounds where there are any.

    `per_image` alone fits nothing: each image is brought to mean 0 and deviation 1 over all of its bands
    and valid pixels.

    Raises:
        ConfigError: a scale is 0 or not finite, or the counts differ.
    """

    kind: str
    center: tuple[float, ...]
    """In the image's own units, one per band; empty for `per_image`."""
    scale: tuple[float, ...]
    """In the image's own units, one per band, never 0; empty for `per_image`."""
    bands: tuple[str, ...] = ()
    """Names, where known; they guard against applying it to other bands."""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    """Bounds of the normalised values, one per band, where there are any: what lies beyond gets the bound's
    value."""

    def __post_init__(self) -> None:
        if len(self.center) != len(self.scale):
            raise ConfigError(
                f"normalisation {self.kind!r} has {len(self.center)} centers and "
                f"{len(self.scale)} scales; give one of each per band"
            )
        if {len(self.low), len(self.high)} not in ({0}, {len(self.center)}):
            raise ConfigError(
                f"normalisation {self.kind!r} of {len(self.center)} bands has {len(self.low)} lower and "
                f"{len(self.high)} upper bounds; give one of each per band, or none"
            )
        wrong = [s for s in self.scale if not np.isfinite(s) or s == 0]
        if wrong or not np.isfinite(self.center).all():
            raise ConfigError(
                f"normalisation {self.kind!r} of {list(self.bands)}: centers {self.center} and scales "
                f"{self.scale} must be finite, and no scale 0"
            )

    def apply(self, image: Array, valid: Array | None = None) -> Array:
        """The normalised image.

        Args:
            image: (..., C, H, W), the dtype that the statistics came from.
            valid: (..., H, W) bool, True = observed; used by `per_image` alone.

        Returns:
            float32, the shape of `image`. Not-valid pixels are transformed like any other: mask them after.

        Raises:
            BandError: the channels are not as many as the bands fitted.

        Example:
            >>> rule = Normalization("reduce_sr", (0.0,), (10000.0,))
            >>> rule.apply(np.full((1, 1, 1), 2500)).item()
            0.25
        """
        if self.kind == PER_IMAGE and not self.center:
            return _per_image(image, valid)
        if image.shape[-3] != len(self.center):
            raise BandError(
                f"normalisation {self.kind!r} was fitted on {len(self.center)} bands "
                f"({', '.join(self.bands) or 'unnamed'}), but the image has {image.shape[-3]}"
            )
        center, scale = (_per_band(values, image) for values in (self.center, self.scale))
        if isinstance(image, np.ndarray):
            return self._bounded((image - center) / scale).astype(np.float32)
        return self._bounded((image.to(center.dtype) - center) / scale).float()

    def _bounded(self, normalised: Array) -> Array:
        if not self.low:
            return normalised
        low, high = (_per_band(values, normalised) for values in (self.low, self.high))
        return normalised.clip(low, high)

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Sample transform: the same sample with `image` normalised, not-valid pixels 0, date by date."""
        observed = sample.get("valid_series", sample.get("observed", sample.get("valid")))
        image = self.apply(sample["image"], observed)
        if observed is not None:
            image = _zero_where_not(image, observed)
        return {**sample, "image": image}

    def select(self, positions: Sequence[int]) -> Normalization:
        """The rule for some of the bands, by position, 0-based."""
        if not self.center:
            return self
        return Normalization(
            self.kind,
            tuple(self.center[i] for i in positions),
            tuple(self.scale[i] for i in positions),
            tuple(self.bands[i] for i in positions) if self.bands else (),
            tuple(self.low[i] for i in positions) if self.low else (),
            tuple(self.high[i] for i in positions) if self.high else (),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "kind": self.kind,
            "center": list(self.center),
            "scale": list(self.scale),
            "bands": list(self.bands),
            **({"low": list(self.low), "high": list(self.high)} if self.low else {}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalization:
        """The rule that `to_dict` wrote. A custom one needs no registration again: its numbers are here."""
        return cls(
            kind=values["kind"],
            center=tuple(float(v) for v in values["center"]),
            scale=tuple(float(v) for v in values["scale"]),
            bands=tuple(values.get("bands", ())),
            low=tuple(float(v) for v in values.get("low", ())),
            high=tuple(float(v) for v in values.get("high", ())),
        )

    def save(self, path: str | Path) -> Path:
        """Write the rule as JSON, whole or not at all, replacing what is there."""
        target = Path(path)
        write_text(target, json.dumps(self.to_dict(), indent=2) + "\n")
        return target

    @classmethod
    def load(cls, path: str | Path) -> Normalization:
        """The rule that `save` wrote.

        Raises:
            ReadError: the file is missing or holds something else.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text()))
        except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ReadError(
                f"{path} is not a saved normalisation ({error}); give the JSON that was written beside "
                "the standardised raster"
            ) from error


def fit_normalization(
    kind: str,
    statistics: BandStatistics | None = None,
    *,
    low: float = -1.0,
    high: float = 1.0,
    factor: float = 10000.0,
    bands: Sequence[str] = (),
) -> Normalization:
    """The rule of a kind, from the statistics of the training pixels.

    Args:
        kind: `mean_std`; `median_std`; `norm_range` (each band's own minimum and maximum onto low..high);
            `reduce_sr` (divided by `factor`, the scaled reflectance of Landsat and Sentinel-2 onto 0..1);
            `per_image` (also called `tensorflow`); or a registered name.
        statistics: Of the valid training pixels; not needed for `reduce_sr` with `bands` and `per_image`.
        low, high: Target range of `norm_range`.
        factor: Divisor of `reduce_sr`.
        bands: Names where no statistics are given.

    Returns:
        The rule. A band with no spread is only centred: its scale is 1.

    Raises:
        ConfigError: the kind is unknown, or statistics are needed and missing.
        BandError: a band has no valid pixel.

    Source:
        `per_image`: TensorFlow's tf.image.per_image_standardization.

    Example:
        >>> s = BandStatistics(("red",), (4,), (5.0,), (2.0,), (4.0,), (0.0,), (10.0,))
        >>> fit_normalization("mean_std", s).apply(np.full((1, 1, 1), 9)).item()
        2.0
    """
    kind = ALIASES.get(kind, kind)
    names = tuple(statistics.bands if statistics is not None else bands)
    if kind == PER_IMAGE:
        return Normalization(PER_IMAGE, (), (), names)
    if kind == "reduce_sr":
        return Normalization(kind, (0.0,) * len(names), (float(factor),) * len(names), names)
    fit = NORMALIZATIONS.get(kind)
    if statistics is None:
        raise ConfigError(f"normalisation {kind!r} is fitted: give the training statistics")
    unseen = [b for b, n in zip(names, statistics.count, strict=True) if n == 0]
    if unseen:
        raise BandError(
            f"normalisation {kind!r}: no valid pixel in {', '.join(unseen)}; check the nodata value"
        )
    center, scale = fit(statistics) if fit is not None else _range(statistics, low, high)
    return Normalization(
        kind,
        tuple(float(v) for v in center),
        tuple(float(v) if v else 1.0 for v in scale),
        names,
    )


def fit_whole_image(statistics: BandStatistics) -> Normalization:
    """`per_image` of an image too large to see at once: mean 0 and deviation 1 over all bands together,
    from the bands' statistics, which must be over the same pixels.

    Raises:
        BandError: there is no valid pixel.
    """
    means, spreads = np.asarray(statistics.mean), np.asarray(statistics.std)
    center = float(means.mean())
    if not np.isfinite(center):
        raise BandError("no valid pixel to standardise; check the nodata value")
    scale = float(np.sqrt((spreads**2 + (means - center) ** 2).mean())) or 1.0
    count = len(means)
    return Normalization(PER_IMAGE, (center,) * count, (scale,) * count, statistics.bands)


def _range(
    statistics: BandStatistics, low: float, high: float
) -> tuple[Sequence[float], Sequence[float]]:
    """Center and scale that bring the extremes to a range."""
    if not high > low:
        raise ConfigError(f"norm_range needs low below high; found {low} and {high}")
    minimum = np.asarray(statistics.min)
    spread = np.asarray(statistics.max) - minimum
    scale = np.where(spread > 0, spread, 1.0) / (high - low)
    return tuple(minimum - low * scale), tuple(scale)


def register_normalization(name: str, fit: Fit) -> None:
    """Make a normalisation known by name; its numbers are saved, so loading never needs the function.

    Args:
        name: What users will call it; may not be a built-in one.
        fit: From `BandStatistics`, the centers and the scales, one per band.

    Raises:
        ConfigError: the name is a built-in one.

    Example:
        >>> register_normalization("max_only", lambda s: ([0.0] * len(s.max), s.max))
        >>> "max_only" in list_normalizations()
        True
    """
    if name in KINDS or name in ALIASES:
        raise ConfigError(f"normalisation {name!r} is built in; choose another name")
    NORMALIZATIONS.register(name, fit, overwrite=True)


def list_normalizations() -> tuple[str, ...]:
    """Names known now: the built-in ones, then the registered ones."""
    return (*KINDS, *(name for name in NORMALIZATIONS.list() if name not in KINDS))


def _per_band(values: Sequence[float], image: Array) -> Array:
    column = np.asarray(values, dtype=np.float64)[:, None, None]
    if isinstance(image, np.ndarray):
        return column
    import torch

    # float32 holds every value of these types but wide integers and float64, and a batch is on the hot
    # path; Apple's accelerator has no float64 at all.
    wide = image.dtype in (torch.float64, torch.int64, torch.int32, torch.uint32)
    dtype = torch.float64 if wide and image.device.type != "mps" else torch.float32
    return torch.as_tensor(column, dtype=dtype, device=image.device)


def _per_image(image: Array, valid: Array | None) -> Array:
    """Mean 0 and deviation 1 over bands and valid pixels; the deviation is at least 1/sqrt(values), so
    that a flat image becomes 0 and not infinite."""
    if not isinstance(image, np.ndarray):
        return _per_image_torch(image, valid)
    values = image.astype(np.float64)
    weight = (
        np.ones(values.shape) if valid is None else valid[..., None, :, :] * np.ones_like(values)
    )
    axes = (-3, -2, -1)
    count = np.maximum(weight.sum(axes, keepdims=True), 1.0)
    values_seen = np.where(weight > 0, values, 0.0)
    mean = values_seen.sum(axes, keepdims=True) / count
    spread = np.where(weight > 0, values - mean, 0.0)
    std = np.sqrt(np.square(spread).sum(axes, keepdims=True) / count)
    return ((values - mean) / np.maximum(std, 1.0 / np.sqrt(count))).astype(np.float32)


def _per_image_torch(image: Array, valid: Array | None) -> Array:
    import torch

    dtype = torch.float32 if image.device.type == "mps" else torch.float64
    values = image.to(dtype)
    seen = torch.ones_like(values, dtype=torch.bool)
    if valid is not None:
        seen = seen & valid[..., None, :, :]
    axes = (-3, -2, -1)
    count = seen.sum(axes, keepdim=True).clamp(min=1)
    mean = torch.where(seen, values, 0).sum(axes, keepdim=True) / count
    spread = torch.where(seen, values - mean, 0)
    std = (spread.square().sum(axes, keepdim=True) / count).sqrt()
    return ((values - mean) / torch.maximum(std, count.to(dtype).rsqrt())).float()


def _zero_where_not(image: Array, observed: Array) -> Array:
    if isinstance(image, np.ndarray):
        return np.where(observed[..., None, :, :], image, np.float32(0))
    return image.masked_fill(~observed[..., None, :, :], 0.0)
