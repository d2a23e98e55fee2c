"""PatternNet: patterns on photographs from the air and from space."""

from __future__ import annotations

from ..benchmarks.class_folders import ClassFolderLayout
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..samples.pictures import Pictures

_HOME = (
    "https://hf.co/datasets/torchgeo/PatternNet/resolve/2dbd901b00e301967a5c5146b25454f5d3455ad0/"
)
_CLASSES = (
    "airplane",
    "baseball_field",
    "basketball_court",
    "beach",
    "bridge",
    "cemetery",
    "chaparral",
    "christmas_tree_farm",
    "closed_road",
    "coastal_mansion",
    "crosswalk",
    "dense_residential",
    "ferry_terminal",
    "football_field",
    "forest",
    "freeway",
    "golf_course",
    "harbor",
    "intersection",
    "mobile_home_park",
    "nursing_home",
    "oil_gas_field",
    "oil_well",
    "overpass",
    "parking_lot",
    "parking_space",
    "railway",
    "river",
    "runway",
    "runway_marking",
    "shipping_yard",
    "solar_panel",
    "sparse_residential",
    "storage_tank",
    "swimming_pool",
    "tennis_court",
    "transformer_station",
    "wastewater_treatment_plant",
)
_LAYOUT = ClassFolderLayout("PatternNet/images", _CLASSES)

BENCHMARK = Benchmark(
    name="PatternNet",
    about="38 patterns on photographs from the air and from space, 0.06 to 4.7 m",
    files=(
        RemoteFile(
            "PatternNet.zip",
            f"{_HOME}PatternNet.zip",
            "md5:96d54b3224c5350a98d55d5a7e6984ad",
            gives=_LAYOUT.folder,
        ),
    ),
    layout=_LAYOUT,
    image=Pictures(RGB),
    outputs=_LAYOUT.outputs,
    samples=30_400,
    size=(256, 256),
    home="https://hf.co/datasets/torchgeo/PatternNet",
    citation="Zhou et al. 2018, ISPRS Journal 145, arXiv 1706.03424",
)
