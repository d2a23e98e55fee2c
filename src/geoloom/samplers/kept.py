"""Counts kept in a file, so that labels are looked at once."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import shapely

from ..core.errors import SamplerError
from ..core.files import replacing, sweep
from ..core.grid import crs_name
from ..datasets.base import GeoDataset
from ..datasets.region import Region
from .tally import Counts

log = logging.getLogger(__name__)

_KIND = "geoloom label statistics"
_FORMAT = f"{_KIND} 2"


def fingerprint(regions: Sequence[Region], labels: GeoDataset, every_px: int, seed: int) -> str:
    """What distinguishes one survey of labels from another; pixels are not part of it."""
    parts = [repr(labels), str(every_px), str(seed)]
    for region in (*regions, *labels.regions):
        parts += [
            region.name,
            str(region.when),
            crs_name(region.crs),
            shapely.to_wkb(region.area, hex=True),
        ]
        if region.frame is not None:
            parts += [str(tuple(region.frame.shape)), str(region.frame.affine[:6])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def kept_counts(path: str | Path | None, key: str, count: Callable[[], Counts]) -> Counts:
    """The counts that a file keeps under a key, or else those just made, which are kept then.

    Raises:
        SamplerError: there is a file of another kind.
    """
    if path is None:
        return count()
    path = Path(path)
    if path.exists():
        sweep(path)
        stored = _load(path)
        if stored[0] == key and stored[1] is not None:
            return stored[1]
        log.info("%s keeps a survey of other labels or regions; it is made again", path)
    made = count()
    _save(path, key, made)
    return made


def _load(path: Path) -> tuple[str, Counts | None]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["format"]) != _FORMAT:
                if str(file["format"]).startswith(_KIND):
                    return "", None  # of another version of geoloom: as if it kept another look
                raise KeyError("format")
            points = tuple(np.split(file["points"], file["ends"][:-1]))
            counts = Counts(file["codes"], file["counts"], file["ground_m2"], points)
            return str(file["key"]), counts
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SamplerError(
            f"{path} is not a file of label statistics ({error}); delete it or give another cache"
        ) from error


def _save(path: Path, key: str, made: Counts) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as scratch, scratch.open("wb") as file:
        np.savez_compressed(
            file,
            format=_FORMAT,
            key=key,
            codes=made.codes,
            counts=made.counts,
            ground_m2=made.ground_m2,
            points=np.concatenate(made.points) if made.points else np.empty(0),
            ends=np.cumsum([len(points) for points in made.points]),
        )
