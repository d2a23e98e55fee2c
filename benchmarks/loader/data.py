"""The data: Landsat-like scenes in two UTM zones and one CDL-like label raster in Albers.

Laid out as in the TorchGeo paper's appendix A.1: 114 scenes of one-band uint16 files, one label file,
512-pixel tiles, each in its own CRS. Scenes are smaller than real ones (1,536 pixels per side, 1/25 of
the area) so that all of it stays in the page cache. They overlap their neighbours as Landsat's do, and their
values have a landscape's spectrum, sensor noise and Landsat's range and nodata tag, so that they compress
like the real ones.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.enums import ColorInterp

from geoloom.datasets.sensors.cdl import CDL

OUT = Path(__file__).resolve().parents[1] / "out"
BANDS = tuple(f"SR_B{i}" for i in range(1, 8))
ZONES = ("EPSG:32614", "EPSG:32615")
ALBERS = "EPSG:5070"
GSD_M = 30.0
TILE_PX = 512
SIDELAP, FORELAP = 0.29, 0.08
"""Of neighbours across and along the track at 40 degrees (Landsat 7 Science Data Users Handbook, WRS-2)."""

Packing = Literal["plain", "deflate", "zstd"]
PACKINGS: dict[Packing, dict[str, object]] = {
    "plain": {},
    "deflate": {"compress": "deflate", "predictor": 2},
    "zstd": {"compress": "zstd", "predictor": 2},
}


@dataclass(frozen=True, slots=True)
class Size:
    """How large the data set is."""

    scenes: int = 114
    side_px: int = 1536


def make(folder: Path, packing: Packing, size: Size) -> Path:
    """The data set's folder, made on first use: `landsat/` and `cdl/` inside."""
    root = folder / f"{packing}-{size.scenes}x{size.side_px}"
    done = root / "done.json"
    if done.exists() and json.loads(done.read_text()) == asdict(size):
        return root
    (root / "landsat").mkdir(parents=True, exist_ok=True)
    (root / "cdl").mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    fields = [landscape(2048, rng) for _ in range(4)]
    noise = rng.standard_normal((4096, 4096)).astype("float32")
    places = scene_places(size)
    for number, (zone, affine) in enumerate(places):
        write_scene(root / "landsat", number, zone, affine, size, fields, noise, packing)
    codes = np.array(sorted(CDL.class_names), "uint8")[1::10]
    steps = np.linspace(-1.5, 1.5, len(codes) - 1)
    classes = codes[np.digitize(fields[0], steps)]
    write_labels(root / "cdl" / "2019_30m_cdls.tif", places, size, classes, packing)
    done.write_text(json.dumps(asdict(size)))
    return root


def make_check(folder: Path, plain: Path, size: Size) -> Path:
    """One scene per zone under labels of pure noise, which distinguish each source pixel from the next."""
    root = folder / "check"
    (root / "landsat").mkdir(parents=True, exist_ok=True)
    (root / "cdl").mkdir(exist_ok=True)
    labels = root / "cdl" / "2019_30m_cdls.tif"
    if labels.exists():
        return root
    names = sorted(path.name for path in (plain / "landsat").glob("*.TIF"))
    for name in names[: len(BANDS)] + names[-len(BANDS) :]:
        link = root / "landsat" / name
        link.unlink(missing_ok=True)
        link.symlink_to(plain / "landsat" / name)
    codes = np.array(sorted(CDL.class_names), "uint8")
    noise = codes[np.random.default_rng(0).integers(0, len(codes), (2048, 2048))]
    places = scene_places(size)
    write_labels(labels, [places[0], places[-1]], size, noise, "plain")
    return root


def scene_places(size: Size) -> list[tuple[str, Affine]]:
    """CRS and transform of each scene: two blocks side by side, one a zone."""
    across, along = (size.side_px * GSD_M * (1 - lap) for lap in (SIDELAP, FORELAP))
    per_zone = -(-size.scenes // 2)
    columns = -(-per_zone // 7)
    places = []
    for number in range(size.scenes):
        zone, index = divmod(number, per_zone)
        column, row = divmod(index, 7)
        left = 730_000.0 - column * across if zone == 0 else 255_000.0 + column * across
        left, top = (round(v / GSD_M) * GSD_M for v in (left, 4_500_000.0 - row * along))
        places.append((ZONES[zone], Affine(GSD_M, 0, left, 0, -GSD_M, top)))
    assert columns * across < 450_000  # within the zone's useful width
    return places


def landscape(side_px: int, rng: np.random.Generator) -> np.ndarray:
    """A periodic random field with the power spectrum of land, mean 0, deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((side_px, side_px))) * frequency**-1.5
    field = np.fft.irfft2(spectrum, s=(side_px, side_px))
    return ((field - field.mean()) / field.std()).astype("float32")


def write_scene(
    folder: Path,
    number: int,
    zone: str,
    affine: Affine,
    size: Size,
    fields: list[np.ndarray],
    noise: np.ndarray,
    packing: Packing,
) -> None:
    rng = np.random.default_rng(number)
    side = size.side_px
    chosen = [fields[i] for i in rng.permutation(len(fields))[:2]]
    base = [np.roll(field, tuple(rng.integers(0, 2048, 2)), (0, 1)) for field in chosen]
    path_row = f"{number // 10 + 1:03d}{number % 10 + 30:03d}"
    for band, name in enumerate(BANDS):
        mix = base[0] * np.cos(band * 0.4) + base[1] * np.sin(band * 0.4)
        top, left = rng.integers(0, 4096 - side, 2)
        values = 9000 + 500 * band + 1200 * mix[:side, :side]
        values += 45 * noise[top : top + side, left : left + side]
        values = values.clip(1, 65535).astype("uint16")
        path = folder / f"LC08_L2SP_{path_row}_20190701_20200827_02_T1_{name}.TIF"
        write(path, values, zone, affine, packing, nodata=0)


def write_labels(
    path: Path,
    places: list[tuple[str, Affine]],
    size: Size,
    classes: np.ndarray,
    packing: Packing,
) -> None:
    """A label file over all places, tiled with the classes (2048, 2048)."""
    corners = []
    for zone, affine in places:
        to_albers = Transformer.from_crs(zone, ALBERS, always_xy=True)
        edge = [affine * (x, y) for x in (0, size.side_px) for y in (0, size.side_px)]
        corners.append(np.column_stack(to_albers.transform(*np.array(edge).T)))
    points = np.concatenate(corners)
    left, bottom = np.floor(points.min(axis=0) / GSD_M - 50) * GSD_M
    right, top = np.ceil(points.max(axis=0) / GSD_M + 50) * GSD_M
    height, width = round((top - bottom) / GSD_M), round((right - left) / GSD_M)
    tiled = np.tile(classes, (-(-height // 2048), -(-width // 2048)))[:height, :width]
    write(path, tiled, ALBERS, Affine(GSD_M, 0, left, 0, -GSD_M, top), packing, nodata=None)


def write(
    path: Path,
    values: np.ndarray,
    crs: str,
    affine: Affine,
    packing: Packing,
    *,
    nodata: int | None,
) -> None:
    height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=affine,
        nodata=nodata,
        tiled=True,
        blockxsize=TILE_PX,
        blockysize=TILE_PX,
        num_threads=2,
        **PACKINGS[packing],
    ) as file:
        file.write(values, 1)
        if nodata is None:
            file.write_colormap(1, {i: (i, 255 - i, i // 2, 255) for i in range(256)})
            file.colorinterp = [ColorInterp.palette]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packing", choices=list(PACKINGS), default="plain")
    parser.add_argument("--scenes", type=int, default=Size().scenes)
    parser.add_argument("--side", type=int, default=Size().side_px)
    given = parser.parse_args()
    print(make(OUT, given.packing, Size(given.scenes, given.side)))


if __name__ == "__main__":
    main()
