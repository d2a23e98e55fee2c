"""CV4A Kenya: crops of smallholders through a season of Sentinel-2."""

from __future__ import annotations

from dataclasses import replace

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, RemoteFile
from ..benchmarks.tiles import chip_sizes, through
from ..samples.masks import Codes, Masks
from ..samples.windows import Windows
from ..sensors.sentinel2_bands import SENTINEL2_BANDS

_DAYS = (
    "20190606", "20190701", "20190706", "20190711", "20190721", "20190805", "20190815", "20190825",
    "20190909", "20190919", "20190924", "20191004", "20191103",
)  # fmt: skip
_CLASSES = Classes.from_legend({code: f"crop {code + 1}" for code in range(7)})

LEVEL_2A_TILES = tuple(
    replace(band, gsd_m=10.0, unit="surface_reflectance")
    for band in SENTINEL2_BANDS
    if band.name != "B10"
)
"""All bands of level 2A, brought to 10 m."""
CLOUDS = Band("CLD", "qa")
"""The chance of clouds, percent."""


def _plane(name: str) -> Windows:
    return Windows((Band(name),), f"data/{{tile}}/{{tile}}_{name}.tif", "int64")


_CHIPS = chip_sizes(("0", "1", "2", "3"), (3035, 2016), _DAYS, 256, 128, 512)

BENCHMARK = Benchmark(
    name="CV4AKenyaCropType",
    about="seven kinds of crops on fields in western Kenya, 13 dates of Sentinel-2 in 2019",
    files=(RemoteFile("data", None),),
    **_CHIPS.values["256"],
    choices=(_CHIPS,),
    image=through(
        _DAYS,
        (*LEVEL_2A_TILES, CLOUDS),
        lambda day, band: f"data/{{tile}}/{day}/{{tile}}_{band.name}_{day}.tif",
        "uint16",
    ),
    targets=(
        Masks(
            _plane("label"),
            Codes({code + 1: code for code in range(7)}, unlabelled=(0,)),
            column="tile",
        ),
        Masks(_plane("field_id"), Codes(range(1 << 16)), key="mask:field", column="tile"),
    ),
    outputs=ClassOutputs(_CLASSES),
    band_sets={"optical": tuple(band.name for band in LEVEL_2A_TILES)},
    home="https://doi.org/10.34911/rdnt.dw605x",
    citation="Radiant Earth Foundation 2020, CV4A Competition Kenya Crop Type Dataset",
    licence="CC BY-SA 4.0",
    note=(
        "0 is both no field and a field of the test, so that it is not labelled; the names of the crops are "
        "not in the files. The last windows of a tile overlap those before them"
    ),
    by_hand=(
        "copy the folder data by azcopy from "
        "https://radiantearth.blob.core.windows.net/mlhub/kenya-crop-challenge"
    ),
)
