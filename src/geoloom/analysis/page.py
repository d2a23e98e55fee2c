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
from .content import Content, MapPart
from .layers import Layer

_NODES = 13
"""Side of the lattice from which the page interpolates longitude and latitude below the pointer."""


@cache
def asset(name: str) -> str:
    """A file from the package's assets."""
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def render(content: Content, *, version: str, written: str) -> str:
    """The whole page.

    Args:
        content: What it says.
        version: Of geoloom.
        written: When, in words.
    """
    links = [(section.key, section.link) for section in content.sections]
    parts = dict.fromkeys(("map_style", "map_scripts", "map_licence"), "")
    sections = [section.html for section in content.sections]
    if content.map is not None:
        links.insert(0, ("map", "Map"))
        sections.insert(0, Template(asset("map.html")).substitute(picture=content.map.picture))
        parts = _viewer(content.map)
    return Template(asset("report.html")).substitute(
        parts,
        kicker=content.kicker,
        title=content.title,
        subtitle=content.subtitle,
        lead=content.lead,
        tiles=content.tiles,
        nav="".join(f'<a href="#{key}">{link}</a>' for key, link in links),
        first=content.sections[0].key,
        sections="\n".join(sections),
        css=asset("report.css"),
        version=escape(version),
        written=written,
    )


def _viewer(shown: MapPart) -> dict[str, str]:
    """The parts of a page with a map: the viewer's style, scripts and licence."""
    # No asset of Leaflet's style sheet is used; left in, the browser would look for files beside the page.
    leaflet_css = re.sub(r"url\([^)]*\)", "none", asset("leaflet.css"))
    leaflet_js = re.sub(r"//# sourceMappingURL=\S+", "", asset("leaflet.js"))
    scripts = (
        f"<script>{_in_script(leaflet_js)}</script>",
        f'<script type="application/json" id="map-data">{script_json(shown.data)}</script>',
        f"<script>\n{_in_script(asset('report.js'))}\n</script>",
    )
    licence = escape(asset("leaflet.LICENSE")).replace("--", "- -")
    return {
        "map_style": f"<style>{_without_comments(leaflet_css)}</style>",
        "map_scripts": "\n".join(scripts),
        "map_licence": "<details><summary>Licence of the map viewer (Leaflet 1.9.4)</summary>"
        f"<pre>{licence}</pre></details>",
    }


def map_data(
    grid: GeoBox,
    layers: Sequence[Layer],
    *,
    classes: Classes | None = None,
    areas: Mapping[str, str] | None = None,
    ramps: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What the map's script needs: layers, their colours, and where pixels lie.

    Args:
        grid: On which all layers lie.
        layers: The lowest first.
        classes: Of layers of classes.
        areas: What the legend says of a class, by its name.
        ramps: Of layers of values, which name them by their position.
    """
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
            {
                "key": layer.key,
                "title": layer.title,
                "kind": layer.kind,
                "says": layer.says,
                "ramp": layer.ramp,
                "src": layer.uri,
            }
            for layer in layers
        ],
        "classes": [
            {"name": name, "color": color, "area": (areas or {}).get(name, "")}
            for name, _, color in classes or ()
        ],
        "ramps": list(ramps),
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
