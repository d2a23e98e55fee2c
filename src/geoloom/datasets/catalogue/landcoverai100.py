"""A hundred chips of LandCover.ai."""

from __future__ import annotations

from dataclasses import replace

from ..benchmarks.declaration import RemoteFile
from .landcoverai import BENCHMARK as CHIPS

BENCHMARK = replace(
    CHIPS,
    name="LandCoverAI100",
    about="a hundred chips of LandCover.ai, to try things with",
    files=(
        RemoteFile(
            "landcoverai100.zip",
            "https://hf.co/datasets/isaaccorley/landcoverai/resolve/"
            "5cdf9299bd6c1232506cf79373df01f6e6596b50/landcoverai100.zip",
            "md5:66eb33b5a0cabb631836ce0a4eafb7cd",
            gives="output",
        ),
    ),
    samples=100,
    note="That the archive holds the lists of its splits beside the chips is not documented",
)
