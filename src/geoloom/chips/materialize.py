"""Queries read once and kept as chips, from which batches come at the speed of memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..core.classes import MAX_CODE, Classes
from ..core.errors import ChipError
from ..core.grid import crs_name
from ..core.query import Sample
from ..datasets.base import GeoDataset
from ..datasets.reading.calibration import describe
from .store import ChipStore, ChipWriter
from .wanted import Asked, SplitChoice, Wanted, WantedChip
from .zarr.layout import Compression, check_target

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

_KEPT = frozenset(
    {"image", "mask", "valid", "observed", "crs", "transform", "bounds", "valid_series", "times"}
)
"""What a chip holds of a sample, and what a single date has no need of."""


def materialize(
    dataset: GeoDataset,
    queries: Iterable[Asked | Sequence[Asked]],
    out: str | Path,
    *,
    split: SplitChoice = None,
    batch_size: int = 64,
    dtype: DTypeLike | None = None,
    mask_dtype: DTypeLike | None = None,
    bands: Sequence[str] | None = None,
    compress: Compression = "none",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ChipStore:
    """Read a set of queries once, aligned and warped, and keep the result as a chip store.

    Chip `i` holds what `dataset[query i]` gives, value for value, where that is observed (`image`) or valid
    (`mask`), and 0 elsewhere. A pixel whose code is none of the dataset's classes counts as not labelled, so
    it is not valid. What else a sample holds is left out, with a warning that names it. The store appears
    under its name only when it is whole; one batch is in memory at a time.

    Args:
        dataset: Whom to ask, transforms included. Chips may lie in different CRSs.
        queries: A sampler, of which one epoch is taken, all ranks' shares together; its table; or any
            iterable of queries, grids or lists of them. All of one shape.
        out: The store to make, by custom `*.zarr`.
        split: `train`, `test` or `valid` for all chips; a function of a query that says which; or a rule
            such as `BlockSplit()`, which divides the ground and leaves out chips that lie across it. Rules
            need a sampler or its table.
        batch_size: Queries read together.
        dtype: Stored type of the images. Default: that of the files where the dataset gives their values
            unaltered, else that of the samples. Integers must hold each value exactly.
        mask_dtype: Stored type of class codes, where the dataset does not know its classes; with classes it
            is uint8. Default: as for images.
        bands: Names of the channels, where transforms have added some. Default: the dataset's.
        compress: `none`, `lz4` or `zstd`: how much disk to save at what cost is said in the docs.
        overwrite: Replace a chip store of that name.
        progress: Told (chips so far, chips in all; 0 where that shows in the end).

    Returns:
        The finished store; `store.dataset("train")` gives its samples, `gl.loader` batches of them.

    Raises:
        QueryError: the dataset has nothing at a query; the message names it.
        ChipError: there is no query, shapes differ, the samples are no chips, values do not fit `dtype`, or
            scenes of different scale or offset would be mixed.
        WriteError: `out` exists.

    Example:
        >>> sampler = RandomGeoSampler(dataset, size=224, length=4096, generator=0)  # doctest: +SKIP
        >>> store = materialize(dataset, sampler, "chips.zarr")                      # doctest: +SKIP
        >>> batches = loader(store.dataset(), batch_size=64, shuffle=True)           # doctest: +SKIP
    """
    check_target(Path(out), overwrite=overwrite)
    if batch_size < 1:
        raise ChipError(f"batch_size is {batch_size}; read at least 1 query at a time")
    wanted = Wanted.of(queries).divided(split)
    batches = _answered(dataset, wanted, batch_size)
    first = next(batches, None)
    if first is None:
        raise ChipError(f"there is no query: {out} is not written")
    form = _Form.of(dataset, first[1][0], dtype, mask_dtype, bands)
    with ChipWriter(
        out,
        channels=form.shape[0],
        size=form.shape[1:],
        dtype=form.dtype,
        bands=form.bands,
        scaling=form.scaling,
        classes=form.classes,
        mask_dtype=form.mask_dtype,
        compress=compress,
        overwrite=overwrite,
        provenance={"made_by": "materialize", "dataset": repr(dataset), **wanted.notes},
    ) as writer:
        for name, grid in wanted.scenes.items():
            writer.add_source(name, grid)
        for chips, samples in chain([first], batches):
            for chip, sample in zip(chips, samples, strict=True):
                _add(writer, form, chip, sample)
            if progress is not None:
                progress(len(writer), wanted.total or 0)
    return ChipStore.open(out)


def _answered(
    dataset: GeoDataset, wanted: Wanted, size: int
) -> Iterator[tuple[list[WantedChip], list[Sample]]]:
    for chips in wanted.batches(size):
        yield chips, dataset.__getitems__([chip.query for chip in chips])


@dataclass(frozen=True, slots=True)
class _Form:
    """What the chips of a store have in common."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    bands: tuple[str, ...]
    classes: Classes | None
    mask_dtype: np.dtype[Any] | None
    """None where there are no labels."""
    scaling: tuple[tuple[float, float], ...] | None
    """(scale, offset) of each band; None where nobody knows."""

    @classmethod
    def of(
        cls,
        dataset: GeoDataset,
        sample: Sample,
        dtype: DTypeLike | None,
        mask_dtype: DTypeLike | None,
        bands: Sequence[str] | None,
    ) -> _Form:
        if "image" not in sample:
            raise ChipError(
                f"samples of {dataset!r} hold no image (found {', '.join(sorted(sample))}); join it with "
                "imagery: imagery & labels"
            )
        image, mask = _array(sample["image"]), sample.get("mask")
        if image.ndim != 3:
            raise ChipError(
                f"images of shape {image.shape} are no chips of (bands, rows, columns); a chip store keeps "
                "one date a chip: ask for the dates one by one"
            )
        if mask is not None and mask.ndim != 2:
            raise ChipError(
                f"masks of shape {tuple(mask.shape)} are {len(mask)} label layers; a chip store keeps one: "
                "make a store for each"
            )
        names = tuple(band.name for band in dataset.bands) if bands is None else tuple(bands)
        if len(names) != len(image):
            raise ChipError(
                f"the images have {len(image)} channels, named are {len(names)} ({', '.join(names)}); say "
                "bands=[...], a name for each channel"
            )
        extra = sorted(sample.keys() - _KEPT)
        if extra:
            log.warning(
                "samples hold %s, which a chip store does not keep: left out", ", ".join(extra)
            )
        classes = None if mask is None else dataset.classes
        stored: np.dtype[Any] | None = None
        if mask is not None and classes is None:
            stored = _first(mask_dtype, dataset.file_dtype("mask"), _array(mask).dtype)
        return cls(
            shape=image.shape,
            dtype=_first(dtype, dataset.file_dtype("image"), image.dtype),
            bands=names,
            classes=classes,
            mask_dtype=stored,
            scaling=_scaling(dataset),
        )


def _scaling(dataset: GeoDataset) -> tuple[tuple[float, float], ...] | None:
    """Scale and offset of each band of what a dataset gives; None where that is not known.

    Raises:
        ChipError: they differ from scene to scene.
    """
    found: list[tuple[float, float]] = []
    for band, pairs in zip(dataset.bands, dataset._calibrations(), strict=True):
        if pairs is None:
            return None
        if len(pairs) > 1:
            raise ChipError(
                f"band {band.name!r} of {dataset!r} would mix {describe(pairs)}; make the dataset with "
                "scaled=True, so that it gives physical values"
            )
        found.extend(pairs)
    return tuple(found) or None


def _first(*choices: DTypeLike | None) -> np.dtype[Any]:
    return next(np.dtype(choice) for choice in choices if choice is not None)


def _add(writer: ChipWriter, form: _Form, chip: WantedChip, sample: Sample) -> None:
    image, valid = _array(sample["image"]), _array(sample["valid"])
    if image.shape != form.shape:
        raise ChipError(
            f"query {len(writer)} gives an image of shape {image.shape}, the first one {form.shape}; ask "
            "for chips of one size and the same bands"
        )
    observed = _array(sample.get("observed", sample["valid"]))
    if image.dtype.kind == "f":
        observed = observed & np.isfinite(image).all(axis=0)
    mask = None
    if "mask" in sample:
        mask = _array(sample["mask"])
        kept = valid
        if form.classes is not None:
            kept = valid & (mask >= 0) & (mask <= MAX_CODE)  # what lies outside is no class
        mask = np.where(kept, mask, 0)
    grid = chip.query.grid
    writer.add(
        _exactly(image, observed, form.dtype, len(writer)),
        mask,
        observed,
        labelled=valid,
        crs=crs_name(grid.crs),
        transform=grid.affine[:6],
        source=chip.source,
        row=chip.row,
        col=chip.col,
        split=chip.split,
        when=chip.query.when,
    )


def _exactly(
    image: np.ndarray, observed: np.ndarray, dtype: np.dtype[Any], number: int
) -> np.ndarray:
    """The image in another dtype; floats are rounded, integers must be met where they are observed."""
    if image.dtype == dtype:
        return image
    if not observed.all():
        image = np.where(observed, image, 0)
    with np.errstate(invalid="ignore"):  # what cannot be cast is found by comparing
        stored = image.astype(dtype)
    if dtype.kind != "f" and not (stored == image).all():
        lost = image[stored != image]
        raise ChipError(
            f"query {number}: {lost.size} values, such as {lost[0]}, do not fit {dtype} exactly; say "
            f"dtype={str(image.dtype)!r}, or another that holds them"
        )
    return stored


def _array(tensor: Any) -> np.ndarray:
    return tensor if isinstance(tensor, np.ndarray) else tensor.numpy(force=True)
