"""RESISC45: scenes on photographs from the air and from space."""

from __future__ import annotations

from ..benchmarks.class_folders import ClassFolderLayout
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile, SplitFiles
from ..samples.pictures import Pictures

_HOME = (
    "https://hf.co/datasets/isaaccorley/resisc45/resolve/883edc0eee77b2c84225472f10f126e3ed83fa6e/"
)
_CLASSES = (
    "airplane",
    "airport",
    "baseball_diamond",
    "basketball_court",
    "beach",
    "bridge",
    "chaparral",
    "church",
    "circular_farmland",
    "cloud",
    "commercial_area",
    "dense_residential",
    "desert",
    "forest",
    "freeway",
    "golf_course",
    "ground_track_field",
    "harbor",
    "industrial_area",
    "intersection",
    "island",
    "lake",
    "meadow",
    "medium_residential",
    "mobile_home_park",
    "mountain",
    "overpass",
    "palace",
    "parking_lot",
    "railway",
    "railway_station",
    "rectangular_farmland",
    "river",
    "roundabout",
    "runway",
    "sea_ice",
    "ship",
    "snowberg",
    "sparse_residential",
    "stadium",
    "storage_tank",
    "tennis_court",
    "terrace",
    "thermal_power_station",
    "wetland",
)
_LISTS = SplitFiles.at(
    f"{_HOME}resisc45-{{split}}.txt",
    train="b5a4c05a37de15e4ca886696a85c403e",
    val="a0770cee4c5ca20b8c32bbd61e114805",
    test="3dda9e4988b47eb1de9f07993653eb08",
)
_LAYOUT = ClassFolderLayout("NWPU-RESISC45", _CLASSES, _LISTS.names)

BENCHMARK = Benchmark(
    name="RESISC45",
    about="45 kinds of scenes on photographs from the air and from space, 0.2 to 30 m",
    files=(
        RemoteFile(
            "NWPU-RESISC45.zip",
            f"{_HOME}NWPU-RESISC45.zip",
            "md5:75206b2e16446591afa88e2628744886",
            gives=_LAYOUT.folder,
        ),
        *_LISTS.files,
    ),
    layout=_LAYOUT,
    image=Pictures(RGB),
    outputs=_LAYOUT.outputs,
    samples=31_500,
    size=(256, 256),
    home="https://hf.co/datasets/isaaccorley/resisc45",
    citation="Cheng, Han and Lu 2017, Proceedings of the IEEE 105(10), arXiv 1703.00121",
)
