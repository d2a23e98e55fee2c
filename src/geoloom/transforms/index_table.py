"""The spectral indices that are known from the start: one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Array = Any
"""A numpy array or a torch tensor; what comes in decides what comes out."""

IndexFunction = Callable[..., Array]

Wants = Literal["ratio", "reflectance", "linear"]
"""What the bands must be in: any scale that they share, without an offset (`ratio`); reflectance 0..1, as the
formula holds constants in it; or radar backscatter as a ratio of powers (`linear`)."""


@dataclass(frozen=True, slots=True)
class SpectralIndex:
    """A named formula over bands that are identified by what they measure."""

    name: str
    function: IndexFunction
    """Takes one float32 array (..., H, W) a band, in the order of `bands`; returns the same shape."""
    bands: tuple[str, ...]
    """What the formula needs, such as `("red", "nir")`."""
    wants: Wants = "ratio"
    title: str = ""
    formula: str = ""
    """In words of the bands."""
    source: str = ""


def _difference(a: Array, b: Array) -> Array:
    return (a - b) / (a + b)


def _of_pair(a: Array, b: Array, other: Array) -> Array:
    """Normalised difference of one band and the sum of two."""
    return _difference(a, b + other)


def _ndvi(red: Array, nir: Array) -> Array:
    return _difference(nir, red)


def _evi(red: Array, nir: Array, blue: Array) -> Array:
    return 2.5 * (nir - red) / (nir + 6.0 * red - 7.5 * blue + 1.0)


def _evi2(red: Array, nir: Array) -> Array:
    return 2.5 * (nir - red) / (nir + 2.4 * red + 1.0)


def _savi(red: Array, nir: Array) -> Array:
    return 1.5 * (nir - red) / (nir + red + 0.5)


def _msavi(red: Array, nir: Array) -> Array:
    twice = 2.0 * nir + 1.0
    return (twice - (twice**2 - 8.0 * (nir - red)) ** 0.5) / 2.0


def _weighed(weights: tuple[float, ...], *bands: Array) -> Array:
    total = weights[0] * bands[0]
    for weight, band in zip(weights[1:], bands[1:], strict=True):
        total = total + weight * band
    return total


def _normalized(name: str, title: str, first: str, second: str, source: str) -> SpectralIndex:
    """(first - second) / (first + second)."""
    formula = f"({first} - {second}) / ({first} + {second})"
    return SpectralIndex(name, _difference, (first, second), "ratio", title, formula, source)


def _against_two(name: str, title: str, one: str, other: str) -> SpectralIndex:
    both = f"({one} + {other})"
    return SpectralIndex(
        name,
        _of_pair,
        ("nir", one, other),
        "ratio",
        title,
        f"(nir - {both}) / (nir + {both})",
        _WANG,
    )


_WANG = "Wang et al. 2007, doi:10.1016/S1672-6308(07)60027-4"

_SIX = ("blue", "green", "red", "nir", "swir1", "swir2")

_TASSELLED_CAPS: dict[str, tuple[str, tuple[tuple[float, ...], ...]]] = {
    "landsat5": (
        "Crist 1985, doi:10.1016/0034-4257(85)90102-6, reflectance of Landsat 4 and 5 TM",
        (
            (0.2043, 0.4158, 0.5524, 0.5741, 0.3124, 0.2303),
            (-0.1603, -0.2819, -0.4934, 0.7940, -0.0002, -0.1446),
            (0.0315, 0.2021, 0.3102, 0.1594, -0.6806, -0.6109),
        ),
    ),
    "landsat7": (
        "Huang et al. 2002, doi:10.1080/01431160110106113, top-of-atmosphere reflectance of Landsat 7 ETM+",
        (
            (0.3561, 0.3972, 0.3904, 0.6966, 0.2286, 0.1596),
            (-0.3344, -0.3544, -0.4556, 0.6966, -0.0242, -0.2630),
            (0.2626, 0.2141, 0.0926, 0.0656, -0.7629, -0.5388),
        ),
    ),
    "landsat8": (
        "Baig et al. 2014, doi:10.1080/2150704X.2014.915434, top-of-atmosphere reflectance of Landsat 8 OLI",
        (
            (0.3029, 0.2786, 0.4733, 0.5599, 0.5080, 0.1872),
            (-0.2941, -0.2430, -0.5424, 0.7276, 0.0713, -0.1608),
            (0.1511, 0.1973, 0.3283, 0.3407, -0.7117, -0.4559),
        ),
    ),
    "sentinel2": (
        "Shi and Xu 2019, doi:10.1109/JSTARS.2019.2938388, top-of-atmosphere reflectance of Sentinel-2 MSI",
        (
            (0.3510, 0.3813, 0.3437, 0.7196, 0.2396, 0.1949),
            (-0.3599, -0.3533, -0.4734, 0.6633, 0.0087, -0.2856),
            (0.2578, 0.2305, 0.0883, 0.1071, -0.7611, -0.5308),
        ),
    ),
}
"""Sensor -> source, and the weights of blue to swir2 of brightness, greenness and wetness."""

TASSELLED_CAPS: tuple[str, ...] = tuple(_TASSELLED_CAPS)
"""Sensors that have one."""


def _tasselled_caps() -> list[SpectralIndex]:
    return [
        SpectralIndex(
            f"tc_{axis}_{sensor}",
            partial(_weighed, weights),
            _SIX,
            "reflectance",
            f"Tasselled cap {axis}",
            " + ".join(f"{w:g} {b}" for w, b in zip(weights, _SIX, strict=True)),
            source,
        )
        for sensor, (source, rows) in _TASSELLED_CAPS.items()
        for axis, weights in zip(("brightness", "greenness", "wetness"), rows, strict=True)
    ]


TABLE: tuple[SpectralIndex, ...] = (
    SpectralIndex(
        "ndvi",
        _ndvi,
        ("red", "nir"),
        "ratio",
        "Normalised difference vegetation index",
        "(nir - red) / (nir + red)",
        "Rouse et al. 1974, Monitoring vegetation systems in the Great Plains with ERTS",
    ),
    _normalized(
        "ndwi", "Normalised difference water index", "green", "nir",
        "McFeeters 1996, doi:10.1080/01431169608948714",
    ),
    _normalized(
        "mndwi", "Modified normalised difference water index", "green", "swir1",
        "Xu 2006, doi:10.1080/01431160600589179",
    ),
    _normalized(
        "ndbi", "Normalised difference built-up index", "swir1", "nir",
        "Zha et al. 2003, doi:10.1080/01431160304987",
    ),
    _normalized(
        "ndsi", "Normalised difference snow index", "green", "swir1",
        "Hall et al. 1995, doi:10.1016/0034-4257(95)00137-P",
    ),
    _normalized(
        "nbr", "Normalised burn ratio", "nir", "swir2",
        "Key and Benson 2006, FIREMON RMRS-GTR-164",
    ),
    _normalized(
        "ndre", "Normalised difference red-edge index", "nir", "rededge1",
        "Gitelson and Merzlyak 1994, doi:10.1016/1011-1344(93)06963-4",
    ),
    _normalized(
        "swi", "Sentinel-2 water index", "rededge1", "swir2",
        "Jiang et al. 2021, doi:10.3390/w13121647",
    ),
    _normalized(
        "gndvi", "Green normalised difference vegetation index", "nir", "green",
        "Gitelson et al. 1996, doi:10.1016/S0034-4257(96)00072-7",
    ),
    _normalized("bndvi", "Blue normalised difference vegetation index", "nir", "blue", _WANG),
    _against_two("gbndvi", "Green-blue normalised difference vegetation index", "green", "blue"),
    _against_two("grndvi", "Green-red normalised difference vegetation index", "green", "red"),
    _against_two("rbndvi", "Red-blue normalised difference vegetation index", "red", "blue"),
    SpectralIndex(
        "evi", _evi, ("red", "nir", "blue"), "reflectance", "Enhanced vegetation index",
        "2.5 (nir - red) / (nir + 6 red - 7.5 blue + 1)",
        "Huete et al. 2002, doi:10.1016/S0034-4257(02)00096-2",
    ),
    SpectralIndex(
        "evi2", _evi2, ("red", "nir"), "reflectance", "Two-band enhanced vegetation index",
        "2.5 (nir - red) / (nir + 2.4 red + 1)",
        "Jiang et al. 2008, doi:10.1016/j.rse.2008.06.006",
    ),
    SpectralIndex(
        "savi", _savi, ("red", "nir"), "reflectance", "Soil-adjusted vegetation index, L = 0.5",
        "1.5 (nir - red) / (nir + red + 0.5)",
        "Huete 1988, doi:10.1016/0034-4257(88)90106-X",
    ),
    SpectralIndex(
        "msavi", _msavi, ("red", "nir"), "reflectance",
        "Modified soil-adjusted vegetation index, its second form without a soil line",
        "(2 nir + 1 - sqrt((2 nir + 1)^2 - 8 (nir - red))) / 2",
        "Qi et al. 1994, doi:10.1016/0034-4257(94)90134-1, equation 19",
    ),
    *_tasselled_caps(),
)  # fmt: skip
