"""SpaceNet 4: buildings of Atlanta, from 27 angles."""

from __future__ import annotations

from typing import Any

from ...core.bands import Band
from ..benchmarks.declaration import RGB, Benchmark, Choice
from ..benchmarks.patterns import PatternLayout
from ..samples.pictures import Pictures
from .spacenet1 import LICENCE, PAN, WORLDVIEW, default_labels, labels, tarballs

_VIEWS = """
nadir7_catid_1030010003D22F00 d41ab6ec087b07e1e046c55d1fa5754b
nadir8_catid_10300100023BC100 72f04a7c0c34dd4595c181ee1ae6cb4c
nadir10_catid_1030010003993E00 89559f42ac11a8de570cef9802a577ad
nadir10_catid_1030010003CAF100 5489ac756249c336ea506ef0acb3c09d
nadir13_catid_1030010002B7D800 bd9ed231cedd8631683ea51ea0602de1
nadir14_catid_10300100039AB000 c497a8a448ed7ccdf63e7706507c0603
nadir16_catid_1030010002649200 45d54eeecefdc60aa38320be6f29a17c
nadir19_catid_1030010003C92000 611528c0188bbc7e9cdf98609c6b0c49
nadir21_catid_1030010003127500 532fbf1ca73d3d2e8b03c585f61b7316
nadir23_catid_103001000352C200 538f48429b0968b6cfad97eb61fa8de1
nadir25_catid_103001000307D800 3c48e94bc6d9e66e27c3a9bc8d35d65d
nadir27_catid_1030010003472200 b78cdf951e7bf4fedbe9259abd1e047a
nadir29_catid_1030010003315300 f307ce3c623d12d5a2fd5acb1e0607e0
nadir30_catid_10300100036D5200 9a17574332cd5513d68a0bcc9c607bdd
nadir32_catid_103001000392F600 fe905ca809f7bd2ceef75bde23c326f3
nadir34_catid_1030010003697400 d9f2e4a5c8462f6f9f7d5c573d9a1dc6
nadir36_catid_1030010003895500 f9425ff38dc82bf0e8f25a6287ff1ad1
nadir39_catid_1030010003832800 7a6005d6fd972d5ce04caf9b42b36897
nadir42_catid_10300100035D1B00 7c5aa16bb64cacf766cf88f89b3093bd
nadir44_catid_1030010003CCD700 8f7e959eb0156ad2dfb0b966a1de06a9
nadir46_catid_1030010003713C00 62c4babcbe70034b7deb7c14d5ff61c2
nadir47_catid_10300100033C5200 8001d75f67534edf6932242324b8c1a7
nadir49_catid_1030010003492700 bc299cb5de432b5f5a1ce65a3bdb0abc
nadir50_catid_10300100039E6200 d7640eda7c4efaf825665e853037bec9
nadir52_catid_1030010003BDDC00 d4e1931551e9d3c6fd9bf1d8adfd07a0
nadir53_catid_1030010003193D00 b313e23ead8fe6e2c8671a49f2c9de37
nadir53_catid_1030010003CD4300 3bd8f07ad57bff841d0cf91c91c6f5ed
"""
"""Angle and catalogue number of each view, and the md5 of its archive."""

_IMAGES = {"MS": WORLDVIEW, "PAN": PAN, "Pan-Sharpen": (*RGB, Band("nir", "nir"))}


def _image(name: str) -> dict[str, Any]:
    view = "Atlanta_nadir{nadir:[0-9]+}_catid_{catalog}"
    return {
        "image": Pictures(_IMAGES[name], "uint16"),
        "layout": PatternLayout(
            f"SN4_buildings/{{split}}/{{above:**}}/{view}/{name}/"
            f"{name}_{view}_{{east:[0-9]+}}_{{north:[0-9]+}}.tif",
            {
                "footprints": "SN4_buildings/{split}/geojson/spacenet-buildings/"
                "spacenet-buildings_{east}_{north}.geojson"
            },
            optional=("footprints",),
            divided=("train", "test"),
        ),
    }


BENCHMARK = Benchmark(
    name="SpaceNet4",
    about="buildings of Atlanta on 27 pictures of WorldView-2, from 7 to 53 degrees off nadir, 0.5 m",
    files=(
        *tarballs(
            "SN4_buildings",
            "train",
            *(
                f"Atlanta_{view}.tar.gz {md5} Atlanta_{view}"
                for view, md5 in map(str.split, _VIEWS.strip().splitlines())
            ),
            "geojson.tar.gz 2556339e26a09e57559452eb240ef29c geojson",
        ),
        *tarballs(
            "SN4_buildings",
            "test",
            "SN4_buildings_AOI_6_Atlanta_test_public.tar.gz 0ec3874bfc19aed63b33ac47b039aace",
        ),
    ),
    **_image("MS"),
    **default_labels(),
    samples=28_728,
    placed=True,
    choices=(Choice("image", "the product", {name: _image(name) for name in _IMAGES}), labels()),
    home="https://spacenet.ai/off-nadir-building-detection",
    citation="Weir et al. 2019, ICCV, arXiv 1903.12239",
    licence=LICENCE,
    note=(
        "28,728 are the training pictures; test pictures have no labels. The column nadir of the table is "
        "each view's angle, degrees. Names of files, and that Pan-Sharpen has red, green, blue and near "
        "infrared in this order, are as its publishers describe them, and were not compared with all archives"
    ),
)
