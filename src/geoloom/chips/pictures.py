"""Samples that lie ready in files, such as a folder of class folders, kept as chips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..core.errors import ChipError
from ..core.grid import crs_name, has_place
from ..core.outputs import ClassOutputs, ValueOutputs
from ..core.progress import Progress
from ..core.query import Sample
from ..datasets.samples.dataset import SampleDataset
from ..splits.names import SPLITS, Split
from .form import array_of
from .store import ChipStore, ChipWriter
from .zarr.layout import Compression
from .zarr.sample_columns import keepable

_NOWHERE = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
_PIXELS = frozenset({"image", "valid", "observed", "mask", "crs", "transform", "bounds"})


def keep_samples(
    samples: SampleDataset,
    numbers: Sequence[int],
    out: str | Path,
    *,
    split: Split | None,
    batch_size: int,
    compress: Compression,
    overwrite: bool,
    progress: Progress | None,
) -> ChipStore:
    """Read samples once and keep them: images as stored, labels and what is known of each file as columns.

    Args:
        samples: Of one size, transforms included.
        numbers: Of those wanted, in order.
        out, batch_size, compress, overwrite, progress: As of `materialize`.
        split: Of all; None takes that of each sample.

    Raises:
        DatasetError: pictures differ in size; `with_size` brings them to one.
        ChipError: there is no sample, or samples are series or teach boxes, which chips do not hold.
    """
    of_images = _image_outputs(samples)
    classes = samples.classes if of_images is None else None
    plain = samples if samples.transforms is not None else samples.samples(range(len(samples)))
    batches = (numbers[at : at + batch_size] for at in range(0, len(numbers), batch_size))
    read = ((number, sample) for batch in batches for number, sample in _batch(plain, batch))
    first = next(read, None)
    if first is None:
        raise ChipError(f"there is no sample: {out} is not written")
    image = array_of(first[1]["image"])
    with ChipWriter(
        out,
        channels=len(image),
        size=(image.shape[1], image.shape[2]),
        dtype=image.dtype,
        bands=samples.bands,
        image_outputs=of_images,
        classes=classes,
        compress=compress,
        overwrite=overwrite,
        provenance={"made_by": "materialize", "dataset": repr(samples)},
    ) as writer:
        table = samples.table
        known = [name for name in table.columns if name != "split" and name not in first[1]]
        rows = {name: table[name].tolist() for name in known}
        splits = table["split"].tolist() if "split" in table.columns else None
        for number, sample in chain([first], read):
            grid = samples.grid(number)
            entries = {name: rows[name][number] for name in known}
            entries = {n: v for n, v in entries.items() if keepable(n, v)}
            others = {n: v for n, v in sample.items() if n not in _PIXELS and keepable(n, v)}
            of_own = None if splits is None else splits[number]
            writer.add(
                array_of(sample["image"]),
                mask=None if classes is None else array_of(sample["mask"]),
                valid=array_of(sample.get("observed", sample["valid"])),
                labelled=array_of(sample["valid"]),
                crs=crs_name(grid.crs) if grid is not None and has_place(grid.crs) else "",
                transform=_NOWHERE if grid is None else grid.affine[:6],
                source=samples.path.name,
                row=0,
                col=0,
                split=split or (of_own if of_own in SPLITS else None),
                columns=entries | others,
            )
            if progress is not None:
                progress(len(writer), len(numbers))
    return ChipStore.open(out)


def _image_outputs(samples: SampleDataset) -> ClassOutputs | ValueOutputs | None:
    """What samples teach as a whole; None where they teach nothing, or classes of pixels."""
    outputs = samples.outputs
    if samples.dates is not None:
        raise ChipError(
            f"{samples!r} are series of {samples.dates} dates, and a chip has one; take them as they are"
        )
    if isinstance(outputs, ClassOutputs) and outputs.kind == "classes" and outputs.per == "pixel":
        return None
    if outputs is None or (
        isinstance(outputs, ClassOutputs | ValueOutputs) and outputs.per == "image"
    ):
        return outputs
    raise ChipError(
        f"{samples!r} teach {outputs.short}, and chips hold one class per pixel, or labels of a whole "
        "picture; take the samples as they are"
    )


def chosen_numbers(samples: SampleDataset, given: Any) -> list[int]:
    """The numbers of the samples that are asked for; of all for None.

    Raises:
        ChipError: they are no numbers of samples.
    """
    if given is None:
        return list(range(len(samples)))
    numbers = np.asarray(list(given))
    if numbers.size and numbers.dtype.kind not in "iu":
        raise ChipError(
            f"{samples!r} is asked by number, not by {type(next(iter(given))).__name__}; give numbers of "
            "samples, or None for all"
        )
    return cast(list[int], numbers.astype(int).tolist())


def _batch(samples: SampleDataset, numbers: Sequence[int]) -> Iterator[tuple[int, Sample]]:
    return zip(numbers, samples.__getitems__(numbers), strict=True)
