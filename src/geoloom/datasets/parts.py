"""What datasets made of datasets share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np

from ..core.query import Query, Sample
from .base import GeoDataset, Layer
from .reading.read_plan import answered
from .reading.sample import common_dtype


class Composition(GeoDataset):
    """A dataset whose samples are put together from those of others, its parts.

    A subclass sets its parts and plans how they answer together.
    """

    parts: tuple[GeoDataset, ...]
    _sign: ClassVar[str]
    """Between the parts, where they are named."""

    @property
    def layers(self) -> frozenset[Layer]:
        """Those of all parts."""
        return frozenset().union(*(part.layers for part in self.parts))

    @property
    def files(self) -> tuple[str, ...]:
        """Those of all parts, each once."""
        return tuple(dict.fromkeys(file for part in self.parts for file in part.files))

    def warm_up(self) -> None:
        """Load the compiled loops of all parts."""
        for part in self.parts:
            part.warm_up()

    def as_stored(self) -> GeoDataset:
        """The same of the parts as they are stored; see `GeoDataset.as_stored`."""
        if self._transforms is not None:
            return self
        return self._of([part.as_stored() for part in self.parts])

    def _as_scaled(self) -> GeoDataset:
        if self._transforms is not None:
            return super()._as_scaled()
        return self._of([part._as_scaled() for part in self.parts])

    def framed(self, query: Query) -> Self:
        """The same of the parts; see `Contents.framed`."""
        return self._of([part.framed(query) for part in self.parts])

    def _of(self, parts: Sequence[GeoDataset]) -> Self:
        other = copy(self)
        other.parts = tuple(parts)
        return other

    def file_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type that holds the files' of all parts; see `GeoDataset.file_dtype`."""
        if self._transforms is not None:
            return None
        parts = [part.file_dtype(layer) for part in self.parts if layer in part.layers]
        known = [dtype for dtype in parts if dtype is not None]
        return np.result_type(*known) if known and len(known) == len(parts) else None

    def sample_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which samples hold a layer; see `GeoDataset.sample_dtype`."""
        return None if self._transforms is not None else self._joint_dtype(layer)

    def _joint_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """That of a layer before transforms; None where that of a part is unknown."""
        known = [part.sample_dtype(layer) for part in self.parts if layer in part.layers]
        dtypes = [dtype for dtype in known if dtype is not None]
        return common_dtype(dtypes) if dtypes and len(dtypes) == len(known) else None

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        return answered(self._plan([query], channels)[0])

    @abstractmethod
    def __repr__(self) -> str: ...

    def _listed(self) -> str:
        """The parts, as they are written."""
        nested = [isinstance(part, Composition) for part in self.parts]
        shown = (f"({p!r})" if n else repr(p) for p, n in zip(self.parts, nested, strict=True))
        return self._sign.join(shown)


def label(dataset: GeoDataset) -> str:
    """A dataset's class, for messages; of a composition those of its parts."""
    if isinstance(dataset, Composition):
        return dataset._sign.join(map(label, dataset.parts))
    return type(dataset).__name__


def flattened(parts: tuple[GeoDataset, ...], kind: type) -> tuple[GeoDataset, ...]:
    """Parts of parts of the same kind, unless transforms hold them together."""
    flat: list[GeoDataset] = []
    for part in parts:
        if type(part) is kind and part.transforms is None:
            flat.extend(part.parts)  # type: ignore[attr-defined]
        else:
            flat.append(part)
    return tuple(flat)


def distinct(parts: tuple[GeoDataset, ...]) -> tuple[GeoDataset, ...]:
    """The parts, each once, in order."""
    return tuple(dict.fromkeys(parts))
