"""A hundred samples of EuroSAT."""

from __future__ import annotations

from dataclasses import replace

from ..benchmarks.declaration import RemoteFile, SplitFiles
from .eurosat import HOME, LAYOUT, UNDIVIDED, divided

_ARCHIVE = RemoteFile(
    "EuroSAT100.zip",
    f"{HOME}EuroSAT100.zip",
    "md5:c21c649ba747e86eda813407ef17d596",
    gives=LAYOUT.folder,
)

BENCHMARK = divided(
    replace(
        UNDIVIDED,
        name="EuroSAT100",
        about="a hundred samples of EuroSAT, to try things with",
        files=(_ARCHIVE,),
        samples=100,
        note=None,
    ),
    SplitFiles.at(
        f"{HOME}eurosat-100-{{split}}.txt",
        train="033d0c23e3a75e3fa79618b0e35fe1c7",
        val="3e3f8b3c344182b8d126c4cc88f3f215",
        test="f908f151b950f270ad18e61153579794",
    ),
)
