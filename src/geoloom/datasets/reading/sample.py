"""Samples: from arrays to tensors, and how two answers to one query become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.composite import first_valid
from ...core.errors import DatasetError
from ...core.grid import place
from ...core.query import Sample
from ..scenes.index import grid_key

if TYPE_CHECKING:
    from torch import Tensor

_LAYERS: tuple[Literal["image", "mask"], ...] = ("image", "mask")
_PLACE = ("crs", "transform", "bounds")
_STAND_IN = {"uint16": "float32", "uint32": "int64", "uint64": "int64"}


@lru_cache(maxsize=64)
def torch_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype itself, or the one that stands in where torch holds it but scarcely computes with it."""
    return np.dtype(_STAND_IN.get(dtype.name, dtype.newbyteorder("=")))


def to_sample(grid: GeoBox, valid: np.ndarray | Tensor, **layers: np.ndarray | Tensor) -> Sample:
    """Arrays on a grid as a sample.

    Args:
        grid: Where the arrays lie.
        valid: (H, W) bool, True = observed.
        layers: `image` (C, H, W), `mask` (H, W) or `value` (K, H, W), any dtype; tensors are taken as they
            are.

    Returns:
        Tensors of the arrays' dtype, apart from uint16 images, which become float32 (exact), and
        uint32 ones, which become int64: torch can scarcely compute with unsigned integers above 8 bits.
    """
    import torch

    sample: dict[str, Any] = {name: to_tensor(array) for name, array in layers.items()}
    sample["valid"] = to_tensor(valid)
    where = _place(grid)
    sample["crs"] = where["crs"]
    sample["transform"] = torch.from_numpy(where["transform"].copy())
    sample["bounds"] = torch.from_numpy(where["bounds"].copy())
    return sample  # type: ignore[return-value]


_PLACES: dict[Any, dict[str, Any]] = {}
_PLACES_KEPT = 1 << 13


def _place(grid: GeoBox) -> dict[str, Any]:
    """`place`, remembered, as the layers of a query all ask; its arrays are not to be given away."""
    key = grid_key(grid)
    fields = _PLACES.get(key)
    if fields is None:
        if len(_PLACES) > _PLACES_KEPT:
            _PLACES.clear()
        fields = _PLACES[key] = place(grid)
    return fields


def to_tensor(array: np.ndarray | Tensor) -> Tensor:
    """A tensor of the array's dtype, or of one that torch computes with."""
    return array if not isinstance(array, np.ndarray) else _tensor(array, torch_dtype(array.dtype))


def stored_tensor(array: np.ndarray | Tensor) -> Tensor:
    """A tensor of the array's own dtype, whether torch computes with it or not."""
    return array if not isinstance(array, np.ndarray) else _tensor(array, array.dtype)


def _tensor(array: np.ndarray, dtype: np.dtype[Any]) -> Tensor:
    import torch

    # torch refuses read-only, byte-swapped and backward arrays.
    dtype, flags = dtype.newbyteorder("="), array.flags
    if dtype != array.dtype or not (flags.c_contiguous and flags.writeable and flags.aligned):
        array = np.require(array, dtype=dtype, requirements=["C", "W", "A"])
    return torch.from_numpy(array)


def common_dtype(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """That of values put together: as torch has it, also for unsigned types, which it does not promote."""
    floats = [dtype for dtype in dtypes if dtype.kind in "fc"]
    return np.result_type(*(floats or dtypes))


def cast(sample: Sample, dtypes: Mapping[str, np.dtype[Any] | None]) -> Sample:
    """The sample with its layers in the dtypes given; None leaves one as it is."""
    whole: dict[str, Any] = dict(sample)
    for name, dtype in dtypes.items():
        if dtype is not None and name in whole:
            whole[name] = _cast(whole[name], dtype)
    return whole  # type: ignore[return-value]


def _cast(tensor: Tensor, dtype: np.dtype[Any]) -> Tensor:
    array = tensor.numpy()
    return tensor if array.dtype == dtype else _tensor(array, dtype)


def _alike(images: Sequence[Tensor]) -> list[Tensor]:
    dtypes = [image.numpy().dtype for image in images]
    common = common_dtype(dtypes)
    return [_cast(image, common) for image in images]


def joined(samples: Sequence[Sample]) -> Sample:
    """Answers of several layers to one query as one sample.

    Images are concatenated along their channels, at each date where some are series; masks are stacked
    along a first axis where there are several, and values follow one another along theirs. A pixel is valid
    where it is valid in all, but of layers of values in one; where images and labels come together,
    `observed` marks where the images are. Other keys are kept, the first one's first.

    Raises:
        DatasetError: series have different dates.
    """
    import torch

    whole: dict[str, Any] = {}
    for sample in reversed(samples):
        whole.update(sample)
    images = [s["image"] for s in samples if "image" in s]
    masks = [s["mask"] for s in samples if "mask" in s]
    values = [s["value"] for s in samples if "value" in s]
    if "times" in whole:
        whole.update(_dated(samples))
    elif len(images) > 1:
        whole["image"] = torch.cat(_alike(images), dim=0)
    if len(masks) > 1:
        whole["mask"] = torch.cat([m if m.ndim == 3 else m[None] for m in masks], dim=0)
    if len(values) > 1:
        whole["value"] = torch.cat(values, dim=0)
    alone = [s for s in samples if "value" in s and "image" not in s and "mask" not in s]
    known = [_any_of([s["valid"] for s in alone])] if alone else []
    others = [s["valid"] for s in samples if not any(s is value for value in alone)]
    whole["valid"] = _all_of([*others, *known])
    if images and (masks or values):
        seen = [s.get("observed", s["valid"]) for s in samples if "image" in s]
        whole["observed"] = _all_of(seen)
    return whole  # type: ignore[return-value]


def _dated(samples: Sequence[Sample]) -> dict[str, Any]:
    """Image and validity at each date of samples of which some are series of the same dates."""
    import torch

    series = [s for s in samples if "times" in s]
    times = _same_times(series)
    if any("mask" in s for s in series) and sum("mask" in s for s in samples) > 1:
        raise DatasetError(
            "a series of labels and other labels cannot share one mask; leave one of them out"
        )
    imagery = [s["image"] for s in samples if "image" in s]
    images = [i if i.ndim == 4 else i.expand(len(times), *i.shape) for i in imagery]
    seen = [s["valid_series"] for s in series]
    seen += [
        s["valid"].expand(len(times), -1, -1) for s in samples if "image" in s and "times" not in s
    ]
    merged = {"valid_series": _all_of(seen)}
    if len(images) > 1:
        merged["image"] = torch.cat(_alike(images), dim=1)
    return merged


def _same_times(series: Sequence[Sample]) -> Any:
    first, *others = (sample.get("times", ()) for sample in series)
    for other in others:
        if not np.array_equal(first, other, equal_nan=True):
            raise DatasetError(
                f"a series of {len(first)} dates and one of {len(other)} have different dates, so that "
                "they do not make one; give both the same FixedSteps or NearestDates"
            )
    return first


def _all_of(masks: list[Tensor]) -> Tensor:
    """Where all masks are true. In numpy, as torch would start threads for work of microseconds."""
    import torch

    first, *others = masks
    if not others:
        return first
    whole = np.logical_and(first.numpy(), others[0].numpy())
    for mask in others[1:]:
        np.logical_and(whole, mask.numpy(), out=whole)
    return torch.from_numpy(whole)


def _any_of(masks: list[Tensor]) -> Tensor:
    """Where one of the masks at least is true."""
    import torch

    if len(masks) == 1:
        return masks[0]
    return torch.from_numpy(np.logical_or.reduce([mask.numpy() for mask in masks]))


def first_of(samples: Iterable[Sample]) -> Sample | None:
    """One answer of several, each pixel from the first in which it is valid, each value from the first in
    which it is known; None of none.

    They are drawn only as long as pixels are missing.

    Args:
        samples: In the order of their priority.

    Raises:
        DatasetError: they are series of different dates.
    """
    whole: Sample | None = None
    for sample in samples:
        whole = sample if whole is None else _completed(whole, sample)
        if whole["valid"].numpy().all() and not _lacks_values(whole):
            break
    return whole


def _lacks_values(sample: Sample) -> bool:
    return "value" in sample and bool(np.isnan(sample["value"].numpy()).any())


def _completed(first: Sample, second: Sample) -> Sample:
    """The first answer, with the second where the first is not valid."""
    import torch

    whole: dict[str, Any] = {**second, **first}
    if "times" in whole:
        _same_times([first, second])
    valid = first["valid"].numpy()
    seen = valid, ~valid  # a pixel that neither has is the second's, at all dates
    layers = [name for name in first if name.partition(":")[0] in _LAYERS]
    for name in (*layers, "valid_series"):
        if name in first and name in second:
            pair = first[name], second[name]  # type: ignore[literal-required]
            common = torch.promote_types(pair[0].dtype, pair[1].dtype)
            arrays = (layer.to(common).numpy() for layer in pair)
            values, _ = first_valid(*zip(arrays, seen, strict=True))
            whole[name] = torch.from_numpy(values)
    if "value" in first and "value" in second:
        own, other = first["value"].numpy(), second["value"].numpy()
        whole["value"] = torch.from_numpy(np.where(np.isnan(own), other, own))
    for name in ("valid", "observed"):
        if name in first and name in second:
            whole[name] = first[name] | second[name]  # type: ignore[literal-required]
    return whole  # type: ignore[return-value]


def picked(sample: Sample, channels: tuple[int, ...] | None) -> Sample:
    """The sample with some channels of its image, in the order given."""
    if channels is None or "image" not in sample:
        return sample
    whole: dict[str, Any] = {**sample, "image": sample["image"][..., list(channels), :, :]}
    return whole  # type: ignore[return-value]
