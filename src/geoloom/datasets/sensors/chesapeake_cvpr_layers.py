"""The layers of the tiles of Chesapeake CVPR: their bands, and what their codes mean. Loads no torch.

Source: Robinson et al. 2019, Large Scale High-Resolution Land Cover Mapping with Multi-Resolution Data, CVPR;
Multi-Resolution Land Characteristics Consortium, legend of the National Land Cover Database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...core.bands import Band
from .naip_bands import NAIP_BANDS

LAND_COVER: Mapping[int, str] = {
    1: "water",
    2: "forest",
    3: "low vegetation",
    4: "barren",
    5: "impervious, other",
    6: "impervious, road",
}
"""Of layer `lc`. The one place where its names stand, as they are not settled: 0 is no class, 15 no data."""

NATIONAL_LAND_COVER: Mapping[int, str] = {
    11: "open water",
    12: "perennial ice and snow",
    21: "developed, open space",
    22: "developed, low intensity",
    23: "developed, medium intensity",
    24: "developed, high intensity",
    31: "barren land",
    41: "deciduous forest",
    42: "evergreen forest",
    43: "mixed forest",
    52: "shrub and scrub",
    71: "grassland",
    81: "pasture and hay",
    82: "cultivated crops",
    90: "woody wetlands",
    95: "emergent herbaceous wetlands",
}

PRIOR = "prior_from_cooccurrences_101_31_no_osm_no_buildings"
"""An extension, fetched apart."""


@dataclass(frozen=True, slots=True)
class TileLayer:
    """One of the rasters of each tile."""

    bands: tuple[Band, ...] = ()
    """In file order; empty: as the files say."""
    class_names: Mapping[int, str] = field(default_factory=dict, hash=False)
    """What its codes mean; empty of measurements."""

    @property
    def is_image(self) -> bool:
        """Whether it holds measurements and not classes."""
        return not self.class_names


def _classes(names: Mapping[int, str], nodata: int | None) -> TileLayer:
    return TileLayer((Band("class", "class", nodata=nodata),), names)


TILE_LAYERS: Mapping[str, TileLayer] = {
    "naip-new": TileLayer(NAIP_BANDS),
    "naip-old": TileLayer(NAIP_BANDS),
    "landsat-leaf-on": TileLayer(),
    "landsat-leaf-off": TileLayer(),
    "nlcd": _classes(NATIONAL_LAND_COVER, 0),
    "lc": _classes(LAND_COVER, 15),
    "buildings": _classes({0: "no building", 1: "building"}, None),
    PRIOR: TileLayer(),
}
"""By what stands for them at the end of files' names."""

STATES = ("de", "md", "va", "wv", "pa", "ny")
SPLITS = tuple(f"{state}-{part}" for state in STATES for part in ("train", "val", "test"))
