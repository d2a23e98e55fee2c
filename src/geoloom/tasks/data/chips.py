"""The tensors of chips: decoded once and kept in memory, or read as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...core.errors import DatasetError

Samples = Dataset[Mapping[str, Any]]

_PLACE = ("crs", "transform", "bounds")
_CODES = ("mask", "mask_series", "label", "box_labels")
"""Whole numbers, given as int64; of several label layers, `mask:NAME` each."""
_AT_ONCE = 64


class MemoryChips(Dataset[dict[str, Tensor]]):
    """The tensors of a dataset's chips, decoded once and kept in native dtype. Chips must share their shapes.

    Masks and labels are kept in the narrowest type that holds their values and given as int64; place and text
    are dropped.

    Args:
        samples: Any map-style dataset of samples.

    Raises:
        DatasetError: a mask holds fractions, or chips differ in keys or shapes.
    """

    def __init__(self, samples: Samples) -> None:
        self._count = len(samples)  # type: ignore[arg-type]
        self._planes: dict[str, Tensor] = {}
        for i, sample in enumerate(_one_by_one(samples, self._count)):
            tensors = _narrowed(tensors_of(sample))
            if i == 0:
                self._planes = {
                    name: torch.empty((self._count, *value.shape), dtype=value.dtype)
                    for name, value in tensors.items()
                }
            self._require_alike(tensors, i)
            for name, value in tensors.items():
                wide = torch.promote_types(self._planes[name].dtype, value.dtype)
                self._planes[name] = self._planes[name].to(wide)
                self._planes[name][i] = value

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return _with_codes({name: values[index] for name, values in self._planes.items()})

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """A batch in memory of its own, one behind the other, so that `collate` need not copy it."""
        # By numpy, as torch cannot gather unsigned integers above 8 bits.
        batch = {name: plane.numpy()[list(indices)] for name, plane in self._planes.items()}
        tensors = _with_codes({name: torch.from_numpy(values) for name, values in batch.items()})
        return [{name: v[k] for name, v in tensors.items()} for k in range(len(indices))]

    def _require_alike(self, tensors: Mapping[str, Tensor], number: int) -> None:
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        first = {name: tuple(plane.shape[1:]) for name, plane in self._planes.items()}
        if shapes != first:
            raise DatasetError(
                f"chip {number} holds {shapes}, and the first one {first}; the chips of a training must hold "
                "the same, in the same shapes"
            )


class PixelChips(Dataset[dict[str, Tensor]]):
    """A dataset's chips read as they are asked for, without place and text."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return _with_codes(tensors_of(self._samples[index]))

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """A batch, read together where the samples can be."""
        return [_with_codes(tensors_of(sample)) for sample in _together(self._samples, indices)]


def tensors_of(sample: Mapping[str, Any]) -> dict[str, Tensor]:
    """What a network can learn from: the tensors of a sample, and its numbers as tensors."""
    return {
        key: torch.as_tensor(value)
        for key, value in sample.items()
        if key not in _PLACE and isinstance(value, Tensor | np.ndarray | np.generic | int | float)
    }


def bytes_of(samples: Samples) -> int:
    """Size of all chips in memory, judged by the first."""
    count = len(samples)  # type: ignore[arg-type]
    if not count:
        return 0
    first = _narrowed(tensors_of(samples[0]))
    return count * sum(v.numel() * v.element_size() for v in first.values())


def _one_by_one(samples: Samples, count: int) -> Iterator[Mapping[str, Any]]:
    for start in range(0, count, _AT_ONCE):
        yield from _together(samples, range(start, min(start + _AT_ONCE, count)))


def _together(samples: Samples, indices: Sequence[int]) -> Sequence[Mapping[str, Any]]:
    together = getattr(samples, "__getitems__", None)
    if together is None:
        return [samples[i] for i in indices]
    read: Sequence[Mapping[str, Any]] = together(indices)
    return read


def _narrowed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Codes in the narrowest integers that hold their values."""
    return {
        name: _narrow(_whole(value, name)) if _is_code(name) else value
        for name, value in tensors.items()
    }


def _narrow(codes: Tensor) -> Tensor:
    least, most = (int(codes.min()), int(codes.max())) if codes.numel() else (0, 0)
    for dtype in (torch.uint8, torch.int16, torch.int32):
        if torch.iinfo(dtype).min <= least and most <= torch.iinfo(dtype).max:
            return codes.to(dtype)
    return codes


def _whole(codes: Tensor, name: str) -> Tensor:
    if codes.is_floating_point():
        raise DatasetError(
            f"a chip's {name} is {codes.dtype}; expected whole numbers, the positions or codes of classes"
        )
    return codes


def _with_codes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: _whole(value, name).long() if _is_code(name) else value
        for name, value in tensors.items()
    }


def _is_code(name: str) -> bool:
    return name.partition(":")[0] in _CODES
