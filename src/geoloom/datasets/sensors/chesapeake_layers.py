"""The declarations of the states around the Chesapeake Bay, which differ in files alone. Loads no torch."""

from __future__ import annotations

from ...core.bands import Band
from ..benchmarks.declaration import RemoteFile
from ..benchmarks.layer import GeoLayer

CHESAPEAKE_BANDS = (Band("class", "class", gsd_m=1.0, nodata=127),)

_HOME = (
    "https://hf.co/datasets/torchgeo/chesapeake/resolve/1e0370eda6a24d93af4153745e54fd383d015bf5/"
)


def chesapeake(state: str, title: str, md5: dict[int, str]) -> GeoLayer:
    """The declaration of one state.

    Args:
        state: Its two letters.
        title: Its name.
        md5: Of the archive of each year.
    """
    stems = {year: f"{state.lower()}_lulc_{year}_2022-Edition" for year in md5}
    return GeoLayer(
        name=f"Chesapeake{state}",
        about=f"land use and land cover of {title}, 1 m",
        opened_by=f"geoloom.datasets.sensors.chesapeake:Chesapeake{state}",
        files=tuple(
            RemoteFile(
                f"{stems[year]}.zip",
                f"{_HOME}{stems[year]}.zip",
                f"md5:{md5[year]}",
                gives=f"{stems[year]}.tif",
                part=str(year),
            )
            for year in md5
        ),
        bands=CHESAPEAKE_BANDS,
        home="https://doi.org/10.5066/P981GV1L",
        citation="Chesapeake Bay Program 2023, Land Use and Land Cover Database, 2022 Edition",
        licence="CC0-1.0",
        note="Codes 11 to 95, 127 where nothing is known; their names are those that the files have, if any",
    )
