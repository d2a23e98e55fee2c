"""A dataset as the source of a map: composed, on the map's grid, as the dataset composes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ...chips.form import array_of, bands_of
from ...core.errors import ChipError, ModelError
from ...core.grid import crs_name
from ...core.query import Query
from ...datasets.base import GeoDataset
from ...datasets.series import SeriesDataset
from ...io.access.handles import stamp_of
from ...io.explain import FileRead
from ...models.scene_bands import SourceBands
from .source import SourcePixels


@dataclass(frozen=True, slots=True, eq=False)
class DatasetSource:
    """The answer of a dataset to one query, read window by window."""

    dataset: GeoDataset
    """Framed by the query, in the types of the files."""
    query: Query
    """The map's grid, and the time asked about."""
    title: str
    """For messages."""

    @classmethod
    def of(cls, dataset: GeoDataset, query: Query, title: str | None = None) -> DatasetSource:
        """The source of a query's answer; its title is the dataset's if not given.

        Raises:
            ModelError: the dataset has no image.
        """
        if "image" not in dataset.layers:
            raise ModelError(
                f"{dataset!r} holds {', '.join(sorted(dataset.layers))}, and a model reads images: give "
                "imagery, or open the files as measurements with is_image=True"
            )
        return cls(dataset.framed(query).as_stored(), query, title or repr(dataset))

    @property
    def grid(self) -> GeoBox:
        """The query's."""
        return self.query.grid

    @property
    def bands(self) -> SourceBands:
        """Of the numbers that the dataset gives.

        Raises:
            ModelError: scenes of different scale or offset would be mixed.
        """
        try:
            bands = bands_of(self.dataset)
        except ChipError as error:
            raise ModelError(str(error)) from error
        dtype = self.dataset.file_dtype("image") or self.dataset.sample_dtype("image")
        numbers = tuple(range(1, len(bands) + 1))
        return SourceBands(self.title, bands, numbers, (str(dtype or "float32"),) * len(bands))

    @property
    def is_series(self) -> bool:
        """Whether the dataset gives dates."""
        return is_series(self.dataset)

    @property
    def files(self) -> tuple[str, ...]:
        """The dataset's."""
        return self.dataset.files

    @property
    def identity(self) -> Mapping[str, Any] | None:
        """The dataset's options, and the states of all its files as one hash; None where transforms or
        other objects take part of which nothing is known."""
        try:
            options = _plain(self.dataset)
        except TypeError:
            return None
        states = [[file, [list(part) for part in stamp_of(file)]] for file in self.files]
        return {
            "scene": self.title,
            "scenes": len(self.dataset.regions),
            "files": len(states),
            "scene_stamp": _hash(states),
            "dataset": _hash(options),
            "when": str(self.query.when),
        }

    def explain(self, grid: GeoBox, numbers: Sequence[int]) -> Iterator[FileRead]:
        """What `read` takes from the files."""
        (plan,) = self.dataset.plan([Query(grid, self.query.when)], self._channels(numbers))
        return iter(()) if plan is None else plan.reads()

    def _channels(self, numbers: Sequence[int]) -> tuple[int, ...] | None:
        chosen = tuple(number - 1 for number in numbers)
        return None if chosen == tuple(range(len(self.dataset.bands))) else chosen

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """A window of the answer."""
        sample = self.dataset.answer(Query(grid, self.query.when), self._channels(numbers))
        if sample is None:
            return None
        valid = array_of(sample.get("observed", sample["valid"]))
        values = array_of(sample["image"])
        if "times" not in sample:
            return SourcePixels(values, valid)
        times = array_of(sample["times"]).astype(np.float64)
        return SourcePixels(values, valid, times, array_of(sample["valid_series"]))


def is_series(dataset: GeoDataset) -> bool:
    """Whether a dataset's images have a T axis."""
    parts = getattr(dataset, "parts", ())
    return isinstance(dataset, SeriesDataset) or any(
        is_series(part) for part in parts if "image" in part.layers
    )


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """What identifies a dataset or one of its options, as JSON values.

    Raises:
        TypeError: it is an object that has no contents to go by.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, GeoDataset):
        if value.transforms is not None:
            raise TypeError
        kind = type(value)
        return [kind.__module__, kind.__qualname__, _plain(value._identity())]
    if isinstance(value, CRS):
        return crs_name(value)
    if isinstance(value, GeoBox):
        return [crs_name(value.crs), list(value.shape), list(value.affine[:6])]
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(inner)] for key, inner in value.items()]
    if isinstance(value, frozenset | set):
        return sorted(json.dumps(_plain(inner)) for inner in value)
    if isinstance(value, Sequence):
        return [_plain(inner) for inner in value]
    if is_dataclass(value):
        return [type(value).__qualname__, [_plain(getattr(value, f.name)) for f in fields(value)]]
    if isinstance(value, Path | np.generic | np.dtype | datetime):
        return str(value)
    raise TypeError
