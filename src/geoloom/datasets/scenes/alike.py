"""What scenes have in common: the type that holds the values of all, and whether two are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.query import Scene
from .changes import absolute
from .table import SavedScenes


def is_same(one: Scene, other: Scene) -> bool:
    """Whether two scenes are equal, however their files are named: an index has absolute paths."""
    if one == other:
        return True
    a, b = (
        replace(s, assets=tuple(replace(asset, uri=absolute(asset.uri)) for asset in s.assets))
        for s in (one, other)
    )
    return a == b


def stored_dtype(scenes: Sequence[Scene]) -> np.dtype[Any] | None:
    """That holds the stored values of all scenes; None where one does not say how they are stored."""
    if isinstance(scenes, SavedScenes):
        stored = {dtype for _, dtypes in scenes.band_sets() for dtype in dtypes}
    else:
        stored = {asset.dtype for scene in scenes for asset in scene.assets}
    names = [
        name for name in stored if name in np.sctypeDict
    ]  # GDAL has complex integers, numpy has not
    return np.result_type(*names).newbyteorder("=") if len(names) == len(stored) else None
