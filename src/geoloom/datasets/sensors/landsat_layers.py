"""The declarations of the Landsats, which differ in the instrument and its years alone. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping

from ..benchmarks.layer import GeoLayer
from .landsat_bands import LandsatBands, Level


def landsat(
    name: str, instrument: str, years: str, levels: Mapping[Level, LandsatBands]
) -> GeoLayer:
    """The declaration of one satellite and instrument.

    Args:
        name: Of the class.
        instrument: In words.
        years: Of its scenes.
        levels: What it gives, that which is read unless another is asked for first.
    """
    first, *others = levels
    more = f"; {others[0]} (counts at the sensor): level={others[0]!r}" if others else ""
    return GeoLayer(
        name=name,
        about=f"scenes of the {instrument}, {years}",
        opened_by=f"geoloom.datasets.sensors.landsat:{name}",
        bands=levels[first].bands,
        home="https://www.usgs.gov/landsat-missions/landsat-collection-2",
        citation="U.S. Geological Survey, Landsat Collection 2",
        licence="public domain",
        note=f"The bands are those of {first}{more}; others are read when named in bands",
        by_hand=(
            "search for scenes with geoloom.datasets.StacDataset, or fetch them at "
            "https://earthexplorer.usgs.gov"
        ),
    )
