"""Sentinel-2: optical scenes."""

from __future__ import annotations

from ...benchmarks.layer import GeoLayer
from ...sensors.sentinel2_bands import SENTINEL2_BANDS

LAYER = GeoLayer(
    name="Sentinel2",
    about="optical scenes of Sentinel-2, levels 1C and 2A, 10 to 60 m on one grid",
    opened_by="geoloom.datasets.sensors.sentinel2:Sentinel2",
    bands=SENTINEL2_BANDS,
    home="https://sentinels.copernicus.eu/web/sentinel/missions/sentinel-2",
    citation="Copernicus Sentinel data, European Space Agency",
    licence="free and open (terms of Copernicus Sentinel data)",
    note="Level 2A has no B10; of several resolutions of a band the finest is read",
    by_hand=(
        "search for scenes with geoloom.datasets.StacDataset, or fetch them at "
        "https://dataspace.copernicus.eu"
    ),
)
