"""The page itself: template, style, scripts and map data in one file without outside parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..figures.map_frame import lonlat, north_in_pixels, pixel_size_m
from .layers import Layer

_NODES = 13
"""Side of the lattice from which the page interpolates longitude and latitude below the pointer."""


@cache
def asset(name: str) -> str:
    """A file from the package's assets."""
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def render(content: Mapping[str, str], map_data: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        content: HTML for each name in the template; already escaped.
        map_data: Plain values for the map's script.
    """
    # No asset of Leaflet's style sheet is used; left in, the browser would look for files beside the page.
    leaflet_css = re.sub(r"url\([^)]*\)", "none", asset("leaflet.css"))
    leaflet_js = re.sub(r"//# sourceMappingURL=\S+", "", asset("leaflet.js"))
    return Template(asset("report.html")).substitute(
        content,
        leaflet_css=_without_comments(leaflet_css),
        leaflet_js=_in_script(leaflet_js),
        leaflet_license=escape(asset("leaflet.LICENSE")).replace("--", "- -"),
        css=asset("report.css"),
        js=_in_script(asset("report.js")),
        map_data=script_json(map_data),
    )


def map_data(
    grid: GeoBox, layers: Sequence[Layer], classes: Classes, areas: Mapping[str, str]
) -> dict[str, Any]:
    """What the map's script needs: layers, classes, and where pixels lie."""
    height, width = (int(n) for n in grid.shape)
    across, down = pixel_size_m(grid)
    cols, rows = np.meshgrid(np.linspace(0, width, _NODES), np.linspace(0, height, _NODES))
    lon, lat = lonlat(grid, cols, rows)
    ahead = north_in_pixels(grid)
    tilt = 0.0 if ahead is None else float(np.degrees(np.arctan2(ahead[0], -ahead[1])))
    return {
        "width": width,
        "height": height,
        "rowScale": down / across,
        "metresPerPixel": across,
        "north": round(tilt, 2),
        "nodes": _NODES,
        "lon": np.round(lon, 6).tolist() if np.isfinite(lon).all() else None,
        "lat": np.round(lat, 6).tolist() if np.isfinite(lat).all() else None,
        "layers": [
            {"key": layer.key, "title": layer.title, "kind": layer.kind, "src": layer.uri}
            for layer in layers
        ],
        "classes": [
            {"name": name, "color": color, "area": areas.get(name, "")}
            for name, _, color in classes
        ],
    }


def script_json(values: Any) -> str:
    """JSON that can stand inside a `<script>`: nothing in it can close the element or open a comment.

    Example:
        >>> script_json({"name": "</script><b>"})
        '{"name":"\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e"}'
    """
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    table = {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
    return "".join(table.get(c, c) for c in text) if set(table) & set(text) else text


def _in_script(code: str) -> str:
    return code.replace("</script", "<\\/script")


def _without_comments(css: str) -> str:
    return re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
