"""UC Merced: land use on aerial photographs."""

from __future__ import annotations

from ..benchmarks.class_folders import ClassFolderLayout
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile, SplitFiles
from ..samples.pictures import Pictures

_HOME = "https://hf.co/datasets/torchgeo/ucmerced/resolve/7c5ef3454d9b1cccfa7ccde0c01fc8f00a45909a/"
_CLASSES = (
    "agricultural",
    "airplane",
    "baseballdiamond",
    "beach",
    "buildings",
    "chaparral",
    "denseresidential",
    "forest",
    "freeway",
    "golfcourse",
    "harbor",
    "intersection",
    "mediumresidential",
    "mobilehomepark",
    "overpass",
    "parkinglot",
    "river",
    "runway",
    "sparseresidential",
    "storagetanks",
    "tenniscourt",
)
_LISTS = SplitFiles.at(
    f"{_HOME}uc_merced-{{split}}.txt",
    train="f2fb12eb2210cfb53f93f063a35ff374",
    val="11ecabfc52782e5ea6a9c7c0d263aca0",
    test="046aff88472d8fc07c4678d03749e28d",
)
_LAYOUT = ClassFolderLayout("UCMerced_LandUse/Images", _CLASSES, _LISTS.names)

BENCHMARK = Benchmark(
    name="UCMerced",
    about="21 kinds of land use on aerial photographs of the USA, 0.3 m",
    files=(
        RemoteFile(
            "UCMerced_LandUse.zip",
            f"{_HOME}UCMerced_LandUse.zip",
            "md5:5b7ec56793786b6dc8a908e8854ac0e4",
            gives=_LAYOUT.folder,
        ),
        *_LISTS.files,
    ),
    layout=_LAYOUT,
    image=Pictures(RGB),
    outputs=_LAYOUT.outputs,
    samples=2_100,
    size=(256, 256),
    fit="resize",
    home="http://weegee.vision.ucmerced.edu/datasets/landuse.html",
    citation="Yang and Newsam 2010, ACM SIGSPATIAL GIS",
    note="Some pictures have 247 to 255 rows or columns: all are resized to 256 x 256",
)
