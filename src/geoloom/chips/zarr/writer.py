"""Writing a chip store: chip by chip, under a temporary name until it is complete."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from odc.geo.geobox import GeoBox

from ...core.bands import Band, as_band
from ...core.classes import Classes
from ...core.errors import ChipError, suggest
from ...core.files import hold, writing
from ...core.grid import crs_name
from ...core.interval import ALWAYS, Interval, microseconds
from ...core.outputs import IGNORE_INDEX, ClassOutputs, ValueOutputs
from ...core.publish import ProductWriter, remove
from ...splits.names import SPLITS, Split
from .group_writer import GroupWriter
from .layout import (
    CODECS,
    COLUMNS,
    FORMAT,
    LABEL_PLANES,
    MAX_CHIP_BYTES,
    NO_SPLIT,
    VERSION,
    Compression,
    check_target,
    clear_way,
    part_path,
    publish,
)
from .sample_columns import SampleColumns


class ChipWriter(ProductWriter):
    """A context manager that makes one chip store.

    What it guarantees: a store appears under its name only when it is whole; a writer that is killed leaves
    `.<name>.part`, which the next writer of that name removes. Two writers of one name exclude each other.
    Unobserved pixels hold 0.

    On disk: arrays `image` (chip, band, y, x); of labels `mask` (chip, y, x), class codes, or `value` (chip,
    quantity, y, x), float32; `valid` and `observed` (chip, y, x) bool, and one small array a column of the
    table; xarray reads it as it is. Chips whose times were noted have columns `start` and `stop`,
    microseconds since 1970 UTC. Each chip, each index, each column and the metadata have a checksum, and
    each file's size is noted.

    Args:
        path: Folder to make, usually `*.zarr`.
        channels: Bands of every chip.
        size: Rows and columns of every chip, pixels; one number for square chips.
        dtype: Stored type of the images, usually the scene's own.
        bands: One per channel; or their names, where no more is known.
        classes: What the mask's codes mean, which are then uint8; None where there are no labels, or
            where unknown.
        mask_dtype: Integer type of the codes of labels without classes; None for no labels then.
        values: What the labels measure, where they are values and not classes.
        image_outputs: What labels per image teach, under the key of its target among each chip's `columns`;
            None where chips have none, or labels per pixel.
        compress: `none` is read fastest, `lz4` almost as fast and smaller, `zstd` is smallest.
        overwrite: Replace a chip store of that name.
        inputs: Files that the chips are made of, which no store may replace.
        provenance: How the chips were cut, kept in the store as it is; JSON values.

    Raises:
        WriteError: the path exists and may not be replaced, another process writes it, or the disk is full.
        ChipError: the bands are not as many as the channels, or an option is unknown or impossible.

    Example:
        >>> import tempfile
        >>> with ChipWriter(Path(tempfile.mkdtemp()) / "a.zarr", channels=1, size=2, dtype="uint8",
        ...                 bands=["red"]) as writer:
        ...     writer.add(np.ones((1, 2, 2), "uint8"), crs="EPSG:32622", split="train",
        ...                transform=(30, 0, 0, 0, -30, 0), source="scene.tif", row=0, col=0)
        >>> len(writer)
        1
    """

    def __init__(
        self,
        path: str | Path,
        *,
        channels: int,
        size: int | tuple[int, int],
        dtype: Any,
        bands: Sequence[Band | str],
        classes: Classes | None = None,
        mask_dtype: DTypeLike | None = None,
        values: ValueOutputs | None = None,
        image_outputs: ClassOutputs | ValueOutputs | None = None,
        compress: Compression = "lz4",
        overwrite: bool = False,
        inputs: Iterable[str | Path] = (),
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        if len(bands) != channels:
            raise ChipError(f"{channels} channels need as many bands; found {list(bands)}")
        if compress not in CODECS:
            raise ChipError(f"no compression is called {compress!r}{suggest(compress, CODECS)}")
        self.path = Path(path)
        height, width = (size, size) if isinstance(size, int) else size
        self._shape = channels, height, width
        self._dtype = np.dtype(dtype)
        self._values = 0 if values is None else values.channels
        self._classes = classes
        self._mask_dtype = _mask_dtype(classes, mask_dtype)
        if values is not None and self._mask_dtype is not None:
            raise ChipError(
                "labels are classes or values, and both were given; make a store for each"
            )
        shapes, types = self._shapes(), self._types()
        chip_bytes = max(math.prod(shapes[name]) * dtype.itemsize for name, dtype in types.items())
        if chip_bytes > MAX_CHIP_BYTES:
            raise ChipError(
                f"chips of {self._shape} {self._dtype} take {chip_bytes:,} bytes each; at most "
                f"{MAX_CHIP_BYTES:,} are kept: choose a smaller size"
            )
        outputs = ClassOutputs(classes) if classes is not None else values
        if image_outputs is not None:
            if image_outputs.gives != "image" or values is not None or self._mask_dtype is not None:
                raise ChipError(
                    f"labels are per pixel or per image, and {image_outputs.short} come with others; make a "
                    "store for each"
                )
            outputs = image_outputs
        self._outputs = outputs
        self._samples = SampleColumns()
        self._sources: dict[str, dict[str, Any] | None] = {}
        self._codes: dict[str, int] = {}
        self._crs: dict[str, int] = {}
        self._rows: dict[str, list[Any]] = {
            name: [] for name in COLUMNS if name not in ("crc32c", "start", "stop")
        }
        self._times: list[Interval] = []
        attributes: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "complete": False,
            "bands": [as_band(band).to_dict() for band in bands],
            "outputs": None if outputs is None else outputs.to_dict(),
            "labels": next((name for name in LABEL_PLANES if name in types), None),
            "splits": list(SPLITS),
            "provenance": dict(provenance or {}),
        }
        self._held = ExitStack()
        try:
            check_target(self.path, overwrite=overwrite, inputs=inputs)
            self._held.enter_context(hold(self.path))
            # Again, now that no other process can make one of that name.
            check_target(self.path, overwrite=overwrite, inputs=inputs)
            clear_way(self.path)
            with writing(self.path):
                self._group = GroupWriter(part_path(self.path), shapes, types, compress, attributes)
        except BaseException:
            self._held.close()
            raise

    def _types(self) -> dict[str, np.dtype[Any]]:
        """In which each plane is stored."""
        types = {"image": self._dtype, "valid": np.dtype(bool), "observed": np.dtype(bool)}
        if self._values:
            types["value"] = np.dtype(np.float32)
        return types if self._mask_dtype is None else {**types, "mask": self._mask_dtype}

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of a chip's planes."""
        plane = self._shape[1:]
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("mask", "valid", "observed"), plane)
        return {**shapes, "image": self._shape, "value": (self._values, *plane)}

    def __len__(self) -> int:
        """Chips added so far."""
        return len(self._rows["row"])

    def add_source(self, name: str, grid: GeoBox) -> None:
        """Note a scene's native grid, from which a raster can be reconstituted."""
        self._source_code(name)
        self._sources[name] = {
            "crs": "" if grid.crs is None else crs_name(grid.crs),
            "transform": [float(v) for v in grid.affine[:6]],
            "shape": [int(n) for n in grid.shape],
        }

    def add(
        self,
        image: np.ndarray,
        mask: np.ndarray | None = None,
        valid: np.ndarray | None = None,
        *,
        value: np.ndarray | None = None,
        crs: str,
        transform: Sequence[float],
        source: str,
        row: int,
        col: int,
        split: Split | None = None,
        labelled: np.ndarray | None = None,
        when: Interval | None = None,
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one chip.

        Args:
            image: (C, H, W) in the store's dtype.
            mask: (H, W) class codes; None where the chip has no labels.
            valid: (H, W) bool, True = observed in every band; None = all. Pixels that are not finite are
                taken as unobserved.
            value: (K, H, W) measured values, NaN = unknown; None where the chip has none.
            crs: `EPSG:n` or WKT; empty where the chip has no place on Earth.
            transform: Affine a, b, c, d, e, f of the chip's upper-left pixel corner.
            source: Name of the scene.
            row, col: The chip's upper-left pixel in the scene, 0-based.
            split: Where the chip belongs, if that is decided.
            labelled: (H, W) bool, True = the mask says something; None = all. A code that is not a class
                counts as unlabelled in any case.
            when: The time that was asked for, noted where any chip has one; None is any time.
            columns: What else is known of the chip, the same entries for all: numbers, vectors of them,
                texts; among them `label`, `value` or `multilabel` of labels per image.

        Raises:
            ChipError: a shape or dtype differs, the store holds no labels, a code does not fit, the split is
                unknown, or a column's entry is none, or another than the first chip's.
        """
        shape = self._shape[1:]
        observed = np.ones(shape, bool) if valid is None else valid
        self._check(image, mask, observed, split)
        self._check_value(value)
        self._check_target(columns or {})
        if image.dtype.kind == "f":
            observed = observed & np.isfinite(image).all(axis=0)
        known = observed if labelled is None else observed & labelled
        planes = {"image": image if observed.all() else np.where(observed, image, 0)}
        if self._mask_dtype is not None:
            planes["mask"] = np.zeros(shape, self._mask_dtype) if mask is None else mask
            if mask is None:
                known = np.zeros(shape, bool)
            elif self._classes is not None:
                known = known & self._classes.encode(mask)[1]
        elif self._values:
            given = np.full((self._values, *shape), np.nan) if value is None else value
            measured = np.isfinite(given)
            planes["value"] = np.where(measured, given, np.nan)
            known = known & measured.any(axis=0)
        else:
            known = observed
        self._samples.add(columns or {})
        with writing(self.path):
            self._group.add({**planes, "valid": known, "observed": observed})
        self._rows["split"].append(NO_SPLIT if split is None else SPLITS.index(split))
        self._rows["source"].append(self._source_code(source))
        self._rows["crs"].append(self._crs.setdefault(crs, len(self._crs)))
        self._rows["row"].append(row)
        self._rows["col"].append(col)
        self._rows["transform"].append([float(v) for v in transform])
        self._times.append(ALWAYS if when is None else when)

    def assign(self, splits: Sequence[Split | None]) -> None:
        """Decide the split of every chip added so far, instead of what `add` was given.

        Raises:
            ChipError: there are more or fewer splits than chips.
        """
        if len(splits) != len(self):
            raise ChipError(f"{len(splits)} splits for {len(self)} chips; give one each")
        self._rows["split"] = [NO_SPLIT if s is None else SPLITS.index(s) for s in splits]

    def _source_code(self, name: str) -> int:
        self._sources.setdefault(name, None)
        return self._codes.setdefault(name, len(self._codes))

    def _check(
        self, image: np.ndarray, mask: np.ndarray | None, observed: np.ndarray, split: Any
    ) -> None:
        if image.shape != self._shape or image.dtype != self._dtype:
            raise ChipError(
                f"chip {len(self)} is {image.shape} {image.dtype}; this store holds {self._shape} "
                f"{self._dtype}"
            )
        for name, plane in (("mask", mask), ("valid", observed)):
            if plane is not None and plane.shape != self._shape[1:]:
                raise ChipError(f"chip {len(self)}: {name} is {plane.shape}, not {self._shape[1:]}")
        if observed.dtype != bool:
            raise ChipError(
                f"chip {len(self)}: valid is {observed.dtype}, not bool (True = observed)"
            )
        if mask is not None and self._mask_dtype is None:
            raise ChipError("labels were given, but the store has no classes; pass classes=")
        if mask is not None and mask.dtype != self._mask_dtype:
            limits = np.iinfo(self._mask_dtype)
            if mask.size and not limits.min <= mask.min() <= mask.max() <= limits.max:
                raise ChipError(
                    f"chip {len(self)}: class codes {mask.min()}..{mask.max()} are outside "
                    f"{limits.min}..{limits.max}, which {limits.dtype} holds"
                )
        if split is not None and split not in SPLITS:
            raise ChipError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")

    def _check_value(self, value: np.ndarray | None) -> None:
        if value is None:
            return
        if not self._values:
            raise ChipError("values were given, but the store has none; pass values=")
        expected = (self._values, *self._shape[1:])
        if value.shape != expected or value.dtype.kind not in "fiu":
            raise ChipError(
                f"chip {len(self)}: value is {value.shape} {value.dtype}, not {expected}"
            )

    def _check_target(self, columns: Mapping[str, Any]) -> None:
        outputs = self._outputs
        if outputs is None or outputs.gives != "image":
            return
        key = outputs.target.key
        if key not in columns:
            raise ChipError(
                f"chip {len(self)} has no {key!r}, from which {outputs.short} are learned"
            )
        entry = np.asarray(columns[key])
        if key != "label":
            if entry.shape != (outputs.channels,):
                raise ChipError(
                    f"chip {len(self)}: {key} is {entry.shape}, expected ({outputs.channels},) for "
                    f"{outputs.short}"
                )
        elif entry.shape != () or (entry != IGNORE_INDEX and not 0 <= entry < outputs.channels):
            raise ChipError(
                f"chip {len(self)}: label is {entry}, expected a position 0..{outputs.channels - 1} among "
                f"{', '.join(outputs.names)}; {IGNORE_INDEX} for unknown"
            )

    def close(self) -> Path:
        """Write what is left and the table, and give the store its name.

        Raises:
            ChipError: no chip was added.
            WriteError: the disk is full, or the like.
        """
        if not len(self):
            self.abandon()
            raise ChipError(f"no chip was added: {self.path} is not written")
        try:
            with writing(self.path):
                self._complete()
        except BaseException:
            self.abandon()
            raise
        self._held.close()
        return self.path

    def _complete(self) -> None:
        """Write what makes a store of the pixels, and give it its name."""
        columns = {name: np.asarray(rows, COLUMNS[name]) for name, rows in self._rows.items()}
        if any(when != ALWAYS for when in self._times):
            times = np.array([microseconds(when) for when in self._times], dtype=np.int64)
            columns["start"], columns["stop"] = times.T
        samples, kinds = self._samples.finish()
        more = {"sources": self._sources, "crs": list(self._crs)}
        self._group.finish(columns, {**more, **({"columns": kinds} if kinds else {})}, samples)
        publish(self.path)

    def abandon(self) -> None:
        """Remove what was written."""
        with self._held:
            self._group.abandon()
            remove(part_path(self.path))


def _mask_dtype(classes: Classes | None, asked: DTypeLike | None) -> np.dtype[Any] | None:
    """In which type codes are stored; None for no labels."""
    if classes is not None:
        return np.dtype(np.uint8)
    if asked is None:
        return None
    dtype = np.dtype(asked)
    if dtype.kind not in "iu":
        raise ChipError(f"mask_dtype is {dtype}; class codes are integers, such as 'uint16'")
    return dtype
