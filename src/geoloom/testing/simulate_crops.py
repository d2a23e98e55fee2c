"""Simulated farmland: Landsat 7 and 8 scenes and yearly crop maps, named as the products are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import scipy.ndimage
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from ..core.errors import GridError
from .landscape.ground import BLUR_PX, SPECTRA
from .landscape.noise import fractal_noise
from .simulate import OFFSET, PIXEL_M, SCALE

LANDSAT7 = "LE07_L2SP_024031_20190705_20200825_02_T1"
LANDSAT8 = "LC08_L2SP_023031_20200722_20200911_02_T1"
LABELS_CRS = "EPSG:5070"
"""Albers' projection of the conterminous United States, as the Cropland Data Layer has it."""
SMALLEST_PX = 64

_CORN, _SOYBEANS = 1, 5
_CROPS: dict[int, tuple[str, tuple[int, int, int], tuple[float, ...]]] = {
    1: ("Corn", (255, 211, 0), (0.028, 0.058, 0.036, 0.400, 0.180, 0.084)),
    5: ("Soybeans", (38, 112, 0), (0.031, 0.067, 0.036, 0.480, 0.212, 0.098)),
    111: ("Open Water", (75, 112, 163), SPECTRA["lake"]),
    121: ("Developed/Open Space", (155, 155, 155), SPECTRA["urban"]),
    141: ("Deciduous Forest", (147, 204, 147), SPECTRA["forest"]),
    176: ("Grassland/Pasture", (232, 255, 191), SPECTRA["pasture"]),
}
"""Code, name and colour as of the product; reflectance in blue, green, red, nir, swir1, swir2."""
_SHARES = {1: 0.34, 5: 0.3, 121: 0.06, 141: 0.14, 176: 0.16}


@dataclass(frozen=True, slots=True)
class SimulatedCrops:
    """Where the files lie: `Landsat7(root)`, `Landsat8(root)` and `CDL(root)` find theirs by name."""

    root: Path
    landsat7: GeoBox
    """Grid of the scene of July 2019, in UTM zone 15."""
    landsat8: GeoBox
    """Grid of the scene of July 2020, in UTM zone 16: it begins where the other ends."""
    labels: tuple[Path, Path]
    """Crop maps of 2019 and 2020, in `LABELS_CRS`; corn and soybeans change places in between."""


def simulated_crops(root: str | Path, *, size_px: int = 256, seed: int = 0) -> SimulatedCrops:
    """Make two scenes on either side of 90 degrees west, one file per band, and crop maps of both years.

    Equal seeds and sizes give equal pixels. The Landsat 7 scene has the gaps of the broken scan line
    corrector; its six bands and the seven of Landsat 8 are stored as Collection 2 stores them.

    Args:
        root: Folder of all files; made if absent, files replaced.
        size_px: Side of each square scene, 30 m pixels.
        seed: Source of chance.

    Raises:
        GridError: `size_px` is too small to hold some fields.

    Example:
        >>> import tempfile
        >>> made = simulated_crops(tempfile.mkdtemp(), size_px=64)
        >>> len(list(made.root.iterdir())), made.labels[0].name
        (15, '2019_30m_cdls.tif')
    """
    if size_px < SMALLEST_PX:
        raise GridError(
            f"size_px={size_px}: fields of some hundred metres need more; give {SMALLEST_PX} or more"
        )
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    side = size_px, size_px
    west_m = 751_700 - PIXEL_M * size_px  # its eastern edge lies at 90 degrees west
    landsat7 = GeoBox(side, Affine(PIXEL_M, 0, west_m, 0, -PIXEL_M, 4_560_000), "EPSG:32615")
    landsat8 = GeoBox(side, Affine(PIXEL_M, 0, 248_310, 0, -PIXEL_M, 4_560_000), "EPSG:32616")
    of_fields, *of_scenes = np.random.default_rng(seed).spawn(3)
    labels = _around((landsat7, landsat8))
    years = _crops(labels.shape, of_fields)
    paths = root / "2019_30m_cdls.tif", root / "2020_30m_cdls.tif"
    for path, codes in zip(paths, years, strict=True):
        _write(path, codes, labels, colors=True)
    for name, grid, codes, rng in (
        (LANDSAT7, landsat7, years[0], of_scenes[0]),
        (LANDSAT8, landsat8, years[1], of_scenes[1]),
    ):
        stored = _stored(_under(codes, labels, grid), rng)
        numbers: tuple[int, ...]
        if name == LANDSAT7:
            stored[:, _gaps(grid.shape)] = 0
            numbers = (1, 2, 3, 4, 5, 7)
        else:
            stored, numbers = np.concatenate([stored[:1], stored]), (1, 2, 3, 4, 5, 6, 7)
        for number, band in zip(numbers, stored, strict=True):
            _write(root / f"{name}_SR_B{number}.TIF", band, grid, nodata=0)
    return SimulatedCrops(root, landsat7, landsat8, paths)


def _around(scenes: tuple[GeoBox, ...]) -> GeoBox:
    """A grid in `LABELS_CRS` that covers all scenes, with some fields to spare."""
    boxes = [scene.footprint(LABELS_CRS).boundingbox for scene in scenes]
    left, top = min(b.left for b in boxes) - 900, max(b.top for b in boxes) + 900
    right, bottom = max(b.right for b in boxes) + 900, min(b.bottom for b in boxes) - 900
    shape = int((top - bottom) / PIXEL_M), int((right - left) / PIXEL_M)
    corner = (round(v / PIXEL_M) * PIXEL_M for v in (left, top))
    x, y = corner
    return GeoBox(shape, Affine(PIXEL_M, 0, x, 0, -PIXEL_M, y), LABELS_CRS)


def _crops(shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crop codes, uint8, of two years: fields of 11 to 26 pixels a side, and lakes."""
    rows, cols = (np.digitize(np.arange(n), np.cumsum(rng.integers(11, 27, n))) for n in shape)
    codes = list(_SHARES)
    fields = rng.choice(codes, (rows.max() + 1, cols.max() + 1), p=list(_SHARES.values()))
    first = fields[np.ix_(rows, cols)].astype(np.uint8)
    second = first.copy()
    second[first == _CORN], second[first == _SOYBEANS] = _SOYBEANS, _CORN
    lakes = fractal_noise(shape, rng, slope=2.0, longest_px=90.0) > 1.5
    first[lakes] = second[lakes] = 111
    return first, second


def _under(codes: np.ndarray, labels: GeoBox, grid: GeoBox) -> np.ndarray:
    """What grows at the centre of each of a scene's pixels."""
    rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    to_labels = Transformer.from_crs(str(grid.crs), LABELS_CRS, always_xy=True)
    x, y = to_labels.transform(*(grid.affine @ (cols, rows)))
    col, row = ~labels.affine @ (x, y)
    under: np.ndarray = codes[np.floor(row).astype(int), np.floor(col).astype(int)]
    return under


def _stored(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Six bands, uint16, of what grows there: blurred, with uneven growth and noise."""
    spectra = np.zeros((256, 6), np.float32)
    for code, (_, _, reflectance) in _CROPS.items():
        spectra[code] = reflectance
    seen = np.moveaxis(spectra[codes], -1, 0)
    growth = 1 + 0.06 * fractal_noise(codes.shape, rng, slope=1.2, longest_px=40.0)
    seen = scipy.ndimage.gaussian_filter(seen * growth, (0, BLUR_PX, BLUR_PX))
    seen += rng.normal(0, 0.004, seen.shape)
    stored: np.ndarray = np.clip(np.rint((seen - OFFSET) / SCALE), 1, 65535).astype(np.uint16)
    return stored


def _gaps(shape: tuple[int, int]) -> np.ndarray:
    """Where Landsat 7 has seen nothing since May 2003: slanted stripes."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    stripes: np.ndarray = (rows + cols * 0.16) % 33 < 5
    return stripes


def _write(
    path: Path,
    values: np.ndarray,
    grid: GeoBox,
    *,
    nodata: float | None = None,
    colors: bool = False,
) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.shape[1], height=grid.shape[0], count=1, dtype=values.dtype,
        crs=str(grid.crs), transform=grid.affine, nodata=nodata, tiled=True, compress="deflate", zlevel=4,
    ) as file:  # fmt: skip
        file.write(values, 1)
        if colors:
            file.write_colormap(1, {code: color for code, (_, color, _) in _CROPS.items()})
