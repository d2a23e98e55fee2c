"""OSCD: urban change between two dates of Sentinel-2."""

from __future__ import annotations

from ..benchmarks.dated import DatedLayout, day_seconds, lines
from ..benchmarks.declaration import Benchmark, RemoteFile
from ..benchmarks.patterns import PatternLayout
from ..samples.listing import Listing
from ..samples.pictures import Pictures
from ..samples.stacks import BandStack, DateStack
from ..sensors.sentinel2_bands import LEVEL_1C_PATCHES
from .levircdplus import OUTPUTS, TARGETS

_DATASET = "Onera Satellite Change Detection dataset - "
_TIMES = ("time_1", "time_2")


def _dates(listing: Listing, row: int) -> list[float]:
    """From lines such as `date_1: 20160415`."""
    told = dict(line.split(":", 1) for line in lines(listing, row, "dates") if ":" in line)
    return [day_seconds(told.get(f"date_{k}", ""), listing, row) for k in (1, 2)]


def _date(column: str) -> BandStack:
    return BandStack(
        tuple(
            Pictures((band,), "uint16", column, inside=f"{band.name}.tif")
            for band in LEVEL_1C_PATCHES
        )
    )


BENCHMARK = Benchmark(
    name="OSCD",
    about="urban change between two dates of Sentinel-2 in 24 cities, 13 bands, 10 m",
    files=(
        RemoteFile(
            f"{_DATASET}Images.zip",
            "https://partage.imt.fr/index.php/s/gKRaWgRnLMfwMGo/download",
            "md5:c50d4a2941da64e03a47ac4dec63d915",
            gives=f"{_DATASET}Images",
        ),
        RemoteFile(
            f"{_DATASET}Train Labels.zip",
            "https://partage.mines-telecom.fr/index.php/s/2D6n03k58ygBSpu/download",
            "md5:4d2965af8170c705ebad3d6ee71b6990",
            gives=f"{_DATASET}Train Labels",
            splits=("train",),
        ),
        RemoteFile(
            f"{_DATASET}Test Labels.zip",
            "https://partage.imt.fr/index.php/s/gpStKn4Mpgfnr63/download",
            "md5:8177d437793c522653c442aa4e66c617",
            gives=f"{_DATASET}Test Labels",
            splits=("test",),
        ),
    ),
    layout=DatedLayout(
        PatternLayout(
            f"{_DATASET}{{split}} Labels/{{city}}/cm/cm.png",
            {
                "before": f"{_DATASET}Images/{{city}}/imgs_1_rect",
                "after": f"{_DATASET}Images/{{city}}/imgs_2_rect",
                "dates": f"{_DATASET}Images/{{city}}/dates.txt",
            },
            column="mask",
            split_names={"Train": "train", "Test": "test"},
            divided=("train", "test"),
        ),
        _TIMES,
        _dates,
    ),
    image=DateStack((_date("before"), _date("after")), _TIMES),
    targets=TARGETS,
    outputs=OUTPUTS,
    samples=24,
    placed=True,
    home="https://rcdaudt.github.io/oscd",
    citation="Daudt et al. 2018, IGARSS, arXiv 1810.08468",
    licence="CC BY-NC-SA 4.0",
    note=(
        "14 cities are for training and 10 for testing, by the folders of their labels; all bands are "
        "brought to the grid of those of 10 m. Cities have a place where their files tell one. "
        "The licence is from memory"
    ),
)
