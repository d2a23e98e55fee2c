"""Spectral indices as functions, and as layers that append them, by the names that TorchGeo has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.errors import ConfigError
from .index_table import TASSELLED_CAPS, Array
from .indices import AppendIndex, apply_index, compute_index, get_index, join_bands


@dataclass(frozen=True, slots=True)
class IndexOf:
    """An index as a function of an image and the channels of its bands.

    Example:
        >>> import numpy as np
        >>> IndexOf("ndwi")(np.array([3.0, 1.0]).reshape(2, 1, 1), green=0, nir=1).item()
        0.5
    """

    name: str

    def __call__(self, image: Array, *, factor: float | None = None, **positions: int) -> Array:
        """The index; arguments and errors as of `compute_index`, each band by its name.

        Args:
            image: (..., C, H, W), any numeric dtype.
            factor: What reflectance 1 is stored as.
            positions: Channel of each band that the formula needs, 0-based: `red=3, nir=4`.

        Returns:
            float32 (..., 1, H, W); NaN where the formula has no value.
        """
        return compute_index(self.name, image, positions, factor=factor)


@dataclass(frozen=True, slots=True)
class LayerOf:
    """Makes `AppendIndex` of an index, by TorchGeo's arguments: channels as `index_nir=3`, in its order.

    Example:
        >>> LayerOf("ndvi", {"index_nir": "nir", "index_red": "red"})(index_nir=3, index_red=2).positions
        {'nir': 3, 'red': 2}
    """

    name: str
    arguments: Mapping[str, str] = field(hash=False)
    """Of TorchGeo's layer, in its order -> the band that each is of."""

    def __call__(self, *positions: int, factor: float | None = None, **named: int) -> AppendIndex:
        """The layer.

        Raises:
            ConfigError: a channel is missing, given twice, or none of this index.
        """
        given = dict(zip(self.arguments, positions, strict=False))
        doubtful = (given.keys() & named.keys()) | (named.keys() - self.arguments.keys())
        given |= named
        if doubtful or len(positions) > len(self.arguments) or len(given) < len(self.arguments):
            raise ConfigError(
                f"the layer of {self.name!r} takes {', '.join(self.arguments)}, once each; found "
                f"{len(positions)} positions and {', '.join(named) or 'no names'}"
            )
        return AppendIndex(
            self.name, {self.arguments[key]: at for key, at in given.items()}, factor
        )


def tasselled_cap(
    image: Array, sensor: str, positions: Mapping[str, int], *, factor: float | None = None
) -> Array:
    """Brightness, greenness and wetness: a rotation of six bands.

    Args:
        image: (..., C, H, W), reflectance 0..1 once divided by `factor`: at the top of the atmosphere, but
            for `landsat5`, whose weights are of reflectance factors measured at the ground.
        sensor: One of `TASSELLED_CAPS`, which gives the weights.
        positions: Channels of blue, green, red, nir, swir1 and swir2, 0-based.
        factor: What reflectance 1 is stored as, such as 10000.

    Returns:
        float32 (..., 3, H, W).

    Raises:
        ConfigError: the sensor has none; or as `compute_index`.

    Source:
        Of each sensor, in `get_index("tc_brightness_landsat8").source` and the like.

    Example:
        >>> import numpy as np
        >>> image, six = np.ones((6, 1, 1)), ("blue", "green", "red", "nir", "swir1", "swir2")
        >>> tasselled_cap(image, "landsat8", {band: i for i, band in enumerate(six)}).shape
        (3, 1, 1)
    """
    if sensor not in TASSELLED_CAPS:
        raise ConfigError(
            f"no tasselled cap of {sensor!r} is known; choose one of {', '.join(TASSELLED_CAPS)}"
        )
    axes = (get_index(f"tc_{axis}_{sensor}") for axis in ("brightness", "greenness", "wetness"))
    return join_bands([apply_index(axis, image, positions, factor=factor) for axis in axes])


ndvi = IndexOf("ndvi")
"""Normalised difference vegetation index, (nir - red) / (nir + red); Rouse et al. 1974."""
ndwi = IndexOf("ndwi")
"""Normalised difference water index, (green - nir) / (green + nir); McFeeters 1996."""
mndwi = IndexOf("mndwi")
"""Modified normalised difference water index, (green - swir1) / (green + swir1); Xu 2006."""
ndbi = IndexOf("ndbi")
"""Normalised difference built-up index, (swir1 - nir) / (swir1 + nir); Zha et al. 2003."""
ndsi = IndexOf("ndsi")
"""Normalised difference snow index, (green - swir1) / (green + swir1); Hall et al. 1995."""
nbr = IndexOf("nbr")
"""Normalised burn ratio, (nir - swir2) / (nir + swir2); Key and Benson 2006."""
ndre = IndexOf("ndre")
"""Normalised difference red-edge index, (nir - rededge1) / (nir + rededge1); Gitelson and Merzlyak 1994."""
swi = IndexOf("swi")
"""Sentinel-2 water index, (rededge1 - swir2) / (rededge1 + swir2); Jiang et al. 2021."""
gndvi = IndexOf("gndvi")
"""Green NDVI, (nir - green) / (nir + green); Gitelson et al. 1996."""
bndvi = IndexOf("bndvi")
"""Blue NDVI, (nir - blue) / (nir + blue); Wang et al. 2007."""
gbndvi = IndexOf("gbndvi")
"""Green-blue NDVI, (nir - green - blue) / (nir + green + blue); Wang et al. 2007."""
grndvi = IndexOf("grndvi")
"""Green-red NDVI, (nir - green - red) / (nir + green + red); Wang et al. 2007."""
rbndvi = IndexOf("rbndvi")
"""Red-blue NDVI, (nir - red - blue) / (nir + red + blue); Wang et al. 2007."""
evi = IndexOf("evi")
"""Enhanced vegetation index, 2.5 (nir - red) / (nir + 6 red - 7.5 blue + 1), on reflectance; Huete 2002."""
evi2 = IndexOf("evi2")
"""Two-band enhanced vegetation index, 2.5 (nir - red) / (nir + 2.4 red + 1), on reflectance; Jiang 2008."""
savi = IndexOf("savi")
"""Soil-adjusted vegetation index, 1.5 (nir - red) / (nir + red + 0.5), on reflectance; Huete 1988."""
msavi = IndexOf("msavi")
"""Modified soil-adjusted vegetation index, its second form, on reflectance; Qi et al. 1994."""

_NIR, _RED, _GREEN, _BLUE = ({f"index_{band}": band} for band in ("nir", "red", "green", "blue"))

AppendNDVI = LayerOf("ndvi", {**_NIR, **_RED})
"""`AppendNDVI(index_nir, index_red)`."""
AppendNDWI = LayerOf("ndwi", {**_GREEN, **_NIR})
"""`AppendNDWI(index_green, index_nir)`."""
AppendMNDWI = LayerOf("mndwi", {**_GREEN, "index_swir": "swir1"})
"""`AppendMNDWI(index_green, index_swir)`."""
AppendNDBI = LayerOf("ndbi", {"index_swir": "swir1", **_NIR})
"""`AppendNDBI(index_swir, index_nir)`."""
AppendNDSI = LayerOf("ndsi", {**_GREEN, "index_swir": "swir1"})
"""`AppendNDSI(index_green, index_swir)`."""
AppendNBR = LayerOf("nbr", {**_NIR, "index_swir": "swir2"})
"""`AppendNBR(index_nir, index_swir)`."""
AppendNDRE = LayerOf("ndre", {**_NIR, "index_vre1": "rededge1"})
"""`AppendNDRE(index_nir, index_vre1)`."""
AppendSWI = LayerOf("swi", {"index_vre1": "rededge1", "index_swir2": "swir2"})
"""`AppendSWI(index_vre1, index_swir2)`."""
AppendGNDVI = LayerOf("gndvi", {**_NIR, **_GREEN})
"""`AppendGNDVI(index_nir, index_green)`."""
AppendBNDVI = LayerOf("bndvi", {**_NIR, **_BLUE})
"""`AppendBNDVI(index_nir, index_blue)`."""
AppendGBNDVI = LayerOf("gbndvi", {**_NIR, **_GREEN, **_BLUE})
"""`AppendGBNDVI(index_nir, index_green, index_blue)`."""
AppendGRNDVI = LayerOf("grndvi", {**_NIR, **_GREEN, **_RED})
"""`AppendGRNDVI(index_nir, index_green, index_red)`."""
AppendRBNDVI = LayerOf("rbndvi", {**_NIR, **_RED, **_BLUE})
"""`AppendRBNDVI(index_nir, index_red, index_blue)`."""
AppendEVI = LayerOf("evi", {**_NIR, **_RED, **_BLUE})
"""`AppendEVI(index_nir, index_red, index_blue, factor=)`."""
AppendEVI2 = LayerOf("evi2", {**_NIR, **_RED})
"""`AppendEVI2(index_nir, index_red, factor=)`."""
AppendSAVI = LayerOf("savi", {**_NIR, **_RED})
"""`AppendSAVI(index_nir, index_red, factor=)`."""
AppendMSAVI = LayerOf("msavi", {**_NIR, **_RED})
"""`AppendMSAVI(index_nir, index_red, factor=)`."""
