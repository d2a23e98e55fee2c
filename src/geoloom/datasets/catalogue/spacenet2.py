"""SpaceNet 2: buildings of four cities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..benchmarks.declaration import RGB, Benchmark, Choice
from ..benchmarks.patterns import PatternLayout
from ..samples.pictures import Pictures
from .spacenet1 import CITATION, LICENCE, PAN, WORLDVIEW, default_labels, labels, tarballs

_CITIES = {
    "2": ("Vegas", "307da318bc43aaf9481828f92eda9126", "d45405afd6629e693e2f9168b1291ea3"),
    "3": ("Paris", "4db469e3e4e7bf025368ad730aec0888", "2eaee95303e88479246e4ee2f2279b7f"),
    "4": ("Shanghai", "986129eecd3e842ebc2063d43b407adb", "f51dc51fa484dc7fb89b3697bd15a950"),
    "5": ("Khartoum", "462b4bf0466c945d708befabd4d9115b", "037d7be10530f0dd1c43d4ef79f3236e"),
}
"""Number of each area of interest -> its city, and the md5 of its archives, train and test."""

_FILES = {
    number: (
        *tarballs(
            "SN2_buildings",
            "train",
            f"SN2_buildings_train_AOI_{number}_{city}.tar.gz {train} AOI_{number}_{city}_Train",
        ),
        *tarballs(
            "SN2_buildings",
            "test",
            f"AOI_{number}_{city}_Test_public.tar.gz {test} AOI_{number}_{city}_Test_public",
        ),
    )
    for number, (city, train, test) in _CITIES.items()
}

_GSD_M = {"MUL": 1.24}
_IMAGES = {
    "MUL": WORLDVIEW,
    "MUL-PanSharpen": WORLDVIEW,
    "PAN": PAN,
    "RGB-PanSharpen": RGB,
}


def _image(name: str) -> dict[str, Any]:
    area = "SN2_buildings/{split}/AOI_{aoi:[0-9]}_{folder}"
    bands = tuple(replace(band, gsd_m=_GSD_M.get(name, 0.3)) for band in _IMAGES[name])
    return {
        "image": Pictures(bands, "uint16"),
        "layout": PatternLayout(
            f"{area}/{name}/{name}_{{name}}.tif",
            {"footprints": f"{area}/geojson/buildings/buildings_{{name}}.geojson"},
            optional=("footprints",),
            divided=("train", "test"),
        ),
    }


_FILES_OF_ALL = tuple(file for files in _FILES.values() for file in files)

BENCHMARK = Benchmark(
    name="SpaceNet2",
    about="buildings of Las Vegas, Paris, Shanghai and Khartoum on pictures of WorldView-3, 0.3 m",
    files=_FILES_OF_ALL,
    **_image("MUL"),
    **default_labels(),
    samples=24_586,
    placed=True,
    choices=(
        Choice("image", "the product", {name: _image(name) for name in _IMAGES}),
        Choice(
            "aoi",
            "all areas of interest or one: 2 Las Vegas, 3 Paris, 4 Shanghai, 5 Khartoum",
            {"all": {"files": _FILES_OF_ALL}}
            | {
                number: {"files": files, "layout": {"only": {"aoi": number}}}
                for number, files in _FILES.items()
            },
        ),
        labels(),
    ),
    home="https://spacenet.ai/spacenet-buildings-dataset-v2",
    citation=CITATION,
    licence=LICENCE,
    note=(
        "Test pictures have no labels. Names of files within the archives are as their publishers "
        "describe them, and were not compared with all archives"
    ),
)
