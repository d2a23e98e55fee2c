"""What tests of the report share: a map with its truth, a model's card, and the page as a browser has it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.features import rasterize

from geoloom.analysis.report import report
from geoloom.core.classes import Classes
from geoloom.io.write.cog import write_raster

CLASSES = Classes.of(["forest", "deforestation", "water"])


class Page(HTMLParser):
    """What a browser would make of the file."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.styles, self.words = [], [], [], []
        self._in = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        {"script": self.scripts, "style": self.styles}.get(self._in, self.words).append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def data(self):
        """What the map's script gets."""
        return next(json.loads(s) for s in self.scripts if s.lstrip().startswith("{"))


def save_card(folder, card):
    """A model folder as far as a report looks into it: its weights are only distinguished from others."""
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps(card.to_dict()))
    (folder / "weights.safetensors").write_bytes(b"weights")


def make_map(made, path, classes=CLASSES, seed=0):
    """Truth by rasterio, with a quarter of the pixels of one strip mapped wrongly; and both as arrays."""
    polygons = gpd.read_file(made.truth).to_crs(32720)
    codes = polygons["class"].map(dict(zip(CLASSES.names, (1, 2, 3), strict=True)))
    shape = tuple(made.grid.shape)
    truth = rasterize(
        list(zip(polygons.geometry, codes, strict=True)), shape, transform=made.grid.affine
    )
    rng = np.random.default_rng(seed)
    mapped = np.where(rng.random(shape) < 0.1, rng.integers(1, 4, shape), truth).astype(np.uint8)
    with rasterio.open(made.scene) as file:
        mapped[file.read(1) == 0] = 0
    write_raster(
        path,
        mapped[None],
        made.grid,
        nodata=0,
        colormap=classes.colormap(),
        class_names={code: name for name, code, _ in classes},
    )
    return truth, mapped


def report_of(folder, **options):
    out = report(folder / "model", folder / "map.tif", folder / "r.html", overwrite=True, **options)
    return Page(out.read_text("utf-8"))


def headline(page):
    return page.text[: page.text.index("Mapped area")]
