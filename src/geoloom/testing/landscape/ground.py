"""Surface reflectance of a landscape: spectra, canopy and pasture texture, relief and the sensor's blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from .noise import fractal_noise
from .settlement import Field, Settlement
from .water import Waters

SPECTRA: dict[str, tuple[float, float, float, float, float, float]] = {
    "forest": (0.020, 0.038, 0.024, 0.297, 0.134, 0.053),
    "open_forest": (0.023, 0.044, 0.029, 0.272, 0.148, 0.061),
    "pasture": (0.036, 0.068, 0.063, 0.286, 0.252, 0.132),
    "dry_pasture": (0.053, 0.082, 0.103, 0.252, 0.338, 0.208),
    "bare": (0.078, 0.118, 0.164, 0.258, 0.372, 0.294),
    "burned": (0.043, 0.053, 0.061, 0.104, 0.152, 0.138),
    "regrowth": (0.023, 0.050, 0.030, 0.345, 0.172, 0.069),
    "crop": (0.030, 0.066, 0.042, 0.392, 0.208, 0.096),
    "urban": (0.098, 0.128, 0.152, 0.222, 0.281, 0.238),
    "river": (0.062, 0.101, 0.122, 0.053, 0.009, 0.005),
    "lake": (0.029, 0.041, 0.033, 0.021, 0.008, 0.005),
    "sand": (0.128, 0.172, 0.218, 0.285, 0.362, 0.322),
    "road": (0.084, 0.126, 0.182, 0.272, 0.381, 0.326),
}
"""Reflectance (0 to 1) in blue, green, red, nir, swir1, swir2: dry-season values of Landsat 8 over
Rondônia, rounded."""

BAND_COUNT = 6
SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 48.0, 50.0
"""The sun of a July morning ten degrees south of the equator: north-east."""
BLUR_PX = 0.5
"""Standard deviation of the sensor's point spread."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The landscape as a perfect sensor below the clouds would see it."""

    reflectance: np.ndarray
    """float32 (6, H, W), 0 to 1."""
    water: np.ndarray
    """bool (H, W): open water."""


def burn(
    shapes: Sequence[BaseGeometry], size_px: int, values: Sequence[int] | None = None
) -> np.ndarray:
    """int32 (H, W): 0, or the value (1 by default) of the last shape over each pixel's centre."""
    pairs = [
        (shape, 1 if values is None else values[i])
        for i, shape in enumerate(shapes)
        if not shape.is_empty
    ]
    if not pairs:
        return np.zeros((size_px, size_px), np.int32)
    # The identity transform counts rows upwards to rasterio's eyes; it is what pixel space means.
    burned = rasterize(pairs, (size_px, size_px), transform=Affine.identity(), dtype="int32")
    return np.asarray(burned)


def cover_share(shapes: Sequence[BaseGeometry], size_px: int, fine: int = 3) -> np.ndarray:
    """float32 (H, W), the share of each pixel that the shapes cover, from `fine` x `fine` parts."""
    bigger = [shapely.transform(shape, lambda xy: xy * fine) for shape in shapes]
    dense = burn(bigger, size_px * fine).astype(np.float32)
    return np.asarray(dense.reshape(size_px, fine, size_px, fine).mean(axis=(1, 3)))


def light_ground(
    size_px: int,
    waters: Waters,
    settlement: Settlement,
    rng: np.random.Generator,
    *,
    until: int | None = None,
) -> Ground:
    """Reflectance of the landscape in six bands; with `until`, clearings of later years are still forest."""
    spectra = {name: np.array(values, np.float32) for name, values in SPECTRA.items()}
    shape = (size_px, size_px)
    riverside = burn([s.line.buffer(0.7 + s.mouth_px / 2) for s in waters.streams], size_px) > 0
    fine = fractal_noise(shape, rng, slope=0.7, longest_px=9)
    patches = fractal_noise(shape, rng, slope=1.3, longest_px=26)
    stands = fractal_noise(shape, rng, slope=1.4, longest_px=320)
    valley = _away_from([waters.channel, waters.bars], size_px)
    wetland = np.exp(-((valley / 34.0) ** 2)) * np.clip(0.7 + 0.5 * patches, 0, 1)
    image = _forest(spectra, fine, patches, stands + 2.2 * wetland)
    _grow_fields(image, settlement.fields, spectra, fine, patches, riverside, rng, until)
    image *= _relief_light(waters, size_px, rng)
    _lay_roads(image, settlement, spectra, size_px)
    water = _fill_water(image, waters, spectra, stands, size_px)
    for band in image:
        band[:] = scipy.ndimage.gaussian_filter(band, BLUR_PX, truncate=3)
    return Ground(image, water)


def _forest(
    spectra: dict[str, np.ndarray], fine: np.ndarray, patches: np.ndarray, stands: np.ndarray
) -> np.ndarray:
    """Closed canopy, opening up in places, with the mottle of crowns and their shadows."""
    openness = np.clip(0.4 + 0.42 * stands + 0.18 * patches, 0, 1)
    crowns = 0.055 * fine + 0.03 * patches
    image = np.empty((BAND_COUNT, *fine.shape), np.float32)
    for band in range(BAND_COUNT):
        closed, opened = spectra["forest"][band], spectra["open_forest"][band]
        # Shadow between crowns is deepest where leaves scatter most, in the near infrared.
        depth = (0.75, 0.9, 0.8, 1.25, 1.15, 1.0)[band]
        image[band] = (closed + (opened - closed) * openness) * (1 + depth * crowns)
    return image


def _grow_fields(
    image: np.ndarray,
    fields: Sequence[Field],
    spectra: dict[str, np.ndarray],
    fine: np.ndarray,
    patches: np.ndarray,
    riverside: np.ndarray,
    rng: np.random.Generator,
    until: int | None,
) -> None:
    """Paint the clearings over the forest, in place; chance runs alike for any year."""
    size = image.shape[-1]
    number = _fray(burn([f.shape for f in fields], size, range(1, len(fields) + 1)), rng)
    there = [0, *(i if until is None or f.year <= until else 0 for i, f in enumerate(fields, 1))]
    number = np.array(there)[number]
    own, trees, unrest = _field_table(fields, spectra, rng)
    cleared = number > 0
    at = number[cleared]
    wood = np.clip(trees[at] + 0.16 * (patches[cleared] + 0.6 * fine[cleared] - 0.9), 0, 1)
    wood = np.where(riverside[cleared], np.maximum(wood, 0.72), wood)
    mottle = 1 + unrest[at] * (0.75 * patches[cleared] + 0.5 * fine[cleared])
    for band in range(BAND_COUNT):
        soil = own[at, band] * mottle
        leaf = 0.6 * image[band][cleared] + 0.4 * spectra["regrowth"][band]
        image[band][cleared] = soil + (leaf - soil) * wood


def _fray(number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move each pixel's look-up by a fraction of a pixel, so that edges are not ruled lines."""
    size = number.shape[0]
    rows, cols = np.indices(number.shape, dtype=np.float32)
    moved = []
    for base in (rows, cols):
        shift = 0.55 * fractal_noise(number.shape, rng, slope=1.0, longest_px=14)
        moved.append(np.clip(np.rint(base + shift), 0, size - 1).astype(np.intp))
    return number[moved[0], moved[1]]


def _field_table(
    fields: Sequence[Field], spectra: dict[str, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectrum (n+1, 6), share of trees (n+1,) and unevenness (n+1,) of each field; row 0 is unused."""
    own = np.zeros((len(fields) + 1, BAND_COUNT), np.float32)
    trees = np.zeros(len(fields) + 1, np.float32)
    unrest = np.zeros(len(fields) + 1, np.float32)
    steady = {"pasture": 0.07, "dry_pasture": 0.06, "crop": 0.03, "bare": 0.07, "burned": 0.2}
    for i, field in enumerate(fields, start=1):
        base = spectra[field.cover]
        if field.cover in ("pasture", "dry_pasture"):
            other = spectra["dry_pasture" if field.cover == "pasture" else "pasture"]
            base = base + (other - base) * rng.beta(1.3, 2.2)
        if field.cover == "burned":
            base = base + (spectra["dry_pasture"] - base) * rng.beta(1.0, 5.0)
        if field.cover == "regrowth":
            # Twenty years bring a stand close to the forest that it was.
            base = base + (spectra["pasture"] - base) * rng.beta(1.6, 2.6)
        own[i] = base * np.exp(rng.normal(0, 0.07)) * np.exp(rng.normal(0, 0.025, BAND_COUNT))
        trees[i] = {"regrowth": 0.28, "urban": 0.12}.get(field.cover, 0.30 * rng.beta(1.1, 5.0))
        unrest[i] = steady.get(field.cover, 0.26 if field.cover == "urban" else 0.06)
    return own, trees, unrest


def _relief_light(waters: Waters, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (H, W), illumination of each slope relative to flat ground, around 1."""
    shape = (size_px, size_px)
    lines = [s.line.buffer(0.8) for s in waters.streams]
    from_water = _away_from([*lines, waters.channel, waters.bars], size_px)
    hilly = fractal_noise(shape, rng, slope=1.8, longest_px=420)
    hilly = 0.2 + 1.15 / (1 + np.exp(-3.0 * (hilly - 0.5)))
    ridges = fractal_noise(shape, rng, slope=1.75, longest_px=110, shortest_px=4)
    # Folding smooth noise gives the sharp valleys that running water cuts.
    height_m = hilly * (46 * np.abs(ridges) + 5.5 * np.minimum(from_water, 90) ** 0.62)
    height_m = scipy.ndimage.gaussian_filter(height_m, 0.8)
    down, right = np.gradient(height_m, 30.0)
    azimuth, elevation = np.deg2rad([SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG])
    east, north = np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)
    facing = (-right * east + down * north + np.sin(elevation)) / np.sqrt(1 + right**2 + down**2)
    light = np.clip(facing / np.sin(elevation), 0.35, 1.5)
    # A quarter of the light comes from the sky and ignores the slope.
    return np.asarray(0.25 + 0.75 * light, dtype=np.float32)


def _away_from(shapes: Sequence[BaseGeometry], size_px: int) -> np.ndarray:
    """float32 (H, W), pixels to the nearest of the shapes."""
    outside = burn(shapes, size_px) == 0
    return np.asarray(scipy.ndimage.distance_transform_edt(outside), dtype=np.float32)


def _lay_roads(
    image: np.ndarray, settlement: Settlement, spectra: dict[str, np.ndarray], size_px: int
) -> None:
    share = cover_share([r.line.buffer(r.width_px / 2) for r in settlement.roads], size_px)
    for band in range(BAND_COUNT):
        image[band] += (spectra["road"][band] - image[band]) * share


def _fill_water(
    image: np.ndarray,
    waters: Waters,
    spectra: dict[str, np.ndarray],
    stands: np.ndarray,
    size_px: int,
) -> np.ndarray:
    """Paint water and sand in place; returns where open water is."""
    sediment = 1 + 0.06 * stands
    streams = cover_share([s.water for s in waters.streams], size_px)
    layers = (
        (np.minimum(1.25 * np.maximum(streams - 0.3, 0), 1), "lake", 1.0),
        (cover_share([waters.bars], size_px), "sand", 1.0),
        (cover_share([waters.channel], size_px), "river", sediment),
        (cover_share([waters.lakes], size_px), "lake", 1.0),
    )
    for share, name, tint in layers:
        for band in range(BAND_COUNT):
            image[band] += (spectra[name][band] * tint - image[band]) * share
    return burn(list(shapely.get_parts(waters.surface)), size_px) > 0
