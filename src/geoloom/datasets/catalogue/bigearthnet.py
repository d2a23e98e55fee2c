"""BigEarthNet: what covers patches of ten countries, several kinds at once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.classes import Classes
from ...core.errors import DatasetError, ReadError
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, Choice, RemoteFile, SplitFiles
from ..benchmarks.folders import objects
from ..benchmarks.function import FunctionLayout
from ..samples.listing import Listing
from ..samples.pictures import Pictures
from ..samples.stacks import BandStack
from ..samples.target import Frame
from ..sensors.sentinel1_bands import SENTINEL1_BANDS
from ..sensors.sentinel2_bands import SENTINEL2_BANDS

CLASSES = (
    "Urban fabric",
    "Industrial or commercial units",
    "Arable land",
    "Permanent crops",
    "Pastures",
    "Complex cultivation patterns",
    "Land principally occupied by agriculture, with significant areas of natural vegetation",
    "Agro-forestry areas",
    "Broad-leaved forest",
    "Coniferous forest",
    "Mixed forest",
    "Natural grassland and sparsely vegetated areas",
    "Moors, heathland and sclerophyllous vegetation",
    "Transitional woodland, shrub",
    "Beaches, dunes, sands",
    "Inland wetlands",
    "Coastal wetlands",
    "Inland waters",
    "Marine waters",
)
_CORINE = (
    "Continuous urban fabric",
    "Discontinuous urban fabric",
    "Industrial or commercial units",
    "Road and rail networks and associated land",
    "Port areas",
    "Airports",
    "Mineral extraction sites",
    "Dump sites",
    "Construction sites",
    "Green urban areas",
    "Sport and leisure facilities",
    "Non-irrigated arable land",
    "Permanently irrigated land",
    "Rice fields",
    "Vineyards",
    "Fruit trees and berry plantations",
    "Olive groves",
    "Pastures",
    "Annual crops associated with permanent crops",
    "Complex cultivation patterns",
    "Land principally occupied by agriculture, with significant areas of natural vegetation",
    "Agro-forestry areas",
    "Broad-leaved forest",
    "Coniferous forest",
    "Mixed forest",
    "Natural grassland",
    "Moors and heathland",
    "Sclerophyllous vegetation",
    "Transitional woodland/shrub",
    "Beaches, dunes, sands",
    "Bare rock",
    "Sparsely vegetated areas",
    "Burnt areas",
    "Inland marshes",
    "Peatbogs",
    "Salt marshes",
    "Salines",
    "Intertidal flats",
    "Water courses",
    "Water bodies",
    "Coastal lagoons",
    "Estuaries",
    "Sea and ocean",
)
"""The 43 kinds of CORINE, as the patches' files name them."""
_POSITIONS = {
    0: 0,
    1: 0,
    2: 1,
    11: 2,
    12: 2,
    13: 2,
    14: 3,
    15: 3,
    16: 3,
    18: 3,
    17: 4,
    19: 5,
    20: 6,
    21: 7,
    22: 8,
    23: 9,
    24: 10,
    25: 11,
    31: 11,
    26: 12,
    27: 12,
    28: 13,
    29: 14,
    33: 15,
    34: 15,
    35: 16,
    36: 16,
    38: 17,
    39: 17,
    40: 18,
    41: 18,
    42: 18,
}
"""Of the 43 kinds, which of the 19 they are; those that are missing are none of them."""

SIZE = (120, 120)
S1 = tuple(
    replace(band, unit="dB", gsd_m=10.0)
    for role in ("vh", "vv")
    for band in SENTINEL1_BANDS
    if band.role == role
)
"""VH comes first, as files sorted by name have it."""
S2 = tuple(
    replace(band, unit="surface_reflectance", nodata=None)
    for band in SENTINEL2_BANDS
    if band.name != "B10"
)
"""All of level 2A, those of 20 and 60 m brought to 10 m."""


def image() -> BandStack:
    """Files of a band each, in the folders that the columns `s1` and `s2` name."""
    radar = (Pictures((b,), "float32", "s1", inside=f"{{name}}_{b.name}.tif") for b in S1)
    optical = (Pictures((b,), "uint16", "s2", inside=f"{{name}}_{b.name}.tif") for b in S2)
    return BandStack((*radar, *optical), size=SIZE)


@dataclass(frozen=True, slots=True)
class CorineLabels:
    """`multilabel` (K,) of the names in each patch's own file."""

    count: int
    """K, 19 or 43."""

    @property
    def keys(self) -> tuple[str, ...]:
        """`multilabel`."""
        return ("multilabel",)

    def given(self, listing: Listing) -> bool:
        """Always."""
        return True

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`."""
        present = np.zeros(self.count, np.bool_)
        for name in self._names(listing, row):
            if name not in _CORINE:
                raise ReadError(
                    f"patch {listing.name(row)} in {listing.root} is labelled {name!r}, no kind of CORINE"
                )
            kind = _CORINE.index(name)
            position = kind if self.count == len(_CORINE) else _POSITIONS.get(kind)
            if position is not None:
                present[position] = True
        return {"multilabel": present}

    def _names(self, listing: Listing, row: int) -> list[str]:
        """From the file of either sensor: both say the same."""
        folders = [Path(listing.path(row, column)) for column in ("s2", "s1")]
        paths = [folder / f"{folder.name}_labels_metadata.json" for folder in folders]
        path = next((path for path in paths if path.is_file()), paths[0])
        try:
            names = json.loads(path.read_text(encoding="utf-8"))["labels"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReadError(
                f"{path} does not say the patch's labels ({error}); fetch it again"
            ) from error
        return [str(name) for name in names]


_LISTS = SplitFiles.at(
    "https://git.tu-berlin.de/rsim/BigEarthNet-MM_19-classes_models/-/raw/"
    "9a5be07346ab0884b2d9517475c27ef9db9b5104/splits/{split}.csv?inline=false",
    train="623e501b38ab7b12fe44f0083c00986d",
    val="22efe8ed9cbd71fa10742ff7df2b7978",
    test="697fb90677e30571b9ac7699b7e5b432",
)
_SPLITS = tuple(split for split, _ in _LISTS.names)


def _rows(root: Path, split: str) -> Iterator[tuple[str, str, str]]:
    path = root / f"bigearthnet-{split}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if len(row) != 2:
                raise DatasetError(
                    f"line {number} of {path} has {len(row)} entries, expected the names of a patch of "
                    "Sentinel-2 and of Sentinel-1; fetch it again"
                )
            yield f"BigEarthNet-v1.0/{row[0]}", f"BigEarthNet-S1-v1.0/{row[1]}", split


def _find(root: Path, split: str | None) -> Listing:
    rows = [row for name in _SPLITS if split in (None, name) for row in _rows(root, name)]
    return Listing(
        root, {name: objects(r[k] for r in rows) for k, name in enumerate(("s2", "s1", "split"))}
    )


def _labelled(names: tuple[str, ...]) -> dict[str, Any]:
    outputs = ClassOutputs(Classes.of(list(names)), multilabel=True, per="image")
    return {"targets": (CorineLabels(len(names)),), "outputs": outputs}


_KINDS = {"19": _labelled(CLASSES), "43": _labelled(_CORINE)}
BAND_SETS = {"s1": tuple(b.name for b in S1), "s2": tuple(b.name for b in S2)}
HOME = "https://bigearth.net"
_ZENODO = "https://zenodo.org/records/12687186/files/"

BENCHMARK = Benchmark(
    name="BigEarthNet",
    about="kinds of land cover on patches of ten countries of Europe, several at once, Sentinel-1 and -2",
    files=(
        RemoteFile(
            "BigEarthNet-S2-v1.0.tar.gz",
            f"{_ZENODO}BigEarthNet-S2-v1.0.tar.gz",
            "md5:5a64e9ce38deb036a435a7b59494924c",
            gives="BigEarthNet-v1.0",
            bands="s2",
        ),
        RemoteFile(
            "BigEarthNet-S1-v1.0.tar.gz",
            f"{_ZENODO}BigEarthNet-S1-v1.0.tar.gz",
            "md5:94ced73440dea8c7b9645ee738c5a172",
            gives="BigEarthNet-S1-v1.0",
            bands="s1",
        ),
        *(
            replace(file, name=f"bigearthnet-{file.name.partition('?')[0]}")
            for file in _LISTS.files
        ),
    ),
    layout=FunctionLayout(_find, _SPLITS),
    image=image(),
    **_KINDS["19"],
    choices=(Choice("num_classes", "19 kinds, or all 43 of CORINE", _KINDS),),
    samples=590_326,
    size=SIZE,
    placed=True,
    band_sets=BAND_SETS,
    home=HOME,
    citation="Sumbul et al. 2019 and 2021, IGARSS and IEEE GRSM 9(3), arXiv 1902.06148 and 2105.07921",
    licence="CDLA-Permissive-1.0",
    note="Of the 43 kinds, eleven are none of the 19; a patch of those alone has no label then",
)
