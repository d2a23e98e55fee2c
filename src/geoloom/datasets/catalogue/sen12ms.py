"""SEN12MS: land cover on patches of Sentinel-1 and Sentinel-2."""

from __future__ import annotations

from dataclasses import replace

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures
from ..samples.stacks import BandStack
from ..sensors.sentinel1_bands import SENTINEL1_BANDS
from ..sensors.sentinel2_bands import LEVEL_1C_PATCHES

_IGBP = (
    "Evergreen Needleleaf Forests",
    "Evergreen Broadleaf Forests",
    "Deciduous Needleleaf Forests",
    "Deciduous Broadleaf Forests",
    "Mixed Forests",
    "Closed Shrublands",
    "Open Shrublands",
    "Woody Savannas",
    "Savannas",
    "Grasslands",
    "Permanent Wetlands",
    "Croplands",
    "Urban and Built-up Lands",
    "Cropland/Natural Vegetation Mosaics",
    "Permanent Snow and Ice",
    "Barren",
    "Water Bodies",
)
"""Stored as 1 to 17."""
_MD5 = {
    "ROIs1158_spring": (
        "6e2e8fa8b8cba77ddab49fd20ff5c37b",
        "fba019bb27a08c1db96b31f718c34d79",
        "d58af2c15a16f376eb3308dc9b685af2",
    ),
    "ROIs1868_summer": (
        "2c5bd80244440b6f9d54957c6b1f23d4",
        "01044b7f58d33570c6b57fec28a3d449",
        "4dbaf72ecb704a4794036fe691427ff3",
    ),
    "ROIs1970_fall": (
        "9b126a68b0e3af260071b3139cb57cee",
        "19132e0aab9d4d6862fd42e8e6760847",
        "b8f117818878da86b5f5e06400eb1866",
    ),
    "ROIs2017_winter": (
        "0fa0420ef7bcfe4387c7e6fe226dc728",
        "bb8cbfc16b95a4f054a3d5380e0130ed",
        "3807545661288dcca312c9c538537b63",
    ),
}
"""Of land cover, Sentinel-1 and Sentinel-2."""
_SETS = {
    "s1": tuple(replace(band, unit="dB", gsd_m=10.0) for band in SENTINEL1_BANDS[:2]),
    "s2": LEVEL_1C_PATCHES,
}
_PATCH = "{season}/%s_{scene}/{season}_%s_{scene}_p{patch}.tif"

BENCHMARK = Benchmark(
    name="SEN12MS",
    about="land cover of MODIS on patches of Sentinel-1 and Sentinel-2 from all over the world, 10 m",
    files=(
        *(
            RemoteFile(
                f"{season}_{kind}.tar.gz",
                None,
                f"md5:{md5}",
                gives=f"{season}/{kind}_*",
                bands=kind if kind in _SETS else None,
            )
            for season, sums in _MD5.items()
            for kind, md5 in zip(("lc", "s1", "s2"), sums, strict=True)
        ),
        RemoteFile("train_list.txt", None, "md5:0a68d4e1eb24f128fccdb930000b2546"),
        RemoteFile("test_list.txt", None, "md5:c7faad064001e646445c4c634169484d"),
    ),
    # Counted by the land cover, so that radar alone needs no file of Sentinel-2.
    layout=PatternLayout(
        _PATCH.replace("{season}", "{season:ROIs[0-9]+_[a-z]+}", 1) % ("lc", "lc"),
        {kind: _PATCH % (kind, kind) for kind in _SETS},
        column="mask",
        optional=tuple(_SETS),
        lists=(("train", "train_list.txt"), ("test", "test_list.txt")),
        listed_as="{season}_s2_{scene}_p{patch}.tif",
    ),
    image=BandStack(
        (Pictures(_SETS["s1"], "float32", "s1"), Pictures(_SETS["s2"], "uint16", "s2"))
    ),
    targets=(
        Masks(
            Pictures((Band("IGBP"),), "int32", column="mask", channels=(0,)),
            Codes({code: code - 1 for code in range(1, 18)}, unlabelled=(0, 255)),
        ),
    ),
    outputs=ClassOutputs(Classes.from_legend(dict(enumerate(_IGBP)))),
    band_sets={
        **{kind: tuple(band.name for band in bands) for kind, bands in _SETS.items()},
        "all": tuple(band.name for bands in _SETS.values() for band in bands),
    },
    samples=180_662,
    size=(256, 256),
    placed=True,
    home="https://mediatum.ub.tum.de/1474000",
    citation="Schmitt et al. 2019, ISPRS Annals IV-2/W7, arXiv 1906.07789",
    licence="CC BY 4.0",
    note=(
        "`mask` is the first of four bands, IGBP of 500 m; its classes are stored as 1 to 17. Their "
        "names, the number of samples and the licence are from memory"
    ),
    by_hand=(
        "fetch the archives from https://mediatum.ub.tum.de/1474000 (dataserv.ub.tum.de, m1474000) and the "
        "two lists from the folder splits of https://github.com/schmitt-muc/SEN12MS"
    ),
)
