"""Classes of areas, burnt onto the pixels of samples from one vector file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ReadError
from .listing import Listing
from .pixels import ImageSource
from .target import LABELLED, Frame

if TYPE_CHECKING:
    from ...io.vector.features import Features


@dataclass(frozen=True, slots=True)
class BurntAreas:
    """A mask of the classes of areas, where a pixel's centre lies in one; other pixels are not labelled."""

    path: str
    """Of the vector file, below the dataset's folder."""
    attribute: str
    """That gives the class of an area."""
    values: Mapping[str, int] = field(hash=False)
    """What it is, as text -> position of the class; areas of others are not labelled."""
    source: ImageSource
    """Of pictures that say where samples lie."""

    @property
    def keys(self) -> tuple[str, ...]:
        """`mask`."""
        return ("mask",)

    def given(self, listing: Listing) -> bool:
        """Always: the file is one for all samples."""
        return True

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`."""
        path = str(listing.root / self.path)
        features = _features(path, self.attribute)
        grid = self.source.grid(listing, row)
        if grid is None:
            raise ReadError(
                f"the files of sample {listing.name(row)} in {listing.root} do not say where it lies, so "
                f"that the areas of {path} have no place on it; fetch them again"
            )
        burnt = features.burn(grid)
        positions = np.full(max(features.class_names, default=0) + 1, -1)
        for code, name in features.class_names.items():
            positions[code] = self.values.get(str(name), -1)
        codes = positions[burnt]
        mask, labelled = frame.codes(np.maximum(codes, 0), codes >= 0)
        return {"mask": mask, LABELLED: labelled}


@lru_cache(maxsize=4)
def _features(path: str, attribute: str) -> Features:
    from ...io.vector.layers import read_feature_files

    (features,) = read_feature_files([path], class_field=attribute)
    return features
