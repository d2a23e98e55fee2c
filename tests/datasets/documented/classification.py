"""Datasets of one class per picture, as they are documented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from documented.layout import Layout, chip, labelled, photograph

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
        {
            "train": labelled(range(10)),
            "val": labelled([0, 1, 2, 3]),
            "test": labelled([4, 5, 6, 7, 8, 9]),
        },
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


def each(classes: str) -> dict[str, list[dict[str, Any]]]:
    labels = labelled(range(len(classes.split())))
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
        {"": labelled([label for label in range(38) for _ in range(3)])},
        3, (256, 256), "uint8",
    ),
}  # fmt: skip
