"""Losses of many batches, on any number of devices: sums first, ratios once."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from ..losses.summed import Parts, SummedLoss

T = TypeVar("T")


class LossSum:
    """A loss of all batches at once: the same however they are cut and divided among devices."""

    def __init__(self, loss: SummedLoss, weights: Tensor | None = None) -> None:
        self._loss = loss
        self._weights = weights
        self._parts: Parts = ()

    def add(self, parts: Parts, loss: SummedLoss | None = None) -> None:
        """Take in a batch's parts, without their history.

        Args:
            parts: As many in each batch.
            loss: Whose they are, where it is another one than was said at first.
        """
        self._loss = loss or self._loss
        # Kept on the device: reading a number off a GPU would stall it at every step.
        new = tuple(part.detach().double() for part in parts)
        self._parts = (
            tuple(a + b for a, b in zip(self._parts, new, strict=True)) if self._parts else new
        )

    def value(self) -> float:
        """Of all batches on all devices; NaN where nothing was counted. All devices must ask together."""
        parts = summed_over_devices(self._parts)
        if not parts or not any(bool(part.any()) for part in parts):
            return math.nan
        weights = None if self._weights is None else self._weights.double()
        return float(self._loss.value(parts, weights))


def several_devices() -> bool:
    """Whether this process is one of several that train together."""
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def summed_over_devices(parts: Parts) -> Parts:
    """Sums of all devices' parts, the same on each, with gradients to each device's own.

    A loss of these is that of the whole batch. Its gradient comes out times the number of devices, which the
    mean that `DistributedDataParallel` takes over them undoes.
    """
    if not several_devices() or not parts:
        return parts
    return tuple(_Summed.apply(part) for part in parts)


class _Summed(torch.autograd.Function):
    """One sum. All devices compute the same from it, so that their gradients to it need no exchange."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        whole = part.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * device_count()


def gathered(value: T) -> list[T]:
    """The values of all devices, in the order of their ranks; here alone, the one."""
    if not several_devices():
        return [value]
    everyone: list[Any] = [None] * device_count()
    distributed.all_gather_object(everyone, value)
    return everyone


def rank() -> int:
    """Which of the devices this one is, from 0."""
    return distributed.get_rank() if several_devices() else 0


def device_count() -> int:
    """How many devices train together."""
    return distributed.get_world_size() if several_devices() else 1


def one_sum(tensor: Tensor) -> Tensor:
    """The sum over devices, without gradients."""
    with torch.no_grad():
        return summed_over_devices((tensor,))[0]
