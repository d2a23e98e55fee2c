"""Seasonal Contrast: places through the seasons, without labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ...core.errors import DatasetError
from ..benchmarks.dated import DatedLayout, day_seconds
from ..benchmarks.declaration import Benchmark, Choice, RemoteFile
from ..benchmarks.folders import names_in, objects
from ..benchmarks.function import FunctionLayout
from ..samples.listing import Listing
from ..samples.pictures import Pictures
from ..samples.stacks import BandStack, DateStack
from ..sensors.sentinel2_bands import LEVEL_1C_PATCHES

_DATES = 5
_FOLDERS = tuple(f"date_{k}" for k in range(1, _DATES + 1))
_TIMES = tuple(f"time_{k}" for k in range(1, _DATES + 1))
_ONE_DATE = re.compile(r"[0-9]{8}T[0-9]{6}_.*")


def _places(root: Path, folder: str) -> Iterator[list[str]]:
    """The folders of each place's dates, below the dataset's, oldest first."""
    for place in sorted(names_in(root / folder)):
        dates = sorted(filter(_ONE_DATE.fullmatch, names_in(root / folder / place)))
        if dates and len(dates) != _DATES:
            raise DatasetError(
                f"{root / folder / place} holds {len(dates)} dates, expected {_DATES}; the dataset is not "
                "whole: fetch its archive again"
            )
        if dates:
            yield [f"{folder}/{place}/{date}" for date in dates]


def _find(folder: str, root: Path, split: str | None) -> Listing:
    places = list(_places(root, folder))
    if not places:
        raise DatasetError(
            f"no folder in {root / folder} holds dates, such as 000000/20190105T100401_..., expected one for "
            "each place; unpack the archive there"
        )
    columns = {name: objects(p[k] for p in places) for k, name in enumerate(_FOLDERS)}
    return Listing(root, {"place": objects(p[0].split("/")[1] for p in places), **columns})


def _times(listing: Listing, row: int) -> list[float]:
    """From the names of the folders, such as 20190105T100401_20190105T100429_T32TQM."""
    names = [listing.columns[column][row].rpartition("/")[2] for column in _FOLDERS]
    return [day_seconds(name[:8], listing, row) for name in names]


def _version(name: str, md5: str, samples: int) -> dict[str, Any]:
    archive, folder = f"seco_{name}.zip", f"seasonal_contrast_{name}"
    address = f"https://zenodo.org/records/4728033/files/{archive}?download=1"
    return {
        "files": (RemoteFile(archive, address, f"md5:{md5}", gives=folder),),
        "layout": DatedLayout(FunctionLayout(partial(_find, folder)), _TIMES, _times),
        "samples": samples,
    }


_VERSIONS = {
    "100k": _version("100k", "ebf2d5e03adc6e657f9a69a20ad863e0", 20_000),
    "1m": _version("1m", "187963d852d4d3ce6637743ec3a4bd9e", 200_000),
}


def _date(column: str) -> BandStack:
    bands = [replace(b, scale=1.0, unit=None) for b in LEVEL_1C_PATCHES if b.name != "B10"]
    files = (f"B{band.name[1:].lstrip('0')}.tif" for band in bands)
    pictures = (
        Pictures((band,), column=column, inside=file)
        for band, file in zip(bands, files, strict=True)
    )
    return BandStack(tuple(pictures), size=(264, 264))


BENCHMARK = Benchmark(
    name="SeasonalContrastS2",
    about="places through the seasons: five dates of Sentinel-2 each, 12 bands, no labels",
    **_VERSIONS["100k"],
    choices=(Choice("version", "how many images in all", _VERSIONS),),
    image=DateStack(tuple(map(_date, _FOLDERS)), _TIMES),
    size=(264, 264),
    home="https://github.com/ServiceNow/seasonal-contrast",
    citation="Mañas et al. 2021, ICCV, arXiv 2103.16607",
    note=(
        "Values are of 8 bits, and how they come of reflectance is not told; bands of 20 and 60 m are "
        "brought to 10 m"
    ),
)
