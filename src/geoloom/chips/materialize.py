"""Queries read once and kept as chips, from which batches come at the speed of memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from numpy.typing import DTypeLike

from ..core.errors import ChipError
from ..core.progress import Progress
from ..core.query import Sample
from ..datasets.base import GeoDataset
from .form import ChipForm
from .requests import Asked, ChipRequest, ChipRequests, SplitChoice
from .store import ChipStore, ChipWriter
from .zarr.layout import Compression, check_target

log = logging.getLogger(__name__)


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
    (`mask`), and 0 elsewhere; `value` as it is. A pixel whose code is none of the dataset's classes counts as
    not labelled, so it is not valid. What else a sample holds is left out, with a warning that names it. The
    store appears under its name only when it is whole; one batch is in memory at a time.

    Args:
        dataset: Which answers, transforms included. Chips may lie in different CRSs.
        queries: A sampler, of which one epoch is taken, all ranks' shares together; its table; or any
            iterable of queries, grids or lists of them. All of one shape.
        out: The store to make, usually `*.zarr`.
        split: `train`, `val` or `test` for all chips; a function of a query that says which; or a rule
            such as `BlockSplit()`, which divides the ground and leaves out chips that lie across it. Rules
            need a sampler or its table.
        batch_size: Queries read together.
        dtype: Stored type of the images. Default: that of the files where the dataset gives their values
            unaltered, else that of the samples. Integers must hold each value exactly.
        mask_dtype: Stored type of class codes, where the dataset does not know its classes; with classes it
            is uint8. Default: as for images.
        bands: Bands, or their names, one per channel, where transforms have added some. Default: the
            dataset's.
        compress: `none`, `lz4` or `zstd`: the docs compare their sizes and speeds.
        overwrite: Replace a chip store of that name.
        progress: Called with (chips so far, chips in all; 0 where that shows in the end).

    Returns:
        The finished store; `store.dataset("train")` gives its samples, `gl.loader` batches of them.

    Raises:
        QueryError: the dataset has nothing at a query; the message names it.
        ChipError: there is no query, shapes differ, the samples are not chips, values do not fit `dtype`, or
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
    requests = ChipRequests.of(queries).divided(split)
    batches = _answered(dataset, requests, batch_size)
    first = next(batches, None)
    if first is None:
        raise ChipError(f"there is no query: {out} is not written")
    form = ChipForm.of(dataset, first[1][0], dtype=dtype, mask_dtype=mask_dtype, bands=bands)
    with ChipWriter(
        out,
        channels=form.shape[0],
        size=form.shape[1:],
        dtype=form.dtype,
        bands=form.bands,
        classes=form.classes,
        mask_dtype=form.mask_dtype,
        values=form.values,
        compress=compress,
        overwrite=overwrite,
        provenance={"made_by": "materialize", "dataset": repr(dataset), **requests.notes},
    ) as writer:
        for name, grid in requests.scenes.items():
            writer.add_source(name, grid)
        for chips, samples in chain([first], batches):
            for chip, sample in zip(chips, samples, strict=True):
                form.add(writer, chip, sample)
            if progress is not None:
                progress(len(writer), requests.total or 0)
    return ChipStore.open(out)


def _answered(
    dataset: GeoDataset, requests: ChipRequests, size: int
) -> Iterator[tuple[list[ChipRequest], list[Sample]]]:
    for chips in requests.batches(size):
        yield chips, dataset.__getitems__([chip.query for chip in chips])
