"""What turns the counts of a scene of Landsat's level 1 into reflectance: the factors in its `MTL.txt`.

Source: USGS Landsat 8-9 Data Users Handbook (LSDS-1574), section 5: reflectance at the top of the
atmosphere is (factor * count + summand) / sin(sun's elevation), radiance is factor * count + summand.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ...core.bands import Band

_ENTRY = re.compile(r"^\s*(\w+)\s*=\s*([-+.\dEe]+)\s*$", re.MULTILINE)
_LEVEL_1 = re.compile(r"^(?P<scene>L[COTEM]\d{2}_L1\w*?_(?:T1|T2|RT))_B(?P<number>\w+)\.")


def calibrated(band: Band, uri: str) -> Band:
    """The band with the unit, scale and offset of its scene; as it is where there is no `MTL.txt` beside.

    Args:
        band: In counts (`DN`).
        uri: Of its file, named as USGS names it.
    """
    named = _LEVEL_1.match(Path(uri).name)
    if named is None or band.unit != "DN":
        return band
    beside = Path(uri).with_name(f"{named['scene']}_MTL.txt")
    if not beside.is_file():
        return band
    known = _factors(str(beside), beside.stat().st_mtime_ns)
    number = named["number"]
    factor, summand = (known.get(f"REFLECTANCE_{what}_BAND_{number}") for what in ("MULT", "ADD"))
    elevation = known.get("SUN_ELEVATION", 0.0)
    if factor is not None and summand is not None and elevation > 0:
        height = math.sin(math.radians(elevation))
        return replace(band, unit="toa_reflectance", scale=factor / height, offset=summand / height)
    factor, summand = (known.get(f"RADIANCE_{what}_BAND_{number}") for what in ("MULT", "ADD"))
    if factor is not None and summand is not None:
        return replace(band, unit="radiance", scale=factor, offset=summand)
    return band


@lru_cache(maxsize=1024)
def _factors(path: str, _changed: int) -> dict[str, float]:
    """The numbers of an `MTL.txt` by name, read again where it changed."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return {name: float(number) for name, number in _ENTRY.findall(text) if _is_number(number)}


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
