"""xView2 (xBD): damage to buildings, on pairs of pictures from before and after disasters."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures
from .levircdplus import IMAGE

_CLASSES = Classes.from_legend(
    dict(enumerate(["background", "no-damage", "minor-damage", "major-damage", "destroyed"]))
)
_BEFORE = Codes({0: 0, 1: 1})
"""Of the targets from before a disaster; building or none is what is told of them."""

BENCHMARK = Benchmark(
    name="XView2",
    about="damage to buildings in four grades, on pictures from before and after disasters, 0.5 m",
    files=(
        RemoteFile(
            "train_images_labels_targets.tar.gz",
            None,
            "md5:a20ebbfb7eb3452785b63ad02ffd1e16",
            gives="train",
            splits=("train",),
        ),
        RemoteFile(
            "test_images_labels_targets.tar.gz",
            None,
            "md5:1b39c47e05d1319c17cc8763cee6fe0c",
            gives="test",
            splits=("test",),
        ),
    ),
    layout=PatternLayout(
        "{split}/images/{name}_pre_disaster.png",
        {
            "after": "{split}/images/{name}_post_disaster.png",
            "mask": "{split}/targets/{name}_post_disaster_target.png",
            "buildings": "{split}/targets/{name}_pre_disaster_target.png",
        },
        column="before",
        divided=("train", "test"),
    ),
    image=IMAGE,
    targets=(
        Masks(
            Pictures(RGB[:1], column="mask", channels=(0,)),
            Codes(range(len(_CLASSES))),
        ),
        Masks(
            Pictures(RGB[:1], column="buildings", channels=(0,)),
            _BEFORE,
            key="mask:buildings",
            column="buildings",
            classes=Classes.from_legend({0: "background", 1: "building"}),
        ),
    ),
    outputs=ClassOutputs(_CLASSES),
    samples=3732,
    size=(1024, 1024),
    home="https://xview2.org",
    citation="Gupta et al. 2019, CVPR Workshops, arXiv 1911.09296",
    licence="CC BY-NC-SA 4.0",
    note=(
        "`mask` is the target from after the disaster alone, `mask:buildings` that from before it (expected "
        "as 0 and 1). The number of samples and the licence are from memory"
    ),
    by_hand="log in at https://xview2.org/dataset, fetch the two archives of the challenge",
)
