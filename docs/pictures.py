"""Pictures that the pages show, drawn from real reads when the site is built."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import from_bounds

import geoloom as gl
from geoloom.figures.style import ERROR, INK, new_figure
from geoloom.testing import truth, write_raster

FOLDER = Path(__file__).resolve().parent / "pictures"
SIDE_PX = 224
SHOWN_PX = 26
COLORS = ("#e8c547", "#3f7d4e", "#9cc6e0", "#c98b5b", "#6d597a")


def on_pre_build(config: Any) -> None:
    """What mkdocs calls before it builds the site."""
    FOLDER.mkdir(exist_ok=True)
    draw_alignment(FOLDER / "alignment.png")


def draw_alignment(path: Path) -> tuple[float, float]:
    """Labels in Albers on an image's grid in UTM, read at once and read by way of a grid in between.

    Returns:
        Fractions of all pixels whose label is not the one under their centre: of both ways.
    """
    image, fields, classes = _places()
    with tempfile.TemporaryDirectory() as folder:
        labels = write_raster(Path(folder) / "labels.tif", classes[None], fields)
        numbered = np.arange(classes.size, dtype="int32").reshape(1, *classes.shape)
        numbers = write_raster(Path(folder) / "numbers.tif", numbered, fields)
        once = gl.read(labels, image, resampling="nearest").values[0], _once(numbers, image)
        twice = _twice(labels, image), _twice(numbers, image)
    under_centre = truth(fields, image).nearest(numbered[0])
    shares = [float((way[1] != under_centre).mean()) for way in (once, twice)]
    figure = new_figure(10.5, 3.9)
    left, middle, right = figure.subplots(1, 3)
    _draw_cells(left, classes, fields, image)
    left.set_title("The labels' own pixels, and the image's centres", fontsize=9, loc="left")
    for ax, (shown, got), name, share in (
        (middle, once, "Read at once", shares[0]),
        (right, twice, "Read by way of a grid in between", shares[1]),
    ):
        _draw_labels(ax, shown, got != under_centre)
        ax.set_title(f"{name}: {share:.0%} wrong", fontsize=9, loc="left")
    figure.savefig(path, dpi=160)
    return shares[0], shares[1]


def _places() -> tuple[GeoBox, GeoBox, np.ndarray]:
    """An image's grid in UTM, a label raster's in Albers around it, and its classes: some fields."""
    image = GeoBox((SIDE_PX, SIDE_PX), Affine(30, 0, 300_000, 0, -30, 4_400_000), "EPSG:32615")
    box = image.footprint("EPSG:5070").boundingbox
    left, top = (round(v / 30) * 30 for v in (box.left - 300, box.top + 300))
    shape = tuple(int(size / 30) + 20 for size in (box.top - box.bottom, box.right - box.left))
    fields = GeoBox(shape, Affine(30, 0, left, 0, -30, top), "EPSG:5070")
    rng = np.random.default_rng(4)
    rows, cols = (np.digitize(np.arange(n), np.cumsum(rng.integers(3, 9, n))) for n in shape)
    classes = rng.integers(0, len(COLORS), (rows.max() + 1, cols.max() + 1))
    return image, fields, classes[np.ix_(rows, cols)].astype("uint8")


def _once(path: str | Path, image: GeoBox) -> np.ndarray:
    return gl.read(path, image, resampling="nearest").values[0]


def _twice(path: str | Path, image: GeoBox) -> np.ndarray:
    """Through a warped view on the grid that GDAL suggests, of which a window is fitted to the image."""
    with rasterio.open(path) as file, WarpedVRT(file, crs=str(image.crs)) as view:
        window = from_bounds(*image.boundingbox, transform=view.transform)
        return view.read(1, window=window, out_shape=image.shape, resampling=Resampling.nearest)


def _draw_cells(ax: Axes, classes: np.ndarray, fields: GeoBox, image: GeoBox) -> None:
    """The label pixels, turned as they lie, in the image's pixel coordinates."""
    to_image = Transformer.from_crs(str(fields.crs), str(image.crs), always_xy=True)
    cols, rows = np.meshgrid(*(np.arange(n + 1) for n in classes.shape[::-1]))
    x, y = to_image.transform(*(fields.affine @ (cols.ravel(), rows.ravel())))
    col, row = (~image.affine) @ (np.asarray(x), np.asarray(y))
    corners = np.stack([col, row], axis=-1).reshape(*cols.shape, 2)
    cells = np.stack(
        [corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2
    ).reshape(-1, 4, 2)
    near = (cells > -2).all(axis=(1, 2)) & (cells < SHOWN_PX + 2).all(axis=(1, 2))
    colors = np.array(COLORS)[classes.ravel()[near]]
    ax.add_collection(
        PolyCollection(cells[near], facecolors=colors, edgecolors="white", linewidths=0.3)
    )
    centres = np.arange(SHOWN_PX) + 0.5
    ax.plot(*(a.ravel() for a in np.meshgrid(centres, centres)), ".", color=INK, markersize=1.6)
    _frame(ax)


def _draw_labels(ax: Axes, labels: np.ndarray, wrong: np.ndarray) -> None:
    shown = labels[:SHOWN_PX, :SHOWN_PX]
    extent = (0, SHOWN_PX, SHOWN_PX, 0)
    ax.imshow(shown, cmap=ListedColormap(COLORS), vmin=0, vmax=len(COLORS) - 1, extent=extent)
    row, col = np.nonzero(wrong[:SHOWN_PX, :SHOWN_PX])
    ax.plot(col + 0.5, row + 0.5, "x", color=ERROR, markersize=4, markeredgewidth=1.1)
    _frame(ax)


def _frame(ax: Axes) -> None:
    ax.set(xlim=(0, SHOWN_PX), ylim=(SHOWN_PX, 0), xticks=[], yticks=[], aspect="equal")
