"""What turns the values that datasets give into physical ones, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from ...core.bands import Band, with_common_unit
from ...core.errors import DatasetError
from ...core.query import Scene
from ..scenes.table import SavedScenes

Calibration: TypeAlias = frozenset[tuple[float, float]] | None
"""Scales and offsets of one channel: one pair, or several where scenes differ; None where it is known only
when a file is read, or where transforms may have changed the values."""

PHYSICAL: Calibration = frozenset({(1.0, 0.0)})
"""Of values to which scale and offset were applied, or whose files declare none."""


def declared_calibrations(scenes: Sequence[Scene]) -> tuple[Calibration, ...]:
    """Of each channel of scenes that have the same bands, as the scenes declare them."""
    sets = _band_sets(scenes)
    return tuple(
        frozenset((b.scale, b.offset) for b in channel) for channel in zip(*sets, strict=True)
    )


def common_bands(scenes: Sequence[Scene]) -> tuple[Band, ...]:
    """The first scene's bands, their units unknown where another scene's are.

    Raises:
        BandError: scenes measure a band in different units.
    """
    return tuple(with_common_unit(channel) for channel in zip(*_band_sets(scenes), strict=True))


def _band_sets(scenes: Sequence[Scene]) -> list[tuple[Band, ...]]:
    """The different bands of scenes, the first scene's first."""
    if isinstance(scenes, SavedScenes):
        first = scenes[0].bands
        others = [bands for bands, _ in scenes.band_sets()]
        return [first, *(bands for bands in others if bands != first)]
    return _distinct(scenes)


def bands_to_scale(
    bands: Sequence[Band], calibrations: Sequence[Calibration]
) -> tuple[Band, ...] | None:
    """The bands with the scale and offset that hold for every sample; None where a channel has several."""
    scaled = []
    for band, calibration in zip(bands, calibrations, strict=True):
        if calibration is None or len(calibration) > 1:
            return None
        ((scale, offset),) = calibration
        scaled.append(replace(band, scale=scale, offset=offset))
    return tuple(scaled)


def require_one_calibration(
    bands: Sequence[Band], parts: Sequence[tuple[str, Sequence[Calibration]]]
) -> None:
    """Refuse to put values of different scale or offset into one channel.

    Args:
        bands: One a channel.
        parts: Name, for messages, and calibrations of each dataset, one per channel.

    Raises:
        DatasetError: they differ; the message names band and values.
    """
    for channel, band in enumerate(bands):
        known = [(name, own[channel]) for name, own in parts if own[channel] is not None]
        for name, own in known[1:]:
            if own == known[0][1]:
                continue
            raise DatasetError(
                f"band {band.name!r} would mix values of different scale and offset: {known[0][0]} gives "
                f"{describe(known[0][1])}, {name} gives {describe(own)}; make all of them with scaled=True, "
                "so that they give physical values"
            )


def describe(calibration: Calibration) -> str:
    """A channel's scales and offsets, for messages."""
    if calibration is None:
        return "values of unknown scale"
    if calibration == PHYSICAL:
        return "values with no scale to apply"
    pairs = " or ".join(
        f"scale {scale:g} and offset {offset:g}" for scale, offset in sorted(calibration)
    )
    return f"stored values of {pairs}"


def _distinct(scenes: Sequence[Scene]) -> list[tuple[Band, ...]]:
    """The different bands of scenes; bands are compared by identity, as their hashes are expensive."""
    band_sets: dict[tuple[int, ...], tuple[Band, ...]] = {}
    for scene in scenes:
        band_sets.setdefault(tuple(map(id, scene.bands)), scene.bands)
    return list(band_sets.values())
