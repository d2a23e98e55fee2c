"""What lies between the ground and the sensor: clouds, their shadows, haze, the scene's edge, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from .ground import SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG
from .noise import fractal_noise

CLOUD = np.array((0.52, 0.53, 0.55, 0.60, 0.46, 0.36), np.float32)
HAZE = np.array((0.019, 0.016, 0.014, 0.013, 0.009, 0.006), np.float32)
"""Reflectance that thin cirrus adds, blue to swir2."""
SHADE = np.array((0.36, 0.46, 0.55, 0.62, 0.66, 0.68), np.float32)
"""Share of the light that a cloud's shadow takes: blue sky still lights the ground."""
CLOUD_HEIGHT_M = 1150.0
PIXEL_M = 30.0
NOISE = np.array((0.0011, 0.0011, 0.0012, 0.0026, 0.0020, 0.0016), np.float32)
"""Standard deviation of the sensor's and the atmospheric correction's noise, reflectance."""
CLOUD_SHARE = 0.016


@dataclass(frozen=True, slots=True)
class Sky:
    """Opacity of what hides the ground, float32 (H, W) each, 0 to 1."""

    cloud: np.ndarray
    shadow: np.ndarray
    haze: np.ndarray
    inside: np.ndarray
    """bool (H, W): True within the swath, False beyond the scene's tilted edge."""


def draw_sky(size_px: int, rng: np.random.Generator) -> Sky:
    """Fair-weather cumulus in streets, a veil of cirrus, and the lower left corner of the swath."""
    shape = (size_px, size_px)
    puffs = fractal_noise(shape, rng, slope=1.8, longest_px=46, shortest_px=8)
    puffs += 0.16 * fractal_noise(shape, rng, slope=1.0, longest_px=9)
    weather = fractal_noise(shape, rng, slope=2.2, longest_px=0.8 * size_px)
    field = puffs + 0.9 * weather
    threshold = np.quantile(field, 1 - CLOUD_SHARE)
    thickness = (field - threshold) / 0.5
    cloud = np.clip(thickness + 0.3, 0, 1) ** 1.2
    reach = CLOUD_HEIGHT_M / np.tan(np.deg2rad(SUN_ELEVATION_DEG)) / PIXEL_M
    azimuth = np.deg2rad(SUN_AZIMUTH_DEG)
    away = (reach * np.cos(azimuth), -reach * np.sin(azimuth))
    cast = scipy.ndimage.shift(cloud, away, order=1, mode="reflect")
    shadow = np.clip(1.3 * scipy.ndimage.gaussian_filter(cast, 1.0), 0, 1)
    veil = fractal_noise(shape, rng, slope=2.0, longest_px=0.9 * size_px)
    haze = np.clip(0.5 * (veil - 1.0), 0, 1)
    return Sky(
        cloud.astype(np.float32),
        shadow.astype(np.float32),
        haze.astype(np.float32),
        _swath(size_px, rng),
    )


def _swath(size_px: int, rng: np.random.Generator) -> np.ndarray:
    """Where the sensor looked: the orbit is inclined, so the image lies tilted in its grid."""
    tilt = np.tan(np.deg2rad(rng.uniform(9.0, 12.0)))
    rows, cols = np.indices((size_px, size_px), dtype=np.float32) / size_px
    below = rows > 0.90 + tilt * (cols - 0.35)
    left = cols < 0.045 - tilt * (rows - 0.35)
    return np.asarray(~(below | left))


def look_through(reflectance: np.ndarray, sky: Sky, rng: np.random.Generator) -> np.ndarray:
    """What the sensor records, float32 (6, H, W): shadow, haze and cloud over the ground, and noise."""
    light = np.sin(np.deg2rad(SUN_ELEVATION_DEG))
    relief = scipy.ndimage.gaussian_filter(sky.cloud, 2.5)
    down, right = np.gradient(relief)
    lit = np.clip(1 + 1.6 * light * (down - right), 0.72, 1.25).astype(np.float32)
    seen = np.empty_like(reflectance)
    for band in range(len(reflectance)):
        ground = reflectance[band] * (1 - SHADE[band] * sky.shadow) + HAZE[band] * sky.haze
        bright = CLOUD[band] * (0.72 + 0.42 * sky.cloud) * lit
        grain = rng.standard_normal(ground.shape, dtype=np.float32) * NOISE[band]
        seen[band] = ground + (bright - ground) * sky.cloud + grain
    return seen


def quality_bits(sky: Sky, water: np.ndarray) -> np.ndarray:
    """The QA_PIXEL band, uint16 (H, W), bits as in Landsat Collection 2 Level-2.

    Source:
        USGS LSDS-1619, Landsat 8-9 Collection 2 Level 2 Science Product Guide, table 6-3.
    """
    cloud = sky.cloud > 0.2
    dilated = scipy.ndimage.binary_dilation(cloud, iterations=3) & ~cloud
    shadow = (sky.shadow > 0.3) & ~cloud
    cirrus = sky.haze > 0.35
    low, high = 0b01, 0b11
    bits = np.zeros(cloud.shape, np.uint16)
    bits |= dilated.astype(np.uint16) << 1
    bits |= cirrus.astype(np.uint16) << 2
    bits |= cloud.astype(np.uint16) << 3
    bits |= shadow.astype(np.uint16) << 4
    bits |= (~cloud & ~dilated).astype(np.uint16) << 6
    bits |= (water & ~cloud).astype(np.uint16) << 7
    for first, seen in ((8, cloud), (10, shadow), (14, cirrus)):
        bits |= np.where(seen, high, low).astype(np.uint16) << first
    bits |= np.uint16(low << 12)  # snow: low confidence everywhere
    return np.where(sky.inside, bits, np.uint16(1))
