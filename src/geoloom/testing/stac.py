"""STAC documents as attackers, careless servers and disks damage them, and what opening one may then do.

Example:
    A trial is a number; 500 of them, in bounded processes::

        tally = Tally.of(run_trials(open_damaged_stac, range(500), warm_up=warm_up))
        assert not tally.failures, tally.report()
"""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.datasets import StacDataset

from .damage import one_of
from .ramps import write_raster
from .stac_damage import DOCUMENT_DAMAGES, TABLE_DAMAGES, write_document
from .trials import require

GRID = GeoBox((64, 48), Affine(10, 0, 600_000, 0, -10, 5_000_000), "EPSG:32633")
VALUES = {"red": 1000, "nir": 2000, "classes": 7}
"""Of the sound files, each of one value: what is valid in an answer is one of these."""


def sound_item(name: str, folder: str = ".") -> dict[str, Any]:
    """An item with all that is looked at in one, whose files lie in a folder."""
    left, bottom, right, top = 16.2719, 45.1406, 16.2781, 45.1464
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "fields",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [left, bottom, right, top],
        "properties": {
            "datetime": "2019-07-01T10:00:00Z",
            "start_datetime": "2019-07-01T10:00:00Z",
            "end_datetime": "2019-07-01T10:01:00Z",
            "eo:cloud_cover": 12.5,
            "gsd": 10,
            "proj:code": "EPSG:32633",
            "proj:shape": list(GRID.shape),
            "proj:transform": list(GRID.affine[:6]),
        },
        "links": [{"rel": "self", "href": f"./{name}.json"}],
        "assets": {
            band: {
                "href": f"{folder}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "eo:bands": [{"name": f"b_{band}", "common_name": band, "center_wavelength": 0.66}],
                "raster:bands": [
                    {"scale": 1.0, "offset": 0.0, "nodata": 0, "spatial_resolution": 10}
                ],
            }
            for band in VALUES
        },
    }


def write_sound(folder: Path) -> list[Path]:
    """A catalogue with a collection of items, an item collection, an item alone, a table, and their files.

    Returns:
        What can be opened; the last is the folder of documents without a catalogue.
    """
    (folder / "items").mkdir(parents=True, exist_ok=True)
    for band, value in VALUES.items():
        write_raster(
            folder / "items" / f"{band}.tif", np.full((1, *GRID.shape), value, "uint16"), GRID
        )
    names = ["first", "second"]
    for name in names:
        write_document(folder / "items" / f"{name}.json", sound_item(name))
    items = [sound_item(name, "./items") for name in names]
    write_document(folder / "collected.json", {"type": "FeatureCollection", "features": items})
    extent = {
        "spatial": {"bbox": [[16.0, 45.0, 17.0, 46.0]]},
        "temporal": {"interval": [["2019-01-01T00:00:00Z", None]]},
    }
    links = [{"rel": "item", "href": f"./items/{name}.json"} for name in names]
    write_document(folder / "collection.json", _catalog("Collection", links, extent=extent))
    links = [{"rel": "child", "href": "./collection.json"}, {"rel": "root", "href": "./top.json"}]
    write_document(folder / "top.json", _catalog("Catalog", links))
    _write_table(folder / "table.parquet", items)
    paths = ["top.json", "collected.json", "items/first.json", "table.parquet", "items"]
    return [folder / path for path in paths]


def open_damaged_stac(seed: int) -> str:
    """Damage a document in the way of a number, open what leads to it, and read from it.

    Raises:
        GeoloomError: the damage was noticed.
        DiffersError: it was not, and pixels came out that no file holds.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="geoloom-stac-") as made:
        folder = Path(made) / "stac"
        shutil.copytree(_sound(), folder)
        opened = folder / one_of(_OPENED, rng)
        tables = opened.suffix == ".parquet"
        damage = one_of(TABLE_DAMAGES if tables else DOCUMENT_DAMAGES, rng)
        changed = opened if tables else one_of(sorted(folder.rglob("*.json")), rng)
        damage(changed, rng)
        source: Any = opened
        if opened.is_file() and not tables and seed % 4 == 0:
            source = _in_memory(opened)
        dataset = StacDataset(source, **one_of(_ASKED, rng))
        _check(dataset)
    return damage.__name__


def warm_up() -> None:
    """Make the sound documents and load what reading them needs."""
    for path in _OPENED:
        _check(StacDataset(_sound() / path))


def _check(dataset: StacDataset) -> None:
    """Read a corner of each scene: what is valid is what the files hold."""
    for region in dataset.regions[:3]:
        frame = region.frame
        assert frame is not None  # scenes have pixels
        rows, cols = (slice(0, min(side, 16)) for side in frame.shape)
        sample = dataset[frame[rows, cols]]
        values = sample["image"].numpy()[:, sample["valid"].numpy()]
        require(np.isin(values, list(VALUES.values())).all(), "pixels that no file holds")


@lru_cache
def _sound() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="geoloom-stac-")
    _KEPT.append(folder)
    write_sound(Path(folder.name))
    return Path(folder.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Folders of sound documents, which go with the process."""

_OPENED = ("top.json", "collected.json", "items/first.json", "table.parquet", "items")
_ASKED: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"bands": ["red", "nir"]},
    {"roi": (16.0, 45.0, 16.5, 45.5), "when": "2019-07"},
    {"where": {"eo:cloud_cover": (None, 50)}, "collections": "fields"},
    {"grids": "files"},
)


def _catalog(kind: str, links: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "stac_version": "1.0.0",
        "id": "fields",
        "description": "made for a trial",
        "links": links,
        **more,
    }


def _write_table(path: Path, items: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from shapely.geometry import shape

    rows = [
        {
            **{k: v for k, v in item.items() if k not in ("properties", "geometry")},
            **item["properties"],
            "geometry": shape(item["geometry"]).wkb,
        }
        for item in items
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def _in_memory(path: Path) -> Any:
    """A document as it came from somewhere, with absolute addresses; the path where it is none any more."""
    try:
        document = json.loads(path.read_text().replace('"./', f'"{path.parent}/'))
    except (ValueError, RecursionError):
        return path
    kind = document.get("type") if isinstance(document, dict) else None
    return document if str(kind).startswith("Feature") else path
