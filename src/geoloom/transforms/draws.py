"""Random numbers that follow from seeds alone: without state, and equal on every device.

Legend: B samples, N draws each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Constants of splitmix64: Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators, figure 17.
_STEP = 0x9E3779B97F4A7C15
_FIRST_FACTOR = 0xBF58476D1CE4E5B9
_SECOND_FACTOR = 0x94D049BB133111EB
_OTHER_STREAM = 0x6A09E667F3BCC909
"""Keeps the seeds derived from a seed apart from the numbers drawn from it: the fraction of sqrt(2)."""
_PIECE = 1 << 16
"""Words that are mixed at once on a processor, so that they stay in its cache."""


def sample_seeds(seed: int, epoch: int, count: int) -> Tensor:
    """The seed of each position in an epoch of a training.

    Guarantee: it depends on these three alone, not on batches, devices, or on what was drawn before.

    Args:
        seed: Of the training.
        epoch: From 0.
        count: Samples in the epoch.

    Returns:
        int64 (count,) on the CPU; any value.

    Example:
        >>> sample_seeds(0, 3, 100)[7] == sample_seeds(0, 3, 8)[7]
        tensor(True)
    """
    import torch

    training = torch.tensor(_signed(seed))
    return child_seeds(child_seeds(training, epoch), torch.arange(count))


def child_seeds(seeds: Tensor, number: int | Tensor) -> Tensor:
    """Further seeds from seeds: one for each of several operations, views or dates of a sample.

    Args:
        seeds: int64, any shape.
        number: Which child, 0 or more; of a shape that broadcasts with the seeds.

    Returns:
        int64, as independent of each other and of what is drawn from `seeds` as draws are.
    """
    import torch

    position = torch.as_tensor(number, device=seeds.device) + 1
    return _mixed(_mixed(seeds + _signed(_OTHER_STREAM)) + position * _signed(_STEP))


def bits(seeds_B: Tensor, count: int) -> Tensor:
    """Random bits: the first numbers that splitmix64 gives from each seed.

    Returns:
        int64 (B, count), all 64 bits random, on the device of the seeds.
    """
    return _mixed_in_place(_states(seeds_B, 0, count))


def uniform(seeds_B: Tensor, count: int) -> Tensor:
    """Even draws from [0, 1), multiples of 2^-24.

    Args:
        seeds_B: int64, one per sample.
        count: Draws for each.

    Returns:
        float32 (B, count), on the device of the seeds.

    Example:
        >>> draws = uniform(sample_seeds(0, 0, 1000), 2)
        >>> draws.shape, bool((draws.mean() - 0.5).abs() < 0.05)
        (torch.Size([1000, 2]), True)
    """
    return _shifted(bits(seeds_B, count), 40).float() * 2.0**-24


def normal(seeds_B: Tensor, count: int) -> Tensor:
    """Draws from the normal distribution of mean 0 and deviation 1, by Box and Muller 1958.

    Two draws are made of each word of `bits`: angle and radius, of 24 bits each.

    Returns:
        float32 (B, count), on the device of the seeds; equal on all devices up to rounding.
    """
    import torch

    half = (count + 1) // 2
    drawn = torch.empty((len(seeds_B), 2 * half), device=seeds_B.device)
    # In pieces that stay in the processor's cache; a GPU takes all at once.
    most = half if seeds_B.device.type != "cpu" else _PIECE
    rows = max(1, most // max(half, 1))
    for seeds, part in zip(torch.split(seeds_B, rows), torch.split(drawn, rows), strict=True):
        for start in range(0, half, most):
            stop = min(start + most, half)
            words = _mixed_in_place(_states(seeds, start, stop))
            radius = _shifted(words, 40).float().mul_(2.0**-24).add_(2.0**-25)
            radius.log_().mul_(-2).sqrt_()
            words >>= 16
            angle = words.bitwise_and_(0xFFFFFF).float().mul_(2 * torch.pi * 2.0**-24)
            torch.mul(radius, angle.cos(), out=part[:, start:stop])
            torch.mul(radius, angle.sin_(), out=part[:, half + start : half + stop])
    return drawn[:, :count]


def _states(seeds_B: Tensor, start: int, stop: int) -> Tensor:
    """What `bits` mixes for its numbers from `start` to `stop`."""
    import torch

    numbers = torch.arange(start + 1, stop + 1, device=seeds_B.device)
    return seeds_B[:, None] + numbers * _signed(_STEP)


def _mixed_in_place(state: Tensor) -> Tensor:
    """As `_mixed`, in the memory of the states."""
    import torch

    scratch = torch.empty_like(state)
    for places, factor in ((30, _FIRST_FACTOR), (27, _SECOND_FACTOR), (31, 1)):
        torch.bitwise_right_shift(state, places, out=scratch)
        state ^= scratch.bitwise_and_((1 << (64 - places)) - 1)
        if factor != 1:
            state *= _signed(factor)
    return state


def symmetric_beta(seeds_B: Tensor, alpha: float) -> Tensor:
    """A draw from Beta(alpha, alpha) of each seed, without rejection.

    Args:
        seeds_B: int64, one per sample.
        alpha: Above 0.

    Returns:
        float32 (B,) in [0, 1], on the device of the seeds.

    Source:
        Bailey 1994, doi:10.2307/2153537: t / sqrt(nu) = sqrt(u^(-2 / nu) - 1) cos(2 pi v) of Student's t with
        nu degrees of freedom, and 1/2 + t / (2 sqrt(nu + t^2)) is of Beta(nu / 2, nu / 2).
    """
    import torch

    first, second = uniform(seeds_B, 2).double().unbind(1)
    power = (first + 2.0**-25) ** (1 / alpha)
    odds = power / (1 - power)
    cosine = torch.cos(2 * torch.pi * (second + 2.0**-25))
    root = (cosine**2 + odds).sqrt().clamp(min=1e-150)
    # (root - |cosine|) / (2 root), without the difference of near equals.
    lesser = (odds / (2 * root * (root + cosine.abs()))).clamp(max=0.5)
    return torch.where(cosine > 0, 1 - lesser, lesser).float()


def integers(seeds_B: Tensor, count: int, below: int) -> Tensor:
    """Even draws from 0 to `below` - 1, to one in 2^32 / below.

    Args:
        seeds_B: int64, one per sample.
        count: Draws for each.
        below: 1 to 2^31.

    Returns:
        int64 (B, count), on the device of the seeds.
    """
    return (_shifted(bits(seeds_B, count), 32) * below) >> 32


def _mixed(state: Tensor) -> Tensor:
    """splitmix64's output function; products wrap around, as they do in int64."""
    state = (state ^ _shifted(state, 30)) * _signed(_FIRST_FACTOR)
    state = (state ^ _shifted(state, 27)) * _signed(_SECOND_FACTOR)
    return state ^ _shifted(state, 31)


def _shifted(state: Tensor, places: int) -> Tensor:
    """To the right, with zeros from the left: torch has no such shift for int64."""
    return (state >> places) & ((1 << (64 - places)) - 1)


def _signed(number: int) -> int:
    """The int64 of the same 64 bits."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number
