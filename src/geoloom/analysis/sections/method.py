"""How a report's results were made, so that they can be made again."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence

from odc.geo.geobox import GeoBox

from ..._version import __version__
from ...core.grid import crs_name
from ...figures.map_frame import pixel_size_m
from ..content import Section
from ..evidence.accuracies import A
from ..evidence.facts import Facts
from ..tables import flattened, pairs_table
from .html import folded

_LIBRARIES = ("numpy", "rasterio", "torch", "lightning", "zarr", "matplotlib")


def method_section(facts: Facts[A], notes: str, rows: Sequence[tuple[str, str]]) -> Section:
    """How figures were counted, files, settings and versions.

    Args:
        facts: Of the report.
        notes: How the figures are counted, in sentences.
        rows: Files, and what else is to be known of them: names and values.
    """
    records = "".join(
        folded(f"{title} settings, as run", pairs_table(flattened(content)))
        for title, content in facts.settings
    )
    software = folded("Software", pairs_table(versions()))
    body = f"<p>{notes}</p>{pairs_table(rows)}{records}{software}"
    return Section("method", "Method", "Method and settings", body)


def describe_grid(grid: GeoBox) -> list[tuple[str, str]]:
    """A grid's size, pixels and CRS in words."""
    height, width = grid.shape
    across, down = pixel_size_m(grid)
    return [
        ("Size", f"{width:,} × {height:,} pixels"),
        ("Pixel on the ground", f"{across:.4g} m × {down:.4g} m"),
        ("Extent", f"{width * across / 1000:,.4g} km × {height * down / 1000:,.4g} km"),
        ("CRS", _crs_title(grid)),
    ]


def versions() -> list[tuple[str, str]]:
    """The software that made the report."""
    import rasterio

    listed = [("geoloom", __version__), ("Python", platform.python_version())]
    for name in _LIBRARIES:
        try:
            listed.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return [*listed, ("GDAL", rasterio.__gdal_version__), ("Leaflet", "1.9.4")]


def _crs_title(grid: GeoBox) -> str:
    from pyproj import CRS

    name = crs_name(grid.crs)
    title = CRS(name).name
    return f"{title} ({name})" if name.startswith("EPSG") else title
