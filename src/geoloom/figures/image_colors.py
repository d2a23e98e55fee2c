"""How the image of a sample becomes a picture: which channels, and which numbers are dark and bright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..core.errors import BandError
from ..io.pictures.fit import fit_into
from .composites import composites_of, radar_pair, roles_of
from .views import in_colors, limits_of

Rgb = Sequence[int | str] | Literal["true", "false"]
"""One or three bands, by number (from 1) or name; or true or false colour, as far as the bands make it."""

_PERCENTILES = (2.0, 98.0)
_PHOTOGRAPH = ((0.0, 255.0),) * 3


@dataclass(frozen=True, slots=True)
class Colors:
    """Which channels of an image make a picture, and how."""

    channels: tuple[int, ...]
    """Positions, from 0: one, three, or the two polarisations of a radar."""
    caption: str
    """What they are."""
    is_photograph: bool = False
    """Whether 0 to 255 are shown as they are."""
    is_radar: bool = False
    is_linear: bool = False
    """Of a radar: a ratio of powers, which the eye wants in decibels."""

    def paint(self, images: np.ndarray, seen: np.ndarray, most_px: int) -> list[np.ndarray]:
        """Pictures of one or several dates, whose numbers are dark and bright alike.

        Args:
            images: (T, C, H, W).
            seen: bool (T, H, W), True = observed.
            most_px: Longest side of the pictures.

        Returns:
            uint8 (H, W, 4) each, shrunk where it is larger; what is not a number is clear.
        """
        dates = [
            self._prepared(image[list(self.channels)], valid, most_px)
            for image, valid in zip(images, seen, strict=True)
        ]
        if self.is_photograph:
            limits: Sequence[tuple[float, float]] = _PHOTOGRAPH[: len(self.channels)]
        else:
            limits = _common_limits(dates)
        return [in_colors(values, valid, limits) for values, valid in dates]

    def _prepared(
        self, values: np.ndarray, seen: np.ndarray, most_px: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Shrunk, in decibels where they are to be; and what of it is known."""
        if values.dtype.kind == "f":
            seen = seen & np.isfinite(values).all(axis=0)
        values, seen = shrunk(values, seen, most_px)
        if not self.is_radar:
            return values, seen
        like, crossed = values.astype(np.float32)
        if self.is_linear:
            seen = seen & (like > 0) & (crossed > 0)
            like, crossed = (10 * np.log10(np.where(seen, v, 1)) for v in (like, crossed))
        return np.stack([like, crossed, like - crossed]), seen


def colors_of(image: np.ndarray, bands: Sequence[Any], rgb: Rgb | None) -> tuple[Colors, ...]:
    """The pictures that an image makes: one, and one of the radar besides where it holds both.

    Args:
        image: (..., C, H, W).
        bands: Bands or names of its channels; more channels than that are numbered.
        rgb: What to show; None: photographs in true colours, else the most informative.

    Raises:
        BandError: a band is unknown, or neither one nor three are asked for.
    """
    names = names_of(bands, image.shape[-3])
    if rgb is not None and not isinstance(rgb, str):
        return (_chosen(rgb, names),)
    roles = _roles(bands, names)
    pair = radar_pair(roles)
    made = []
    if pair is None or len(roles_of(roles)) >= len(_PHOTOGRAPH):
        known, is_counts = composites_of(roles), image.dtype == np.uint8
        true = next((c for c in known if c.style in ("true", "grey")), None)
        wants_true = rgb == "true" or (is_counts and rgb is None)
        shown = true if true is not None and wants_true else known[0]
        channels = tuple(number - 1 for number in shown.bands)
        made.append(Colors(channels, _listed(channels, names), is_counts and shown == true))
    if pair is not None:
        channels = (pair[0] - 1, pair[1] - 1)
        like, crossed = (names[i] for i in channels)
        linear = _is_linear(image[..., list(channels), :, :], [_unit(bands, i) for i in channels])
        made.append(Colors(channels, f"{like}, {crossed}, {like} / {crossed}", False, True, linear))
    return tuple(made)


def shrunk(values: np.ndarray, valid: np.ndarray, most_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Measurements (C, H, W) and their validity, with at most `most_px` pixels a side."""
    size = shrunk_size(values.shape[-2:], most_px)
    if size == values.shape[-2:]:
        return values, valid
    out = np.empty((len(values), *size), values.dtype)
    out_valid = np.empty(size, np.bool_)
    fit_into(values, valid, "resize", out, out_valid)
    return out, out_valid


def shrunk_size(shape: Sequence[int], most_px: int) -> tuple[int, int]:
    """Rows and columns of the same picture with at most `most_px` a side.

    Example:
        >>> shrunk_size((4000, 1000), 1000)
        (1000, 250)
    """
    factor = max(1.0, max(shape) / most_px)
    return max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor))


def thinned(layer: np.ndarray, most_px: int) -> np.ndarray:
    """Codes, flags or numbers (..., H, W) at the middles of at most `most_px` larger pixels a side."""
    shape = layer.shape[-2:]
    size = shrunk_size(shape, most_px)
    if size == shape:
        return layer
    rows, columns = (
        ((np.arange(n) + 0.5) * full / n).astype(np.intp)
        for n, full in zip(size, shape, strict=True)
    )
    return layer[..., rows[:, None], columns]


def names_of(bands: Sequence[Any], count: int) -> list[str]:
    """A name for each channel; those that a transform has appended are numbered."""
    named = [getattr(band, "name", band) for band in bands][:count]
    return [*named, *(str(number) for number in range(len(named) + 1, count + 1))]


def _roles(bands: Sequence[Any], names: Sequence[str]) -> list[str]:
    """What each channel measures, where its band says that, else its name."""
    roles = [getattr(band, "role", None) for band in bands][: len(names)]
    known = [None if role == "other" else role for role in roles]
    return [role or name for role, name in zip([*known, *[None] * len(names)], names, strict=False)]


def _unit(bands: Sequence[Any], channel: int) -> str | None:
    return getattr(bands[channel], "unit", None) if channel < len(bands) else None


def _is_linear(values: np.ndarray, units: Sequence[str | None]) -> bool:
    """Whether backscatter is a ratio of powers: as its bands say, else where no number is below 0."""
    if None not in units:
        return "linear" in units
    return values.dtype.kind == "f" and not (values < 0).any()


def _chosen(rgb: Sequence[int | str], names: Sequence[str]) -> Colors:
    if len(rgb) not in (1, 3):
        raise BandError(f"a picture is made of one band or three, not {len(rgb)}: {list(rgb)}")
    numbers: dict[int | str, int] = {i + 1: i for i in range(len(names))}
    numbers |= {name: i for i, name in enumerate(names)}
    missing = [band for band in rgb if band not in numbers]
    if missing:
        raise BandError(f"no band {missing[0]!r}; the sample has {', '.join(names)}")
    channels = tuple(numbers[band] for band in rgb)
    return Colors(channels, _listed(channels, names))


def _listed(channels: Sequence[int], names: Sequence[str]) -> str:
    return ", ".join(names[i] for i in channels)


def _common_limits(
    dates: Sequence[tuple[np.ndarray, np.ndarray]],
) -> list[tuple[float, float]]:
    """Of each channel, as of all dates together.

    Clouds outshine every ground: of colours, the middle of the dates' own limits is taken, so that a few
    clouded dates do not darken the others.
    """
    seen = [(values, valid) for values, valid in dates if valid.any()] or list(dates)[:1]
    if len(seen[0][0]) == 1:
        together = np.concatenate([values[0][valid] for values, valid in seen])
        return [limits_of(together, _PERCENTILES)]
    limits = np.array(
        [[limits_of(band[valid], _PERCENTILES) for band in values] for values, valid in seen]
    )
    return [(float(low), float(high)) for low, high in np.median(limits, axis=0)]
