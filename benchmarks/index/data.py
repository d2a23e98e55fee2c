"""Scenes to be found: small files with true headers, laid out over two or twenty UTM zones.

One file a zone is written by GDAL; the others are copies with other tie points, as a hundred thousand
files take minutes to write otherwise. Nothing but headers is ever read of them.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import rasterio
from affine import Affine

REGEX = r"LC08_\d{6}_(?P<date>\d{8})_SR_B4\.TIF"
"""Of the file names, for both systems."""
SIDE_PX, GSD_M = 6_100, 30.0
STEP_M = 160_000
"""Between scenes of 183 km, as far as Landsat's are apart."""
_PER_FOLDER = 10_000
_COLUMNS, _PLACES = 4, 200
_MARK = 123_456.5, 7_654_321.5
"""Where the files are first written: numbers that occur nowhere else in them."""


def make(folder: Path, count: int, zones: int) -> Path:
    """The folder of so many files, made on first use: 200 places a zone, each at many dates of nine years."""
    root = folder / f"scenes-{count}x{zones}"
    done = root / "done.json"
    if done.exists() and json.loads(done.read_text()) == [count, zones]:
        return root / "files"
    root.mkdir(parents=True, exist_ok=True)
    templates = [_template(root / "template.tif", f"EPSG:{32611 + zone}") for zone in range(zones)]
    mark = struct.pack("<2d", *_MARK)
    for number in range(count):
        inside = root / "files" / f"{number // _PER_FOLDER:03d}"
        inside.mkdir(parents=True, exist_ok=True)
        row, column = divmod(number // zones % _PLACES, _COLUMNS)
        place = struct.pack("<2d", 200_000 + column * STEP_M, 1_000_000 + row * STEP_M)
        date = f"{2013 + number % 9}{1 + number % 12:02d}{1 + number % 28:02d}"
        path = inside / f"LC08_{number:06d}_{date}_SR_B4.TIF"
        path.write_bytes(templates[number % zones].replace(mark, place))
    done.write_text(json.dumps([count, zones]))
    return root / "files"


def _template(path: Path, crs: str) -> bytes:
    left, top = _MARK
    with rasterio.open(
        path, "w", driver="GTiff", height=SIDE_PX, width=SIDE_PX, count=1, dtype="uint16", crs=crs,
        transform=Affine(GSD_M, 0, left, 0, -GSD_M, top), nodata=0, tiled=True, blockxsize=512,
        blockysize=512, compress="deflate", SPARSE_OK=True,
    ):  # fmt: skip
        pass
    data = path.read_bytes()
    path.unlink()
    assert data.count(struct.pack("<2d", left, top)) == 1
    return data
