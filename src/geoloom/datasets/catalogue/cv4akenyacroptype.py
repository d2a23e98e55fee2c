"""CV4A Kenya: crops of smallholders through a season of Sentinel-2."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.dated import DatedLayout, day_seconds
from ..benchmarks.declaration import Benchmark, Choice, RemoteFile
from ..benchmarks.folders import objects
from ..benchmarks.function import FunctionLayout
from ..samples.listing import Listing
from ..samples.masks import Codes, Masks
from ..samples.stacks import BandStack, DateStack
from ..samples.windows import Windows, tiled
from ..sensors.sentinel2_bands import SENTINEL2_BANDS

_DATES = (
    "20190606", "20190701", "20190706", "20190711", "20190721", "20190805", "20190815", "20190825",
    "20190909", "20190919", "20190924", "20191004", "20191103",
)  # fmt: skip
_TIMES = tuple(f"time_{day}" for day in _DATES)
_SHAPE = (3035, 2016)
_CLASSES = Classes.from_legend({code: f"crop {code + 1}" for code in range(7)})

LEVEL_2A_TILES = tuple(
    replace(band, gsd_m=10.0, unit="surface_reflectance")
    for band in SENTINEL2_BANDS
    if band.name != "B10"
)
"""All bands of level 2A, brought to 10 m."""
CLOUDS = Band("CLD", "qa")
"""The chance of clouds, percent."""


def windows(shape: tuple[int, int], side: int, tiles: tuple[str, ...], root: Path) -> Listing:
    """Windows of all tiles."""
    found = [(tile, *window) for tile in tiles for window in tiled(shape, side)]
    names = ("row", "col", "height", "width")
    columns: dict[str, Any] = {"tile": objects(tile for tile, *_ in found)}
    columns |= {name: np.array([f[k] for f in found]) for k, name in enumerate(names, 1)}
    return Listing(root, columns)


def _find(side: int, root: Path, split: str | None) -> Listing:
    return windows(_SHAPE, side, ("0", "1", "2", "3"), root)


def _seconds(listing: Listing, row: int) -> list[float]:
    return [day_seconds(day, listing, row) for day in _DATES]


def _layout(side: int) -> dict[str, Any]:
    layout = FunctionLayout(partial(_find, side))
    count = len(range(0, _SHAPE[0], side)) * len(range(0, _SHAPE[1], side))
    return {
        "layout": DatedLayout(layout, _TIMES, _seconds),
        "size": (side, side),
        "samples": 4 * count,
    }


def _date(day: str) -> BandStack:
    return BandStack(
        tuple(
            Windows((band,), f"data/{{tile}}/{day}/{{tile}}_{band.name}_{day}.tif", "uint16")
            for band in (*LEVEL_2A_TILES, CLOUDS)
        )
    )


def _plane(name: str) -> Windows:
    return Windows((Band(name),), f"data/{{tile}}/{{tile}}_{name}.tif", "int64")


_CHIPS = {str(side): _layout(side) for side in (256, 128, 512)}

BENCHMARK = Benchmark(
    name="CV4AKenyaCropType",
    about="seven kinds of crops on fields in western Kenya, 13 dates of Sentinel-2 in 2019",
    files=(RemoteFile("data", None),),
    **_CHIPS["256"],
    choices=(Choice("chip_size", "side of the windows that tiles are cut into, pixels", _CHIPS),),
    image=DateStack(tuple(map(_date, _DATES)), _TIMES),
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
