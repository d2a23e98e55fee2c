"""What a chip store says about itself, checked when it is opened: all that is known without its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError

from ...core.bands import Band
from ...core.errors import ChipError
from ...core.interval import ALWAYS, microseconds
from ...core.jsonfile import JsonValue
from ...core.outputs import IGNORE_INDEX, ClassOutputs, ValueOutputs, read_outputs
from ...splits.names import SPLITS
from .array_form import PlaneForm, plane_form, read_column
from .layout import AGAIN, COLUMNS, LABEL_PLANES, NO_SPLIT, PLANES, store_attributes
from .sample_columns import PREFIX, TARGETS, keepable

MOST_BANDS = 65_535
"""As many as a TIFF may have."""


@dataclass(frozen=True, slots=True)
class NotedScene:
    """The native grid of a scene, as it is written."""

    crs: str
    transform: tuple[float, ...]
    shape: tuple[int, int]
    """Rows, columns."""


@dataclass(frozen=True, slots=True)
class StoreHeader:
    """A store without its pixels."""

    bands: tuple[Band, ...]
    outputs: ClassOutputs | ValueOutputs | None
    """What the labels teach; None where there are none, or class codes of unknown meaning."""
    labels: str | None
    """The plane of labels, `mask` or `value`; None where there is none."""
    sources: Mapping[str, NotedScene | None]
    crs: tuple[str, ...]
    """What the codes of the column `crs` mean."""
    provenance: dict[str, Any]
    planes: Mapping[str, tuple[PlaneForm, tuple[int, ...]]]
    """Form and sizes of shards of each array of pixels."""
    columns: Mapping[str, np.ndarray]
    """One value per chip, or six."""
    samples: Mapping[str, np.ndarray]
    """What samples hold besides: numbers (n,) or (n, k), or the bytes of texts."""
    texts: frozenset[str]
    """Which of these are texts."""

    @classmethod
    def read(cls, path: Path) -> StoreHeader:
        """Of the store at `path`.

        Raises:
            ChipError: it is not a whole chip store, or its files are not those that were written.
        """
        declared = store_attributes(path)
        _check_splits(path, declared["splits"].texts(most=16))
        files = declared["files"]
        named = declared.get("labels")
        labels = None if named is None else named.one_of(LABEL_PLANES)
        planes = {
            name: (
                plane_form(path / name, files[name]["metadata"].whole()),
                files[name]["shards"].wholes(),
            )
            for name in PLANES
            if name == labels or name not in LABEL_PLANES
        }
        columns = {
            name: read_column(
                path / name, files[name]["metadata"].whole(), files[name]["data"].whole()
            )
            for name in COLUMNS
            if files.get(name) is not None
        }
        kinds = {} if declared.get("columns") is None else declared["columns"].table()
        strange = [name for name in kinds if not keepable(name, 0)]
        if strange:
            raise _unfit(path, f"a column is named {strange[0][:40]!r}")
        samples = {
            name: read_column(
                path / f"{PREFIX}{name}",
                files[f"{PREFIX}{name}"]["metadata"].whole(),
                files[f"{PREFIX}{name}"]["data"].whole(),
                own=False,
            )
            for name in kinds
        }
        header = cls(
            bands=tuple(
                Band.from_json(band) for band in declared["bands"].entries(most=MOST_BANDS)
            ),
            outputs=_outputs(path, declared.get("outputs")),
            labels=labels,
            sources=_sources(declared["sources"]),
            crs=declared["crs"].texts(),
            provenance=declared["provenance"].table(),
            planes=planes,
            columns=columns,
            samples=samples,
            texts=frozenset(
                name
                for name in kinds
                if declared["columns"][name].one_of(("numbers", "text")) == "text"
            ),
        )
        header._check(path)
        return header

    def _check(self, path: Path) -> None:
        """Refuse parts that do not fit together."""
        channels, *size = self.planes["image"][0].shape[1:]
        count = len(self.columns["row"]) if "row" in self.columns else 0
        for name, (form, _) in self.planes.items():
            expected = (count, *self._of_plane(name, channels), *size)
            if len(size) != 2 or form.shape != expected:
                raise _unfit(path, f"{name} is {form.shape}, expected {expected}")
            if (form.dtype == np.bool_) != (name in ("valid", "observed")):
                raise _unfit(path, f"{name} is {form.dtype}")
        if channels != len(self.bands):
            raise _unfit(path, f"{channels} channels, {len(self.bands)} bands")
        self._check_labels(path)
        self._check_columns(path, count)

    def _of_plane(self, name: str, channels: int) -> tuple[int, ...]:
        """The size of the axis between chips and rows, where a plane has one."""
        if name == "value":
            return (0 if self.outputs is None else self.outputs.channels,)
        return (channels,) if name == "image" else ()

    def _check_labels(self, path: Path) -> None:
        outputs = self.outputs
        if outputs is not None and outputs.gives == "image":
            self._check_target(path, outputs)
            return
        if self.labels is None:
            if outputs is not None:
                raise _unfit(path, f"{outputs.short} without labels")
            return
        dtype = self.planes[self.labels][0].dtype
        if self.labels == "value":
            if not isinstance(outputs, ValueOutputs) or dtype != np.float32:
                raise _unfit(
                    path, f"value is {dtype}, of {outputs.short if outputs else 'nothing'}"
                )
        elif isinstance(outputs, ValueOutputs) or dtype.kind not in "iu":
            raise _unfit(path, f"mask is {dtype}, of {outputs.short if outputs else 'no classes'}")
        elif outputs is not None and dtype != np.uint8:
            raise _unfit(path, f"mask is {dtype}")

    def _check_target(self, path: Path, outputs: ClassOutputs | ValueOutputs) -> None:
        """Labels per image are a column, and no plane is labels too."""
        key = outputs.target.key
        dtype, axes = TARGETS[key]
        column = self.samples.get(key)
        if column is None or self.labels is not None or key in self.texts:
            raise _unfit(path, f"{outputs.short} without a column {key}")
        expected = (len(column), *(outputs.channels,) * axes)
        if column.dtype != np.dtype(dtype) or column.shape != expected:
            raise _unfit(path, f"{key} is {column.shape} {column.dtype}, of {outputs.short}")
        if (
            key == "label"
            and not ((column >= 0) & (column < outputs.channels) | (column == IGNORE_INDEX)).all()
        ):
            raise _unfit(path, f"label has a position outside the {outputs.channels} classes")

    def _check_columns(self, path: Path, count: int) -> None:
        missing = [name for name in COLUMNS if name not in self.columns]
        if missing not in ([], ["start", "stop"]):
            raise _unfit(path, f"no {', '.join(missing)}")
        wide = {"transform": (6,), "crc32c": (len(self.planes),)}
        for name, column in self.columns.items():
            if column.shape != (count, *wide.get(name, ())):
                raise _unfit(path, f"{name} is {column.shape}, row has {count}")
        for name, column in self.samples.items():
            if len(column) != count or (
                name in self.texts and (column.ndim != 2 or column.dtype != np.uint8)
            ):
                raise _unfit(path, f"{name} is {column.shape} {column.dtype}, row has {count}")
        codes = self.columns["split"]
        if not ((codes < len(SPLITS)) | (codes == NO_SPLIT)).all():
            raise _unfit(path, "split has a code that is not a split")
        for name, known in (("source", self.sources), ("crs", self.crs)):
            codes = self.columns[name]
            if codes.min() < 0 or codes.max() >= len(known):
                raise _unfit(path, f"{name} has a code outside the {len(known)} noted")
        if not np.isfinite(self.columns["transform"]).all():
            raise _unfit(path, "transform is not finite")
        if not missing:
            start, stop = self.columns["start"], self.columns["stop"]
            first, last = microseconds(ALWAYS)
            if start.min() < first or stop.max() > last or not (start < stop).all():
                raise _unfit(path, "start and stop are not intervals of time")


def _outputs(path: Path, declared: JsonValue | None) -> ClassOutputs | ValueOutputs | None:
    if declared is None:
        return None
    outputs = read_outputs(declared)
    per_pixel = ("classes", "values")
    if not isinstance(outputs, ClassOutputs | ValueOutputs) or (
        outputs.gives == "pixels" and outputs.kind not in per_pixel
    ):
        raise _unfit(path, f"{outputs.short} are no labels of chips")
    return outputs


def _check_splits(path: Path, names: Sequence[str]) -> None:
    """Refuse names that pre-releases wrote: a chip of theirs would be in no split of ours."""
    if tuple(names) != SPLITS:
        raise ChipError(
            f"the splits of chip store {path} are {', '.join(names):.99}, expected {', '.join(SPLITS)}: "
            "it was made by a pre-release; cut the chips again"
        )


def _unfit(path: Path, what: str) -> ChipError:
    return ChipError(f"{path} is damaged: its parts do not fit together ({what}); {AGAIN}")


def _sources(declared: JsonValue) -> dict[str, NotedScene | None]:
    sources: dict[str, NotedScene | None] = {}
    for name in declared.table():
        noted = declared.get(name)
        sources[name] = None
        if noted is not None:
            rows, cols = noted["shape"].wholes(2, least=1)
            transform = noted["transform"].numbers(6)
            sources[name] = NotedScene(noted["crs"].text(), transform, (rows, cols))
    return sources


def grid_at(
    shape: tuple[int, int], transform: Sequence[float] | np.ndarray, crs: str, path: Path
) -> GeoBox:
    """A grid from what is noted of it.

    Raises:
        ChipError: the CRS is unknown.
    """
    try:
        return GeoBox(shape, Affine(*transform), crs or None)
    except (CRSError, ValueError) as error:
        raise ChipError(f"{path} declares an unknown CRS: {crs[:80]!r} ({error})") from error
