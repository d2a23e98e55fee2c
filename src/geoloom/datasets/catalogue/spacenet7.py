"""SpaceNet 7: buildings that are built, month by month."""

from __future__ import annotations

from typing import Any

from ..benchmarks.declaration import RGB, Benchmark, Choice
from ..benchmarks.patterns import PatternLayout
from ..samples.pictures import Pictures
from .spacenet1 import LICENCE, default_labels, labels, tarballs


def _image(name: str) -> dict[str, Any]:
    area = "SN7_buildings/{split}/{above:**}/{aoi}"
    stem = "global_monthly_{year:[0-9]+}_{month:[0-9]+}_mosaic_{aoi}"
    return {
        "layout": PatternLayout(
            f"{area}/{name}/{stem}.tif",
            {"footprints": f"{area}/labels/{stem}_Buildings.geojson"},
            optional=("footprints",),
            divided=("train", "test"),
        )
    }


_IMAGES = {name: _image(name) for name in ("images_masked", "images")}

BENCHMARK = Benchmark(
    name="SpaceNet7",
    about="buildings in about 80 places of the world, each month for two years, PlanetScope mosaics, 4 m",
    files=(
        *tarballs(
            "SN7_buildings",
            "train",
            "SN7_buildings_train.tar.gz 6eda13b9c28f6f5cdf00a7e8e218c1b1",
        ),
        *tarballs(
            "SN7_buildings",
            "test",
            "SN7_buildings_test_public.tar.gz b3bde95a0f8f32f3bfeba49464b9bc97",
        ),
    ),
    **_IMAGES["images_masked"],
    # A fourth channel says where there are clouds, or is missing.
    image=Pictures(RGB, channels=(0, 1, 2)),
    **default_labels("boxes"),
    samples=1_889,
    size=(1024, 1024),
    placed=True,
    choices=(
        Choice("image", "without clouds (masked), or with; test pictures come without", _IMAGES),
        labels("boxes"),
    ),
    home="https://spacenet.ai/sn7-challenge",
    citation="Van Etten et al. 2021, CVPR, arXiv 2102.04420",
    licence=LICENCE,
    note=(
        "A sample is a month of a place: columns aoi, year and month of the table. Test pictures have no "
        "labels. Places have thousands of buildings, so that masks of each (labels='instances') fill memory"
    ),
)
