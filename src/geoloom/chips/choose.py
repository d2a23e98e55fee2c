"""Of the chips drawn, those that hold enough that is valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..core.progress import Progress
from ..core.query import Sample
from ..datasets.base import GeoDataset
from ..datasets.reading.read_plan import fulfil
from ..samplers.drawing.candidates import Candidates
from ..splits.names import SPLITS
from .form import array_of
from .requests import ChipRequest

_BATCH = 256
"""Candidates of a kind that are looked at before the next ones are."""

_BYTES_AT_ONCE = 64 << 20
_CHIPS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class ChosenChip:
    """One chip, read."""

    request: ChipRequest
    source: int
    """Number of the source."""
    split: int
    """Split code; -1 where undecided."""
    kind: int
    """Position in the candidates' kinds."""
    sample: Sample
    valid: np.ndarray
    """(H, W) bool, True = observed and, with labels, of a class."""


def choose_chips(
    candidates: Candidates,
    progress: Progress | None = None,
    refused: list[tuple[float, float]] | None = None,
) -> Iterator[ChosenChip]:
    """The chips, one by one; those with too little that is valid are replaced by the next drawn.

    Scenes are read in the order in which they lie on disk, some hundred windows at a time; no more than
    64 chips, or 64 MiB of them, are in memory.

    Args:
        candidates: What was drawn.
        progress: Called with (chips so far, chips wanted at most).
        refused: Gets, of each chip that holds too little, the shares that are valid and observed.
    """
    kinds = candidates.kinds
    datasets = {id(source.dataset): source.dataset for source in candidates.sources}
    stored = {key: dataset.as_stored() for key, dataset in datasets.items()}
    waiting = [np.flatnonzero(candidates.kind_of == k).tolist() for k in range(len(kinds))]
    left = [min(kind.quota, len(own)) for kind, own in zip(kinds, waiting, strict=True)]
    total, done = sum(left), 0
    while any(wanted and own for wanted, own in zip(left, waiting, strict=True)):
        # Never more than are still wanted, so that which chips are taken does not depend on reading order.
        batch: list[int] = []
        for wanted, own in zip(left, waiting, strict=True):
            batch += own[: min(wanted, _BATCH)]
            del own[: min(wanted, _BATCH)]
        if candidates.keep_order:
            batch.sort()
        else:
            windows = candidates.windows[batch]
            on_disk = np.lexsort((windows[:, 2], windows[:, 1], windows[:, 0]))
            batch = np.asarray(batch)[on_disk].tolist()
        for chip in _read(candidates, stored, batch, [] if refused is None else refused):
            left[chip.kind] -= 1
            done += 1
            yield chip
        if progress is not None:
            progress(done, total)


def _read(
    candidates: Candidates,
    stored: Mapping[int, GeoDataset],
    numbers: Sequence[int],
    refused: list[tuple[float, float]],
) -> Iterator[ChosenChip]:
    """Those of some candidates that hold enough, in order.

    Args:
        candidates: What was drawn.
        stored: By the `id` of a source's dataset, the same with values as the files hold them.
        numbers: Which candidates.
        refused: As `choose_chips`.
    """
    sources = candidates.sources
    height, width = candidates.options.size
    for key, members in groupby(
        numbers, lambda i: id(sources[int(candidates.windows[i, 0])].dataset)
    ):
        own = list(members)
        dataset = stored[key]
        step = max(1, min(_CHIPS_AT_ONCE, _BYTES_AT_ONCE // _chip_bytes(dataset, height * width)))
        for start in range(0, len(own), step):
            part = own[start : start + step]
            requests = [_request(candidates, i) for i in part]
            samples = _samples(dataset, requests)
            for i, request, sample in zip(part, requests, samples, strict=True):
                chip = None if sample is None else _checked(candidates, i, request, sample, refused)
                if chip is not None:
                    yield chip


def _chip_bytes(dataset: GeoDataset, pixels: int) -> int:
    dtype = dataset.sample_dtype("image") or np.dtype(np.float32)
    return pixels * (len(dataset.bands) * dtype.itemsize + 10)


def _request(candidates: Candidates, i: int) -> ChipRequest:
    number, row, col = candidates.windows[i].tolist()
    source, code = candidates.sources[number], int(candidates.splits[i])
    query = source.query(row, col, *candidates.options.size)
    return ChipRequest(query, source.name, row, col, SPLITS[code] if code >= 0 else None)


def _samples(dataset: GeoDataset, requests: Sequence[ChipRequest]) -> list[Sample | None]:
    """Read by threads; None where the dataset has nothing."""
    plans = dataset.plan([request.query for request in requests])
    fulfil(plans, threads=None)
    return [None if plan is None else plan.finish() for plan in plans]


def _checked(
    candidates: Candidates,
    i: int,
    request: ChipRequest,
    sample: Sample,
    refused: list[tuple[float, float]],
) -> ChosenChip | None:
    """The chip; None where too little of it is valid."""
    valid = array_of(sample["valid"])
    if candidates.classes is not None and "mask" in sample:
        valid = valid & candidates.classes.encode(array_of(sample["mask"]))[1]
    number, split = int(candidates.windows[i, 0]), int(candidates.splits[i])
    if candidates.features is not None:
        others = candidates.features.others(number, request.row, request.col, split)
        valid = valid & ~others
        sample = _without(sample, others)
    if valid.mean() < candidates.options.min_valid:
        observed = array_of(sample.get("observed", sample["valid"]))
        refused.append((float(valid.mean()), float(observed.mean())))
        return None
    return ChosenChip(request, number, split, int(candidates.kind_of[i]), sample, valid)


def _without(sample: Sample, others: np.ndarray) -> Sample:
    """The sample with some pixels (H, W) unlabelled, and code 0 there: nothing of their labels stays."""
    valid = array_of(sample["valid"])
    return {
        **sample,
        "observed": sample.get("observed", sample["valid"]),
        "valid": valid & ~others,
        "mask": np.where(others, 0, array_of(sample["mask"])),
    }
