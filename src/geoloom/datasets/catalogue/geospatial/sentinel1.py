"""Sentinel-1: radar backscatter."""

from __future__ import annotations

from ...benchmarks.layer import GeoLayer
from ...sensors.sentinel1_bands import SENTINEL1_BANDS

LAYER = GeoLayer(
    name="Sentinel1",
    about="radar backscatter of Sentinel-1, C band: RTC, and GRD on a map's grid",
    opened_by="geoloom.datasets.sensors.sentinel1:Sentinel1",
    bands=SENTINEL1_BANDS,
    home="https://sentinels.copernicus.eu/web/sentinel/missions/sentinel-1",
    citation="Copernicus Sentinel data, European Space Agency",
    licence="free and open (terms of Copernicus Sentinel data)",
    note="A ratio of powers (linear) or decibels, as a product's name says; unit= brings all to one",
    by_hand=(
        "search for scenes with geoloom.datasets.StacDataset, or order those that are corrected for terrain "
        "(RTC) at https://search.asf.alaska.edu"
    ),
)
