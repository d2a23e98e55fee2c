"""Small files in the layouts that datasets are documented with; not written from what our readers expect."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

from geoloom.datasets.benchmarks.declaration import Benchmark, RemoteFile


@dataclass(frozen=True)
class Layout:
    """What a dataset's documentation says, and a writer of small files that follow it."""

    write: Callable[[Path], None]
    """Writes the unpacked files below a folder."""
    archives: dict[str, Sequence[str]]
    """Name of each archive, and what of the folder is in it."""
    lists: dict[str, list[str]]
    """Name of each list of a split, and its lines."""
    labels: dict[str, list[int]]
    """Split (empty: undivided) -> labels of its samples, in the order of class and name."""
    bands: int
    size: tuple[int, int]
    dtype: str


def chip(path: Path, number: int, bands: int, side: int = 64) -> None:
    """A georeferenced chip of uint16: band b holds 1000 (b + 1) + number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.empty((bands, side, side), np.uint16)
    values[:] = (1000 * np.arange(1, bands + 1) + number)[:, None, None]
    place = Affine(10, 0, 500_000 + 640 * number, 0, -10, 5_000_000)
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=side, width=side, dtype="uint16",
        crs="EPSG:32632", transform=place,
    ) as file:  # fmt: skip
        file.write(values)


def photograph(path: Path, number: int, height: int = 256, width: int = 256) -> None:
    """A plain picture whose red is its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), (number, 100, 200), np.uint8)).save(path)


EUROSAT = "ds/images/remote_sensing/otherDatasets/sentinel_2/tif"
EUROSAT_CLASSES = [
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
    "Residential", "River", "SeaLake",
]  # fmt: skip


def eurosat(root: Path) -> None:
    for number, name in enumerate(EUROSAT_CLASSES * 2):
        chip(root / EUROSAT / name / f"{name}_{1 + number // 10}.tif", number, 13)


def eurosat_layout(archive: str, stem: str) -> Layout:
    first = [f"{name}_1.jpg" for name in EUROSAT_CLASSES]
    second = [f"{name}_2.jpg" for name in EUROSAT_CLASSES]
    return Layout(
        eurosat,
        {archive: ["ds"]},
        {
            f"{stem}-train.txt": first,
            f"{stem}-val.txt": second[:4],
            f"{stem}-test.txt": second[4:],
        },
        {"train": [*range(10)], "val": [0, 1, 2, 3], "test": [4, 5, 6, 7, 8, 9]},
        13,
        (64, 64),
        "float32",
    )


def folders(path: str, classes: str, name: str, ending: str) -> Callable[[Path], None]:
    """Three photographs of each class; `name` has the class and the number."""

    def write(root: Path) -> None:
        for label, folder in enumerate(classes.split()):
            for number in range(3):
                file = name.format(folder, number) + ending
                # UC Merced has a few pictures that are smaller.
                odd = (247, 251) if path.startswith("UCMerced") and number == 1 else (256, 256)
                photograph(root / path / folder / file, label, *odd)

    return write


UCMERCED = (
    "agricultural airplane baseballdiamond beach buildings chaparral denseresidential forest freeway "
    "golfcourse harbor intersection mediumresidential mobilehomepark overpass parkinglot river runway "
    "sparseresidential storagetanks tenniscourt"
)
RESISC45 = (
    "airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland "
    "cloud commercial_area dense_residential desert forest freeway golf_course ground_track_field harbor "
    "industrial_area intersection island lake meadow medium_residential mobile_home_park mountain overpass "
    "palace parking_lot railway railway_station rectangular_farmland river roundabout runway sea_ice ship "
    "snowberg sparse_residential stadium storage_tank tennis_court terrace thermal_power_station wetland"
)
PATTERNNET = (
    "airplane baseball_field basketball_court beach bridge cemetery chaparral christmas_tree_farm "
    "closed_road coastal_mansion crosswalk dense_residential ferry_terminal football_field forest freeway "
    "golf_course harbor intersection mobile_home_park nursing_home oil_gas_field oil_well overpass "
    "parking_lot parking_space railway river runway runway_marking shipping_yard solar_panel "
    "sparse_residential storage_tank swimming_pool tennis_court transformer_station "
    "wastewater_treatment_plant"
)


def divided(classes: str, stem: str, name: str, ending: str) -> dict[str, list[str]]:
    """The first pictures for training, the second to choose, the third to test."""
    return {
        f"{stem}-{split}.txt": [name.format(c, number) + ending for c in classes.split()]
        for number, split in enumerate(("train", "val", "test"))
    }


def each(classes: str) -> dict[str, list[int]]:
    labels = [*range(len(classes.split()))]
    return {"train": labels, "val": labels, "test": labels}


LAYOUTS = {
    "eurosat": eurosat_layout("EuroSATallBands.zip", "eurosat"),
    "eurosatspatial": eurosat_layout("EuroSATallBands.zip", "eurosat-spatial"),
    "eurosat100": eurosat_layout("EuroSAT100.zip", "eurosat-100"),
    "ucmerced": Layout(
        folders("UCMerced_LandUse/Images", UCMERCED, "{}{:02}", ".tif"),
        {"UCMerced_LandUse.zip": ["UCMerced_LandUse"]},
        divided(UCMERCED, "uc_merced", "{}{:02}", ".tif"),
        each(UCMERCED), 3, (256, 256), "uint8",
    ),
    "resisc45": Layout(
        folders("NWPU-RESISC45", RESISC45, "{}_{:03}", ".jpg"),
        {"NWPU-RESISC45.zip": ["NWPU-RESISC45"]},
        divided(RESISC45, "resisc45", "{}_{:03}", ".jpg"),
        each(RESISC45), 3, (256, 256), "uint8",
    ),
    "patternnet": Layout(
        folders("PatternNet/images", PATTERNNET, "{}{:03}", ".jpg"),
        {"PatternNet.zip": ["PatternNet"]},
        {},
        {"": [label for label in range(38) for _ in range(3)]},
        3, (256, 256), "uint8",
    ),
}  # fmt: skip


def written(layout: Layout, root: Path) -> Path:
    """The unpacked files with their lists."""
    layout.write(root)
    for name, lines in layout.lists.items():
        (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def archived(layout: Layout, root: Path, out: Path) -> Path:
    """The files as they are given away: archives and lists, from those that `written` made."""
    out.mkdir(parents=True, exist_ok=True)
    for name, parts in layout.archives.items():
        with zipfile.ZipFile(out / name, "w") as archive:
            for part in parts:
                for file in sorted((root / part).rglob("*.*")):
                    archive.write(file, file.relative_to(root))
    for name in layout.lists:
        (out / name).write_bytes((root / name).read_bytes())
    return out


def as_given_away(benchmark: Benchmark, folder: Path, address: str = "") -> Benchmark:
    """The same dataset, whose files are those of a folder, at an address of a test."""

    def file(known: RemoteFile) -> RemoteFile:
        digest = hashlib.md5((folder / known.name).read_bytes(), usedforsecurity=False).hexdigest()
        at = f"{address}{known.name}" if address else known.address
        return replace(known, address=at, checksum=f"md5:{digest}")

    return replace(benchmark, files=tuple(map(file, benchmark.files)))
