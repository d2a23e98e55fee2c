"""Benin: cashew plantations of smallholders through a year of Sentinel-2."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, RemoteFile
from ..benchmarks.tiles import chip_sizes, through
from ..samples.burnt import BurntAreas
from .cv4akenyacroptype import CLOUDS, LEVEL_2A_TILES

_DAYS = (
    "20191105", "20191110", "20191115", "20191120", "20191130", "20191205", "20191210", "20191215",
    "20191220", "20191225", "20191230", "20200104", "20200109", "20200114", "20200119", "20200124",
    "20200129", "20200208", "20200213", "20200218", "20200223", "20200228", "20200304", "20200309",
    "20200314", "20200319", "20200324", "20200329", "20200403", "20200408", "20200413", "20200418",
    "20200423", "20200428", "20200503", "20200508", "20200513", "20200518", "20200523", "20200528",
    "20200602", "20200607", "20200612", "20200617", "20200622", "20200627", "20200702", "20200707",
    "20200712", "20200717", "20200722", "20200727", "20200801", "20200806", "20200811", "20200816",
    "20200821", "20200826", "20200831", "20200905", "20200910", "20200915", "20200920", "20200925",
    "20200930", "20201010", "20201015", "20201020", "20201025", "20201030",
)  # fmt: skip
# As the dataset spells them; its class 0, "No data", is no label.
_CLASSES = Classes.from_legend(
    dict(
        enumerate(
            (
                "Well-managed planatation",
                "Poorly-managed planatation",
                "Non-planatation",
                "Residential",
                "Background",
                "Uncertain",
            )
        )
    )
)


_CHIPS = chip_sizes(("00",), (1186, 1122), _DAYS, 256, 128, 512)
_IMAGE = through(
    _DAYS,
    (*LEVEL_2A_TILES, CLOUDS),
    lambda day, band: f"imagery/{{tile}}/{{tile}}_{day}/{{tile}}_{day}_{band.name}_10m.tif",
    "uint16",
)

BENCHMARK = Benchmark(
    name="BeninSmallHolderCashews",
    about="cashew plantations of smallholders in Benin, 70 dates of Sentinel-2 from 2019 to 2020",
    files=(RemoteFile("imagery", None), RemoteFile("labels/00.geojson", None)),
    **_CHIPS.values["256"],
    choices=(_CHIPS,),
    image=_IMAGE,
    targets=(
        BurntAreas(
            "labels/00.geojson", "class", {str(code): code - 1 for code in range(1, 7)}, _IMAGE
        ),
    ),
    outputs=ClassOutputs(_CLASSES),
    placed=True,
    band_sets={"optical": tuple(band.name for band in LEVEL_2A_TILES)},
    home="https://doi.org/10.34911/rdnt.hfv20i",
    citation="Technoserve and Radiant Earth Foundation 2021, Smallholder Cashew Plantations in Benin",
    licence="CC BY 4.0",
    note=(
        "Pixels in no area, and those of class 0 (No data), are not labelled. The last windows overlap those "
        "before them"
    ),
    by_hand=(
        "copy the folders imagery and labels by azcopy from "
        "https://radiantearth.blob.core.windows.net/mlhub/technoserve-cashew-benin"
    ),
)
