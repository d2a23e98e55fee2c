"""Weights of the very network under a stranger's names: told by order and shape, where there is no doubt."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .places import Places


def names_in_order(
    stored: Mapping[str, Tensor], expected: Mapping[str, Tensor], places: Places
) -> dict[str, str] | None:
    """The network's name of each stored tensor, where both list the same tensors in the same order.

    That is: as many; at each position the same shape and the same last part of the name (`weight`, `bias`,
    `running_mean`, ...), so that tensors of a module are not confused; and the modules of one side are those
    of the other, one to one. Numbers of bands (of the filters) and of outputs (of the last layer) are free.

    Args:
        stored: In the order of their file, which only files of torch keep: safetensors sort theirs.
        expected: The network's, in its own order.
        places: Which of its tensors follow from bands and outputs.

    Returns:
        Stored name to the network's; None where they are not the same.

    Example:
        >>> import torch
        >>> theirs = {"stem.weight": torch.zeros(4, 3, 3, 3), "top.weight": torch.zeros(10, 4)}
        >>> ours = {"conv.weight": torch.zeros(4, 6, 3, 3), "fc.weight": torch.zeros(2, 4)}
        >>> names_in_order(theirs, ours, Places(("conv.weight",), ("fc.weight",)))
        {'stem.weight': 'conv.weight', 'top.weight': 'fc.weight'}
    """
    if len(stored) != len(expected):
        return None
    modules: dict[str, str] = {}
    pairs = dict(zip(stored, expected, strict=True))
    for theirs, ours in pairs.items():
        module, _, what = theirs.rpartition(".")
        own_module, _, own_what = ours.rpartition(".")
        if what != own_what or modules.setdefault(module, own_module) != own_module:
            return None
        if _fixed(tuple(stored[theirs].shape), ours, places) != _fixed(
            tuple(expected[ours].shape), ours, places
        ):
            return None
    return pairs if len(set(modules.values())) == len(modules) else None


def _fixed(shape: tuple[int, ...], name: str, places: Places) -> tuple[int | None, ...]:
    """A shape without the numbers that follow from bands and outputs."""
    free = {0} if name in places.heads else set()
    free |= {1} if name in places.filters else set()
    return tuple(None if axis in free else side for axis, side in enumerate(shape))
