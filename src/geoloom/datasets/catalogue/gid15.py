"""GID-15: land use on scenes of Gaofen-2."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures

_CLASSES = Classes.from_legend(
    dict(
        enumerate(
            [
                "background",
                "industrial_land",
                "urban_residential",
                "rural_residential",
                "traffic_land",
                "paddy_field",
                "irrigated_land",
                "dry_cropland",
                "garden_plot",
                "arbor_woodland",
                "shrub_land",
                "natural_grassland",
                "artificial_grassland",
                "river",
                "lake",
                "pond",
            ]
        )
    )
)

BENCHMARK = Benchmark(
    name="GID15",
    about="fifteen kinds of land use on scenes of Gaofen-2 in China, colour pictures, 3 m",
    files=(
        RemoteFile(
            "gid-15.zip",
            None,
            "md5:615682bf659c3ed981826c6122c10c83",
            gives="GID",
        ),
    ),
    layout=PatternLayout(
        "GID/img_dir/{split}/{name}.tif",
        {"mask": "GID/ann_dir/{split}/{name}_15label.png"},
        optional=("mask",),
        divided=("train", "val", "test"),
    ),
    image=Pictures(RGB),
    targets=(Masks(Pictures(RGB[:1], column="mask"), Codes(range(len(_CLASSES)))),),
    outputs=ClassOutputs(_CLASSES),
    samples=150,
    size=(6800, 7200),
    home="https://x-ytong.github.io/project/GID.html",
    citation="Tong et al. 2020, Remote Sensing of Environment 237, arXiv 1807.05713",
    note="The test scenes come without labels",
    by_hand=(
        "fetch gid-15.zip in a browser from "
        "https://drive.google.com/file/d/1zbkCEXPEKEV6gq19OKmIbaT8bXXfWW6u"
    ),
)
