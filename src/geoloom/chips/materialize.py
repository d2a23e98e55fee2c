"""Queries read once and kept as chips, from which batches come at the speed of memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from numpy.typing import DTypeLike

from ..core.errors import ChipError
from ..core.outputs import Outputs
from ..core.progress import Progress
from ..core.query import Sample
from ..datasets.base import GeoDataset
from ..datasets.samples.dataset import SampleDataset
from ..splits.names import SPLITS
from .form import ChipForm
from .pictures import chosen_numbers, keep_samples
from .requests import Asked, ChipRequest, ChipRequests, SplitChoice
from .store import ChipStore, ChipWriter
from .zarr.layout import Compression, check_target

log = logging.getLogger(__name__)


def materialize(
    dataset: GeoDataset | SampleDataset,
    queries: Iterable[Asked | Sequence[Asked]] | Iterable[int] | None,
    out: str | Path,
    *,
    split: SplitChoice = None,
    batch_size: int = 64,
    dtype: DTypeLike | None = None,
    mask_dtype: DTypeLike | None = None,
    bands: Sequence[str] | None = None,
    outputs: Outputs | None = None,
    compress: Compression = "none",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ChipStore:
    """Read a set of queries once, aligned and warped, and keep the result as a chip store.

    Chip `i` holds what `dataset[query i]` gives, value for value, where that is observed (`image`) or valid
    (`mask`), and 0 elsewhere; `value` as it is. A pixel whose code is none of the dataset's classes counts as
    not labelled, so it is not valid. What else a sample holds is kept in a column of the store, where it is a
    number, a text, or a vector of numbers: labels per image (`label`, `value` (K,), `multilabel` (K,)) and
    anything else that is known of a chip. The rest is left out, with a warning that names it. The store
    appears under its name only when it is whole; one batch is in memory at a time.

    Args:
        dataset: Which answers, transforms included. Chips may lie in different CRSs. Or samples that lie
            ready in files, such as an `ImageFolder`, whose splits are kept too.
        queries: A sampler, of which one epoch is taken, all ranks' shares together; its table; or any
            iterable of queries, grids or lists of them. All of one shape. Of samples in files, their numbers,
            or None for all.
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
        outputs: What labels per image teach, where transforms have added them: `ClassOutputs(classes,
            per="image")` of `label`, with `multilabel=True` of `multilabel`; `ValueOutputs(names, units,
            per="image")` of `value` (K,). Default: what the dataset says.
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
    if isinstance(dataset, SampleDataset):
        given = {"dtype": dtype, "mask_dtype": mask_dtype, "bands": bands, "outputs": outputs}
        unused = [name for name, value in given.items() if value is not None]
        if unused or not (split is None or split in SPLITS):
            raise ChipError(
                f"{', '.join(unused) or 'a rule as split'} is for chips of scenes; {dataset!r} is kept as it "
                "is: choose bands and splits when it is made (with_splits)"
            )
        numbers = chosen_numbers(dataset, queries)
        return keep_samples(
            dataset,
            numbers,
            out,
            split=split,
            batch_size=batch_size,
            compress=compress,
            overwrite=overwrite,
            progress=progress,
        )
    requests = ChipRequests.of(queries).divided(split)
    batches = _answered(dataset, requests, batch_size)
    first = next(batches, None)
    if first is None:
        raise ChipError(f"there is no query: {out} is not written")
    form = ChipForm.of(
        dataset, first[1][0], dtype=dtype, mask_dtype=mask_dtype, bands=bands, outputs=outputs
    )
    with ChipWriter(
        out,
        channels=form.shape[0],
        size=form.shape[1:],
        dtype=form.dtype,
        bands=form.bands,
        classes=form.classes,
        mask_dtype=form.mask_dtype,
        values=form.values,
        image_outputs=form.image_outputs,
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
