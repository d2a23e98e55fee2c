"""A torch `DataLoader` with good settings."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

from ..core.bands import Band
from ..core.errors import SamplerError
from ..io.threads import usable_cpus
from .reading.calibration import bands_to_scale
from .reading.collate import collate
from .reading.device import DeviceBatches

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

log = logging.getLogger(__name__)

_PREFETCHED_BATCHES = 2


def loader(
    dataset: Any,
    sampler: Iterable[Any] | None = None,
    batch_size: int | None = None,
    *,
    num_workers: int = 0,
    start: Literal["fork", "spawn", "forkserver"] | None = None,
    shuffle: bool = False,
    drop_last: bool = False,
    pin_memory: bool | None = None,
    device: str | torch.device | None = None,
    scaled: bool = False,
    convert: bool = True,
) -> DataLoader[Any] | DeviceBatches:
    """Batches of samples; the log says which settings were chosen.

    A batch is read by threads of this process, one a processor, straight into the batch's own memory:
    worker processes would copy it once more, and are worth their while only where transforms are slow or
    files are far. Memory is used again once no reference to a batch is left.

    Args:
        dataset: A geospatial dataset, or chips.
        sampler: Where the queries come from; one that yields whole batches brings its own batch size.
            Chips need none.
        batch_size: Samples a batch. Default: the sampler's, else 32.
        num_workers: Processes that read ahead, one thread each; 0 reads in this one.
        start: How processes are started. Default: the platform's.
        shuffle: Draw chips in random order; samplers order their queries themselves.
        drop_last: Leave out a last batch that is not full.
        pin_memory: Put batches where a GPU copies them fastest. Default: where there is a GPU.
        device: Give batches on this device. They cross in the types of the files (see `as_stored`) and
            become float32 images and int64 masks there. Default: on the CPU, as the dataset gives them.
        scaled: With a device: give physical values, each scene's by its own scale and offset. They are
            applied there where all scenes share them, else as scenes are read.
        convert: With a device: False leaves the types of the files.

    Raises:
        SamplerError: a geospatial dataset has no sampler, or the options contradict each other.
        DatasetError: values are to be scaled that transforms see first.

    Example:
        >>> batches = loader(dataset, RandomGeoSampler(dataset, size=224), batch_size=64)  # doctest: +SKIP
    """
    import torch
    from torch.utils.data import DataLoader

    from .base import GeoDataset

    own_size = _size_of_batches(dataset, sampler, batch_size)
    bands: Sequence[Band] | None = None
    if device is not None:
        dataset, bands = for_device(dataset, scaled=scaled, convert=convert)
    elif scaled or not convert:
        raise SamplerError(
            "scaled and convert say what is done on a device: give device= as well, or make the dataset "
            "with scaled=True or dtype='stored'"
        )
    pinned = torch.cuda.is_available() if pin_memory is None else pin_memory
    if own_size is not None:
        how: dict[str, Any] = {"batch_sampler": sampler}
    else:
        how = {
            "sampler": sampler,
            "batch_size": 32 if batch_size is None else batch_size,
            "drop_last": drop_last,
        }
        if sampler is None:
            how["shuffle"] = shuffle
    if isinstance(dataset, GeoDataset):
        dataset.warm_up()
    # Else one of the first batches would wait for it, and forked workers for copies of what it touches.
    gc.collect()
    log.info(
        "batches of %d, %s, %s memory",
        own_size or how["batch_size"],
        _readers(dataset, num_workers),
        "pinned" if pinned else "pageable",
    )
    batches: DataLoader[Any] = DataLoader(
        dataset,
        num_workers=num_workers,
        pin_memory=pinned,
        collate_fn=collate,
        multiprocessing_context=start if num_workers else None,
        persistent_workers=num_workers > 0,
        prefetch_factor=_PREFETCHED_BATCHES if num_workers else None,
        **how,
    )
    if device is None:
        return batches
    return DeviceBatches(batches, device, bands=bands, convert=convert)


def _size_of_batches(
    dataset: Any, sampler: Iterable[Any] | None, batch_size: int | None
) -> int | None:
    """Of a sampler that yields whole batches; None of others.

    Raises:
        SamplerError: there is no sampler, and one is needed; or the batch size is none, or another.
    """
    from .base import GeoDataset

    if sampler is None and isinstance(dataset, GeoDataset):
        raise SamplerError(
            f"{dataset!r} is asked by place, so it needs a sampler, such as "
            "GridGeoSampler(dataset, size=256) from geoloom.samplers"
        )
    if batch_size is not None and not (
        isinstance(batch_size, Integral) and not isinstance(batch_size, bool) and batch_size >= 1
    ):
        raise SamplerError(
            f"batch_size is {batch_size!r}; give a whole number of samples, at least 1"
        )
    own_size = getattr(sampler, "batch_size", None)
    if own_size is not None and batch_size not in (None, own_size):
        raise SamplerError(
            f"the sampler yields batches of {own_size}, and batch_size={batch_size} is asked for; "
            "give it to the sampler alone"
        )
    return own_size


def for_device(
    dataset: Any, *, scaled: bool = False, convert: bool = True
) -> tuple[Any, Sequence[Band] | None]:
    """The dataset as it is read for a device, and the bands by which its images are scaled there.

    Args:
        dataset, scaled, convert: As of `loader`.

    Raises:
        SamplerError: the dataset gives nothing to scale, or the options contradict each other.
        DatasetError: values are to be scaled that transforms see first.
    """
    from .base import GeoDataset

    if scaled and (getattr(dataset, "scaled", False) or not isinstance(dataset, GeoDataset)):
        raise SamplerError(f"{dataset!r} gives no stored values to scale; leave scaled out")
    if not isinstance(dataset, GeoDataset):
        return dataset, None
    if not scaled or "image" not in dataset.layers:
        return dataset.as_stored(), None
    if not convert:
        raise SamplerError("scaled values are float32: leave convert=False out, or scaled")
    as_scaled = dataset._as_scaled()  # made also where it is not needed, as it refuses transforms
    bands = bands_to_scale(dataset.bands, dataset._calibrations())
    if bands is not None:
        return dataset.as_stored(), bands
    log.info(
        "scenes differ in scale and offset, or their files declare it: scaled as they are read"
    )
    return as_scaled, None


def _readers(dataset: Any, num_workers: int) -> str:
    """Who reads, for the log."""
    if num_workers:
        return f"{num_workers} worker processes"
    threads = usable_cpus() if hasattr(dataset, "__getitems__") else 1
    return f"read in this process by {threads} thread{'s' if threads > 1 else ''}"
