"""LandCover.ai: the orthophotos of Poland that its chips are cut from."""

from __future__ import annotations

from dataclasses import replace

from ..benchmarks.declaration import RemoteFile
from ..benchmarks.patterns import PatternLayout
from .landcoverai import BENCHMARK as CHIPS

BENCHMARK = replace(
    CHIPS,
    name="LandCoverAIBase",
    about="buildings, woodland, water and roads on orthophotos of Poland, 0.25 and 0.5 m, whole",
    files=(
        RemoteFile(
            "landcover.ai.v1.zip",
            "https://landcover.ai.linuxpolska.com/download/landcover.ai.v1.zip",
            "md5:3268c89070e8734b4e91d531c0617e03",
            gives="images",
        ),
    ),
    layout=PatternLayout("images/{name}.tif", {"mask": "masks/{name}.tif"}),
    placed=True,
    samples=41,
    size=None,
    note="The authors divide the chips alone; 33 orthophotos have pixels of 0.25 m, 8 of 0.5 m",
)
