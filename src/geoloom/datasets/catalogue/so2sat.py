"""So2Sat LCZ42: local climate zones of cities, by Sentinel-1 and Sentinel-2."""

from __future__ import annotations

from dataclasses import replace

from ...core.bands import Band
from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import Benchmark, Choice, RemoteFile
from ..benchmarks.hdf5 import Hdf5Layout
from ..samples.hdf5_rows import Hdf5Rows
from ..samples.stacks import BandStack
from ..sensors.sentinel2_bands import SENTINEL2_BANDS

_SIZE = (32, 32)
_CLASSES = Classes.of([
    "Compact high rise", "Compact mid rise", "Compact low rise", "Open high rise", "Open mid rise",
    "Open low rise", "Lightweight low rise", "Large low rise", "Sparsely built", "Heavy industry",
    "Dense trees", "Scattered trees", "Bush, scrub", "Low plants", "Bare rock or paved",
    "Bare soil or sand", "Water",
])  # fmt: skip

# What the channels of Sentinel-1 are is not certain: real and imaginary parts, then intensities after a
# refined Lee filter, then the covariance.
_S1 = tuple(
    Band(f"S1_B{number}", role, unit=unit)  # type: ignore[arg-type]  # words of the table below
    for number, (role, unit) in enumerate(
        [("other", None)] * 4 + [("vh", "linear"), ("vv", "linear")] + [("other", None)] * 2, 1
    )
)
_S2 = tuple(
    replace(
        band, name=f"S2_{band.name}", gsd_m=10.0, unit="toa_reflectance", scale=1.0, nodata=None
    )
    for name in ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    for band in SENTINEL2_BANDS
    if band.name == name
)


def _files(folder: str, **md5: str) -> tuple[RemoteFile, ...]:
    names = {"train": "training.h5", "val": "validation.h5", "test": "testing.h5"}
    return tuple(
        RemoteFile(f"{folder}{names[split]}", None, f"md5:{checksum}", splits=(split,))
        for split, checksum in md5.items()
    )


def _version(files: tuple[RemoteFile, ...]) -> dict[str, object]:
    """What a version changes."""
    layout = Hdf5Layout({file.splits[0]: file.name for file in files}, "label", one_hot="label")
    return {"files": files, "layout": layout}


_VERSIONS = {
    "2": _version(
        _files(
            "",
            train="702bc6a9368ebff4542d791e53469244",
            val="71cfa6795de3e22207229d06d6f8775d",
            test="e81426102b488623a723beab52b31a8a",
        )
    ),
    "3_random": _version(
        _files(
            "random/",
            train="94e2e2e667b406c2adf61e113b42204e",
            test="1e15c425585ce816342d1cd779d453d8",
        )
    ),
    "3_block": _version(
        _files(
            "block/",
            train="a91d6150e8b059dac86105853f377a11",
            test="6414af1ec33ace417e879f9c88066d47",
        )
    ),
    "3_culture_10": _version(
        _files(
            "culture_10/",
            train="702bc6a9368ebff4542d791e53469244",
            test="58335ce34ca3a18424e19da84f2832fc",
        )
    ),
}

BENCHMARK = Benchmark(
    name="So2Sat",
    about="seventeen local climate zones on patches of 52 cities, Sentinel-1 and Sentinel-2",
    **_VERSIONS["2"],  # type: ignore[arg-type]  # two of its fields
    image=BandStack(
        (
            Hdf5Rows(_S1, "sen1", "HWC", _SIZE, "float64"),
            Hdf5Rows(_S2, "sen2", "HWC", _SIZE, "float64"),
        )
    ),
    outputs=ClassOutputs(_CLASSES, per="image"),
    samples=400_673,
    size=_SIZE,
    band_sets={
        "s1": tuple(band.name for band in _S1),
        "s2": tuple(band.name for band in _S2),
        "rgb": ("S2_B04", "S2_B03", "S2_B02"),
    },
    choices=(
        Choice("version", "which edition, and in edition 3 how cities are divided", _VERSIONS),
    ),
    home="https://mediatum.ub.tum.de/1483140",
    citation="Zhu et al. 2020, IEEE GRSM 8(3), arXiv 1912.12171",
    licence="CC BY 4.0",
    note="Sentinel-2 is stored as reflectance, not in DN; what the channels of Sentinel-1 are is not certain",
    by_hand=(
        "fetch the HDF5 files of version 2 from mediaTUM 1483140, of version 3 from 1613658 "
        "(https://mediatum.ub.tum.de)"
    ),
)
