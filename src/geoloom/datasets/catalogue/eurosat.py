"""EuroSAT: land use on patches of Sentinel-2."""

from __future__ import annotations

from dataclasses import replace

from ..benchmarks.class_folders import ClassFolderLayout
from ..benchmarks.declaration import Benchmark, RemoteFile, SplitFiles
from ..samples.pictures import Pictures
from ..sensors.sentinel2_bands import LEVEL_1C_PATCHES

HOME = "https://hf.co/datasets/torchgeo/eurosat/resolve/1ce6f1bfb56db63fd91b6ecc466ea67f2509774c/"

_CLASSES = (
    "AnnualCrop",
    "Forest",
    "HerbaceousVegetation",
    "Highway",
    "Industrial",
    "Pasture",
    "PermanentCrop",
    "Residential",
    "River",
    "SeaLake",
)
LAYOUT = ClassFolderLayout("ds/images/remote_sensing/otherDatasets/sentinel_2/tif", _CLASSES)


def divided(benchmark: Benchmark, lists: SplitFiles) -> Benchmark:
    """The samples of `benchmark`, which has its archive alone, divided by lists."""
    layout = replace(LAYOUT, lists=lists.names)
    return replace(benchmark, files=(*benchmark.files, *lists.files), layout=layout)


UNDIVIDED = Benchmark(
    name="EuroSAT",
    about="ten kinds of land use on patches of Sentinel-2, 13 bands",
    files=(
        RemoteFile(
            "EuroSATallBands.zip",
            f"{HOME}EuroSATallBands.zip",
            "md5:5ac12b3b2557aa56e1826e981e8e200e",
            gives=LAYOUT.folder,
        ),
    ),
    layout=LAYOUT,
    # B10 is there, so that it is level 1C; B8A comes last in the files.
    image=Pictures(tuple(sorted(LEVEL_1C_PATCHES, key=lambda band: band.name)), "uint16"),
    placed=True,
    outputs=LAYOUT.outputs,
    samples=27_000,
    size=(64, 64),
    home="https://github.com/phelber/EuroSAT",
    citation="Helber et al. 2019, IEEE JSTARS 12(7), arXiv 1709.00029",
    licence="MIT",
    note="The splits are drawn by chance (Neumann et al. 2019, arXiv 1911.06721), so that neighbours part",
)

BENCHMARK = divided(
    UNDIVIDED,
    SplitFiles.at(
        f"{HOME}eurosat-{{split}}.txt",
        train="908f142e73d6acdf3f482c5e80d851b1",
        val="95de90f2aa998f70a3b2416bfe0687b4",
        test="7ae5ab94471417b6e315763121e67c5f",
    ),
)
