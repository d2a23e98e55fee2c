"""Endings of file names, lower case, by what the files hold."""

from __future__ import annotations

JSON_SUFFIXES = (".json", ".geojson")
PARQUET_SUFFIXES = (".parquet", ".geoparquet")
SHAPEFILE_SUFFIXES = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""Files that are one layer only together."""
VECTOR_SUFFIXES = frozenset(
    (".shp", ".gpkg", *JSON_SUFFIXES, *PARQUET_SUFFIXES, ".kml", ".gml", ".fgb", ".gdb")
)
"""Files of features; that of a GeoPackage or a geodatabase may hold rasters, too."""
