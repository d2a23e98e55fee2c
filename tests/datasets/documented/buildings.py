"""SpaceNet's pictures of buildings, as they are documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine

from documented.layout import Layout

SIZE = (16, 20)
RIO = (Affine(2**-15, 0, -43.5, 0, -(2**-15), -22.75), "EPSG:4326")
ATLANTA = (Affine(0.5, 0, 732_701, 0, -0.5, 3_724_689), "EPSG:32616")
WORLD = (Affine(4, 0, -9_000_000, 0, -4, 3_000_000), "EPSG:3857")

Place = tuple[Affine, str]
Rectangle = tuple[int, int, int, int]

TWO: list[Rectangle] = [(2, 3, 7, 5), (10, 0, 20, 8)]
"""Left, top, right, bottom, pixels."""


def image(path: Path, number: int, bands: int, place: Place, dtype: str = "uint16") -> None:
    """Band b holds 10 (b + 1) + number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.empty((bands, *SIZE), dtype)
    values[:] = (10 * np.arange(1, bands + 1) + number)[:, None, None]
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=SIZE[0], width=SIZE[1], dtype=dtype,
        crs=place[1], transform=place[0], photometric="MINISBLACK",
    ) as file:  # fmt: skip
        file.write(values)


def ring(corners: Sequence[tuple[float, float]], place: Place) -> list[tuple[float, float]]:
    """Longitude and latitude of corners in pixels."""
    points = [place[0] @ corner for corner in corners]
    if place[1] != "EPSG:4326":
        move = pyproj.Transformer.from_crs(place[1], "EPSG:4326", always_xy=True).transform
        points = [move(*point) for point in points]
    return [*points, points[0]]


def buildings(path: Path, rectangles: Sequence[Rectangle], place: Place) -> None:
    """Their footprints, as polygons in degrees."""
    rings = [
        ring([(left, top), (right, top), (right, bottom), (left, bottom)], place)
        for left, top, right, bottom in rectangles
    ]
    collection(path, [{"type": "Polygon", "coordinates": [corners]} for corners in rings])


def collection(path: Path, geometries: Sequence[dict[str, Any] | None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    features = [{"type": "Feature", "properties": {}, "geometry": g} for g in geometries]
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document), encoding="utf-8")


def spacenet1(root: Path) -> None:
    for split, numbers in (("train", (1, 2)), ("test", (3,))):
        folder = root / "SN1_buildings" / split
        for number in numbers:
            name = f"AOI_1_RIO_img{number}"
            image(folder / f"3band/3band_{name}.tif", number, 3, RIO, "uint8")
            image(folder / f"8band/8band_{name}.tif", number, 8, RIO)
            if split == "train":
                found = TWO if number == 1 else []
                buildings(folder / f"geojson/Geo_{name}.geojson", found, RIO)


def spacenet2(root: Path) -> None:
    cities = ("2_Vegas", "3_Paris", "4_Shanghai", "5_Khartoum")
    products = (("MUL", 8), ("MUL-PanSharpen", 8), ("PAN", 1), ("RGB-PanSharpen", 3))
    for number, city in enumerate(cities):
        for split, part in (("train", "Train"), ("test", "Test_public")):
            folder = root / f"SN2_buildings/{split}/AOI_{city}_{part}"
            name = f"AOI_{city}_img{number + 1}"
            for product, bands in products:
                image(folder / product / f"{product}_{name}.tif", number, bands, RIO)
            if split == "train":
                buildings(folder / f"geojson/buildings/buildings_{name}.geojson", TWO[:number], RIO)


def spacenet4(root: Path) -> None:
    train = root / "SN4_buildings/train"
    for number, view in enumerate(VIEWS):
        for product, bands in (("MS", 8), ("PAN", 1), ("Pan-Sharpen", 4)):
            name = f"{product}_Atlanta_{view}_732701_3724689.tif"
            image(train / f"Atlanta_{view}/{product}/{name}", number, bands, ATLANTA)
    buildings(
        train / "geojson/spacenet-buildings/spacenet-buildings_732701_3724689.geojson", TWO, ATLANTA
    )
    test = root / "SN4_buildings/test/SN4_buildings_AOI_6_Atlanta_test_public"
    for product, bands in (("MS", 8), ("PAN", 1), ("Pan-Sharpen", 4)):
        name = f"{product}_Atlanta_{VIEWS[0]}_740000_3720000.tif"
        image(test / f"Atlanta_{VIEWS[0]}/{product}/{name}", 50, bands, ATLANTA)


def spacenet7(root: Path) -> None:
    for split, aoi, months in (
        ("train/train", "L15-0331E-1257N_1327_3160_13", (1, 2)),
        ("test/test_public", "L15-0369E-1244N_1479_3214_13", (1,)),
    ):
        for month in months:
            stem = f"global_monthly_2018_{month:02}_mosaic_{aoi}"
            folder = root / "SN7_buildings" / split / aoi
            image(folder / f"images_masked/{stem}.tif", month, 4, WORLD, "uint8")
            if split == "train/train":
                image(folder / f"images/{stem}.tif", month, 4, WORLD, "uint8")
                buildings(folder / f"labels/{stem}_Buildings.geojson", TWO[: month - 1], WORLD)


_ALL_VIEWS = """
nadir7_catid_1030010003D22F00 nadir8_catid_10300100023BC100 nadir10_catid_1030010003993E00
nadir10_catid_1030010003CAF100 nadir13_catid_1030010002B7D800 nadir14_catid_10300100039AB000
nadir16_catid_1030010002649200 nadir19_catid_1030010003C92000 nadir21_catid_1030010003127500
nadir23_catid_103001000352C200 nadir25_catid_103001000307D800 nadir27_catid_1030010003472200
nadir29_catid_1030010003315300 nadir30_catid_10300100036D5200 nadir32_catid_103001000392F600
nadir34_catid_1030010003697400 nadir36_catid_1030010003895500 nadir39_catid_1030010003832800
nadir42_catid_10300100035D1B00 nadir44_catid_1030010003CCD700 nadir46_catid_1030010003713C00
nadir47_catid_10300100033C5200 nadir49_catid_1030010003492700 nadir50_catid_10300100039E6200
nadir52_catid_1030010003BDDC00 nadir53_catid_1030010003193D00 nadir53_catid_1030010003CD4300
"""
VIEWS = _ALL_VIEWS.split()


def pixels(bands: int, number: int) -> list[int]:
    return [10 * band + number for band in range(1, bands + 1)]


def truth(count: int, *, with_masks: bool = True) -> dict[str, Any]:
    """What a sample with the first of `TWO` teaches."""
    masks = np.zeros((count, *SIZE), bool)
    for mask, (left, top, right, bottom) in zip(masks, TWO, strict=False):
        mask[top:bottom, left:right] = True
    taught = {
        "mask": masks.any(axis=0).astype(int),
        "boxes": np.reshape(TWO[:count], (-1, 4)),
        "box_labels": [0] * count,
    }
    return taught | ({"box_masks": masks} if with_masks else {})


def sample(bands: int, number: int, **taught: Any) -> dict[str, Any]:
    return {"size": SIZE, "pixel": pixels(bands, number), **taught}


SN1, SN2, SN4, SN7 = (f"SN{number}_buildings" for number in (1, 2, 4, 7))
CITIES = ("2_Vegas", "3_Paris", "4_Shanghai", "5_Khartoum")


def layout(
    write: Callable[[Path], None],
    archives: dict[str, list[str]],
    samples: dict[str, list[dict[str, Any]]],
    bands: int,
    dtype: str,
) -> Layout:
    """Archives are unpacked into the folder of the dataset and its split."""
    inside = {name: "/".join(parts[0].split("/")[:2]) for name, parts in archives.items()}
    return Layout(write, archives, {}, samples, bands, None, dtype, inside=inside)


LAYOUTS = {
    "spacenet1": layout(
        spacenet1,
        {
            f"{SN1}_train_AOI_1_Rio_3band.tar.gz": [f"{SN1}/train/3band"],
            f"{SN1}_train_AOI_1_Rio_geojson_buildings.tar.gz": [f"{SN1}/train/geojson"],
            f"{SN1}_test_AOI_1_Rio_3band.tar.gz": [f"{SN1}/test/3band"],
        },
        {"train": [sample(3, 1, **truth(2)), sample(3, 2, **truth(0))], "test": [sample(3, 3)]},
        3, "uint8",
    ),
    "spacenet2": layout(
        spacenet2,
        {f"{SN2}_train_AOI_{city}.tar.gz": [f"{SN2}/train/AOI_{city}_Train"] for city in CITIES}
        | {
            f"AOI_{city}_Test_public.tar.gz": [f"{SN2}/test/AOI_{city}_Test_public"]
            for city in CITIES
        },
        {
            "train": [sample(8, k, **truth(min(k, 2))) for k in range(4)],
            "test": [sample(8, k) for k in range(4)],
        },
        8, "float32",
    ),
    "spacenet4": layout(
        spacenet4,
        {f"Atlanta_{view}.tar.gz": [f"{SN4}/train/Atlanta_{view}"] for view in VIEWS}
        | {
            "geojson.tar.gz": [f"{SN4}/train/geojson"],
            f"{SN4}_AOI_6_Atlanta_test_public.tar.gz": [f"{SN4}/test"],
        },
        {
            "train": [
                sample(8, number, **truth(2))
                for _, number in sorted((f"Atlanta_{view}", k) for k, view in enumerate(VIEWS))
            ],
            "test": [sample(8, 50)],
        },
        8, "float32",
    ),
    "spacenet7": layout(
        spacenet7,
        {
            f"{SN7}_train.tar.gz": [f"{SN7}/train"],
            f"{SN7}_test_public.tar.gz": [f"{SN7}/test"],
        },
        {
            "train": [sample(3, month, **truth(month - 1, with_masks=False)) for month in (1, 2)],
            "test": [sample(3, 1)],
        },
        3, "uint8",
    ),
}  # fmt: skip
