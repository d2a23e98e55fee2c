"""National Agriculture Imagery Program: aerial photographs of the United States."""

from __future__ import annotations

from ...benchmarks.layer import GeoLayer
from ...sensors.naip_bands import NAIP_BANDS

LAYER = GeoLayer(
    name="NAIP",
    about="aerial photographs of the USA, quarter quads of 0.3 to 1 m",
    opened_by="geoloom.datasets.sensors.naip:NAIP",
    bands=NAIP_BANDS,
    home="https://naip-usdaonline.hub.arcgis.com",
    citation="USDA Farm Production and Conservation, National Agriculture Imagery Program",
    licence="public domain",
    by_hand=(
        "search for scenes with geoloom.datasets.StacDataset, or fetch them at "
        "https://earthexplorer.usgs.gov"
    ),
)
