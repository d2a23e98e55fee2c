"""BigEarthNet, version 2: patches corrected anew, with a map of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...core.bands import Band
from ...core.classes import Classes
from ...core.errors import DatasetError, suggest
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, Choice, RemoteFile
from ..benchmarks.folders import objects
from ..benchmarks.function import FunctionLayout
from ..samples.listing import Listing
from ..samples.masks import Codes, Masks
from ..samples.pictures import Pictures
from .bigearthnet import BAND_SETS, CLASSES, HOME, SIZE, image

_AT = "https://hf.co/datasets/torchgeo/bigearthnet/resolve/3cf3a5910a5302d449fdb8e570e5b78de24fe07f/V2/"
_SPLITS = {"train": "train", "validation": "val", "test": "test"}
_CORINE = {
    111: 0,
    112: 0,
    121: 1,
    211: 2,
    212: 2,
    213: 2,
    221: 3,
    222: 3,
    223: 3,
    231: 4,
    241: 3,
    242: 5,
    243: 6,
    244: 7,
    311: 8,
    312: 9,
    313: 10,
    321: 11,
    322: 12,
    323: 12,
    324: 13,
    331: 14,
    333: 11,
    411: 15,
    412: 15,
    421: 16,
    422: 16,
    511: 17,
    512: 17,
    521: 18,
    522: 18,
    523: 18,
}
"""Codes of CORINE, and positions of the 19 kinds; the others, and 999, are not labelled."""
_COLUMNS = ("patch_id", "s1_name", "split", "labels")


def _find(root: Path, split: str | None) -> Listing:
    import pyarrow
    import pyarrow.parquet

    path = root / "metadata.parquet"
    try:
        table = pyarrow.parquet.read_table(path, columns=list(_COLUMNS)).to_pydict()
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read: {error}; fetch it again") from error
    missing = [name for name in _COLUMNS if name not in table]
    odd = sorted({*table.get("split", ())} - {*_SPLITS})
    if missing or odd:
        raise DatasetError(
            f"{path} lacks {missing} or has splits {odd}, expected {', '.join(_SPLITS)}"
        )
    columns = {
        "s2": objects(
            f"BigEarthNet-S2/{name.rsplit('_', 2)[0]}/{name}" for name in table["patch_id"]
        ),
        "s1": objects(
            f"BigEarthNet-S1/{name.rsplit('_', 3)[0]}/{name}" for name in table["s1_name"]
        ),
        "map": objects(
            f"Reference_Maps/{name.rsplit('_', 2)[0]}/{name}" for name in table["patch_id"]
        ),
        "split": objects(_SPLITS[name] for name in table["split"]),
    }
    return Listing(root, columns, {"multilabel": _present(path, table["labels"])})


def _present(path: Path, labels: list[list[str]]) -> Any:
    """(n, 19) bool."""
    positions = {name: position for position, name in enumerate(CLASSES)}
    present = np.zeros((len(labels), len(CLASSES)), np.bool_)
    for row, names in enumerate(labels):
        for name in names:
            if name not in positions:
                raise DatasetError(
                    f"row {row} of {path} is labelled {name!r}{suggest(name, positions)}"
                )
            present[row, positions[name]] = True
    return present


def _part(name: str, md5: str, **options: Any) -> RemoteFile:
    return RemoteFile(name, f"{_AT}{name}", f"md5:{md5}", **options)


_FILES = (
    _part(
        "BigEarthNet-S2.tar.gzaa",
        "94e8ed32065234d3ab46353d814778d1",
        gives="BigEarthNet-S2",
        bands="s2",
    ),
    _part(
        "BigEarthNet-S2.tar.gzab",
        "24c223d9e36166136c13b24a27debe34",
        continues="BigEarthNet-S2.tar.gzaa",
        bands="s2",
    ),
    _part(
        "BigEarthNet-S1.tar.gzaa",
        "039b9ce305fc6582b2c3d60d1573f5b7",
        gives="BigEarthNet-S1",
        bands="s1",
    ),
    _part(
        "BigEarthNet-S1.tar.gzab",
        "e94f0ea165d04992ca91d8e58e82ec6d",
        continues="BigEarthNet-S1.tar.gzaa",
        bands="s1",
    ),
    _part("metadata.parquet", "55687065e77b6d0b0f1ff604a6e7b49c"),
)
_MAPS = _part("Reference_Maps.tar.gzaa", "b0cd1f0a31b49fcbfd61d80f963e759d", gives="Reference_Maps")
_KINDS: dict[str, dict[str, Any]] = {
    "patch": {"outputs": ClassOutputs(Classes.of(list(CLASSES)), multilabel=True, per="image")},
    "map": {
        "files": (*_FILES, _MAPS),
        "targets": (
            Masks(
                Pictures((Band("class"),), "uint16", "map", inside="{name}_reference_map.tif"),
                Codes(_CORINE, others="unlabelled"),
                column="map",
            ),
        ),
        "outputs": ClassOutputs(Classes.from_legend(dict(enumerate(CLASSES)))),
    },
}

BENCHMARK = Benchmark(
    name="BigEarthNetV2",
    about="19 kinds of land cover on patches of ten countries of Europe, several at once, and maps of them",
    files=_FILES,
    layout=FunctionLayout(_find, tuple(_SPLITS.values())),
    image=image(),
    **_KINDS["patch"],
    choices=(Choice("labels", "the kinds of each patch, or a map of its pixels", _KINDS),),
    samples=549_488,
    size=SIZE,
    placed=True,
    band_sets=BAND_SETS,
    home=HOME,
    citation="Clasen et al. 2025, IGARSS, arXiv 2407.03653",
    licence="CDLA-Permissive-1.0",
    note="Pixels of codes that are none of the 19 kinds, 999 among them, are not labelled",
)
