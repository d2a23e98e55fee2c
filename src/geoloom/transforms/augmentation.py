"""What an augmentation is: batches altered by draws that follow from a seed for each sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from .draws import child_seeds

if TYPE_CHECKING:
    from torch import Tensor


class Augmentation(Protocol):
    """A random change to the samples of a batch, each by its own seed.

    Guarantee that it gives: a sample's result depends on that sample and its seed alone. So it is the same
    however a batch is divided among devices, and in a training that was stopped and resumed. One that puts
    samples of a batch together cannot give it: it has an attribute `alone = False`, and trainings on several
    devices refuse it.
    `transforms.draws` has the draws; `drawn_by_torch` makes one of a function that draws from torch's own
    generator.

    Example:
        >>> import torch
        >>> from geoloom.transforms import draws
        >>> def dimmed(batch, seeds_B):
        ...     factor_B = 1 - 0.5 * draws.uniform(seeds_B, 1)[:, 0]
        ...     return {**batch, "image": batch["image"] * factor_B[:, None, None, None]}
        >>> batch = {"image": torch.ones(4, 1, 2, 2)}
        >>> dimmed(batch, draws.sample_seeds(0, 0, 4))["image"].shape
        torch.Size([4, 1, 2, 2])
    """

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> Mapping[str, Any]:
        """The batch altered, as a new dict.

        Args:
            batch: Tensors with a leading batch axis, on any device.
            seeds_B: int64, on the CPU where a data module gives them.
        """
        ...


def in_turn(
    batch: Mapping[str, Any], seeds_B: Tensor, augmentations: Sequence[Augmentation]
) -> Mapping[str, Any]:
    """Several augmentations, one after the other, each with draws of its own."""
    for number, augmentation in enumerate(augmentations):
        batch = augmentation(batch, child_seeds(seeds_B, number))
    return batch


def drawn_by_torch(function: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Augmentation:
    """An augmentation of a function that draws from torch's own generator, as Kornia's and torchvision's do.

    The function is called for one sample after the other, with torch's generator set to the sample's seed and
    put back afterwards. Draws on a GPU differ from those on the CPU.

    Args:
        function: From a batch of one sample to the batch altered.

    Example:
        >>> import torch
        >>> noisy = drawn_by_torch(lambda one: {**one, "image": torch.rand_like(one["image"])})
        >>> batch, seeds = {"image": torch.zeros(2, 1, 4, 4)}, torch.tensor([5, 5])
        >>> image = noisy(batch, seeds)["image"]
        >>> bool((image[0] == image[1]).all())
        True
    """
    return partial(_by_torch, function)


def _by_torch(
    function: Callable[[dict[str, Any]], Mapping[str, Any]],
    batch: Mapping[str, Any],
    seeds_B: Tensor,
) -> Mapping[str, Any]:
    import torch

    devices = {value.device for value in batch.values() if isinstance(value, torch.Tensor)}
    gpus = [device for device in devices if device.type == "cuda"]
    results = []
    with torch.random.fork_rng(gpus):
        for i, seed in enumerate(seeds_B.tolist()):
            # Not torch.manual_seed, which would set the generators of all GPUs and leave them so.
            torch.default_generator.manual_seed(seed)
            for gpu in gpus:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(seed)
            results.append(function({key: value[i : i + 1] for key, value in batch.items()}))
    return {key: _joined([result[key] for result in results]) for key in results[0]}


def _joined(parts: Sequence[Any]) -> Any:
    import torch

    if isinstance(parts[0], torch.Tensor):
        return torch.cat(list(parts))
    return [value for part in parts for value in part]
