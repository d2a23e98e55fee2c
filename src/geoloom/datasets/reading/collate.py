"""Samples as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core.errors import DatasetError
from ...core.hints.keys import KeyedDict
from ...io.buffers import BUFFERS

if TYPE_CHECKING:
    from torch import Tensor


def collate(samples: Sequence[Any]) -> Any:
    """A batch of what torch's default collate gives, without a copy where samples are adjacent in memory.

    Samples that a geospatial dataset answered as a batch do; others are copied into memory that earlier
    batches left. In a worker process, torch's own collate is left its way into shared memory.

    What differs in length from sample to sample is a list of one tensor per sample: `boxes`, `box_labels` and
    `box_masks` always; `image`, `times`, `valid_series` and `mask_series` where some series have more dates
    than others; `audio` where recordings are not equally long.

    Args:
        samples: Dicts with equal keys; anything else is torch's own collate's.

    Raises:
        DatasetError: images differ in size or in channels; the message names both.

    Example:
        >>> import torch
        >>> one, two = ({"image": torch.zeros(3, 8, 8), "boxes": torch.zeros(n, 4)} for n in (1, 2))
        >>> batch = collate([one, two])
        >>> batch["image"].shape, [len(boxes) for boxes in batch["boxes"]]
        (torch.Size([2, 3, 8, 8]), [1, 2])
    """
    from torch.utils.data import default_collate, get_worker_info

    first = samples[0]
    of_ours = type(first) in (dict, KeyedDict)
    plain = of_ours and all(sample.keys() == first.keys() for sample in samples)
    if not plain:
        return default_collate(list(samples))
    _refuse_several_sizes(samples)
    ragged = _ragged(samples)
    in_worker = get_worker_info() is not None
    put_together = default_collate if in_worker else stacked
    listed = _in_one_memory if in_worker else list
    return type(first)(
        {
            key: (listed if key in ragged else put_together)([sample[key] for sample in samples])
            for key in first
        }
    )


def require_stacked(batch: Mapping[str, Any]) -> None:
    """Refuse a batch of series that differ in length, for who cannot do with a list of them.

    Raises:
        DatasetError: the images are a list.
    """
    if isinstance(batch.get("image"), list):
        counts = sorted({len(image) for image in batch["image"]})
        raise DatasetError(
            f"series of {', '.join(map(str, counts))} dates cannot be stacked to one batch; fix the number "
            "with dataset.series(EveryDate(count=...)), FixedSteps or NearestDates, or take batch_size=1"
        )


def unbind_samples(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The samples of a batch: what `collate` has put together, apart again.

    Args:
        batch: Tensors whose first axis is the batch, and lists of one entry per sample; the tensors given are
            views of these.

    Raises:
        DatasetError: the entries differ in length, or one has none: it is no batch.

    Example:
        >>> import torch
        >>> samples = unbind_samples({"mask": torch.zeros(2, 4, 4), "crs": ["EPSG:32615", "EPSG:32616"]})
        >>> len(samples), samples[1]["mask"].shape, samples[1]["crs"]
        (2, torch.Size([4, 4]), 'EPSG:32616')
    """
    counts = {key: _length(value) for key, value in batch.items()}
    if len(set(counts.values())) != 1 or None in counts.values():
        found = ", ".join(f"{key}: {count}" for key, count in counts.items()) or "nothing"
        raise DatasetError(
            f"a batch has as many samples in every entry, this one has {found}; "
            "give what collate or a DataLoader gave"
        )
    (count,) = set(counts.values())
    made = KeyedDict if isinstance(batch, KeyedDict) else dict
    return [made((key, value[i]) for key, value in batch.items()) for i in range(count or 0)]


def _length(value: Any) -> int | None:
    """None where a value has no samples, as a text, a number or a tensor without axes."""
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        return None
    return len(value)


def _ragged(samples: Sequence[Mapping[str, Any]]) -> set[str]:
    """The keys whose tensors are listed."""
    return set(_BOXES).union(
        *(keys for by, keys in _BY_LENGTH.items() if len(_lengths(samples, by)) > 1)
    )


def _lengths(samples: Sequence[Mapping[str, Any]], key: str) -> set[int]:
    return {len(sample[key]) for sample in samples if key in sample}


_BOXES = ("boxes", "box_labels", "box_masks")
_BY_LENGTH = {"times": ("image", "times", "valid_series", "mask_series"), "audio": ("audio",)}
"""Whose length says whether keys can be stacked."""


def _refuse_several_sizes(samples: Sequence[Mapping[str, Any]]) -> None:
    shapes = {tuple(getattr(sample.get("image"), "shape", ())[-3:]) for sample in samples}
    if len(shapes) < 2:
        return
    if len({shape[-2:] for shape in shapes}) > 1:
        found = [" x ".join(map(str, shape[-2:])) for shape in sorted(shapes)[:3]]
        raise DatasetError(
            f"images of {' and '.join(found)} pixels cannot be stacked to one batch; bring them to one size "
            "(size=... of a dataset of pictures, or a transform), or take batch_size=1"
        )
    found = [str(shape[0]) for shape in sorted(shapes)[:3]]
    raise DatasetError(
        f"images of {' and '.join(found)} channels cannot be stacked to one batch; choose bands that all "
        "samples have (bands=[...])"
    )


def _in_one_memory(values: list[Any]) -> list[Any]:
    """The same tensors, as pieces of one: a worker process passes on an open file for each memory."""
    import torch

    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    if len(tensors) < len(values) or len({(v.dtype, v.shape[1:]) for v in tensors}) > 1:
        return values
    return list(torch.split(torch.cat(values), [len(value) for value in values]))


def stacked(values: list[Any]) -> Any:
    """Values along a new first axis, without a copy where they are tensors that are adjacent in memory."""
    import torch
    from torch.utils.data import default_collate

    first = values[0]
    is_alike = all(
        isinstance(v, torch.Tensor) and v.shape == first.shape and v.dtype == first.dtype
        for v in values
    )
    if not is_alike or not first.numel():
        return default_collate(values)
    if any(v.requires_grad or v.device.type != "cpu" for v in values):
        return default_collate(values)
    whole = _as_one(values)
    return _copied(values) if whole is None else whole


def _as_one(values: list[Tensor]) -> Tensor | None:
    """The memory that they are successive pieces of; None where they are not."""
    first = values[0]
    home, start, step = first.untyped_storage().data_ptr(), first.storage_offset(), first.numel()
    for i, value in enumerate(values):
        if value.untyped_storage().data_ptr() != home or not value.is_contiguous():
            return None
        if value.storage_offset() != start + i * step:
            return None
    return first.as_strided((len(values), *first.shape), (step, *first.stride()))


def _copied(values: list[Tensor]) -> Tensor:
    """Stacked; large ones into memory used before, as fresh memory costs more than the copy."""
    import torch

    first = values[0]
    size = len(values) * first.numel() * first.element_size()
    if size < _LARGE_BYTES:
        return torch.stack(values)
    memory = torch.from_numpy(BUFFERS.take((size,), "uint8"))
    whole = memory.view(first.dtype).view(len(values), *first.shape)
    return torch.stack(values, out=whole)


_LARGE_BYTES = 1 << 20
