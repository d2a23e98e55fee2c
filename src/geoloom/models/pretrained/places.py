"""Which tensors of a network follow from its bands, and which from what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn

from ..adapt import first_convolution

Outline = Callable[[int, int], Mapping[str, Tensor]]
"""From numbers of bands and of outputs to the tensors that a network would have, without their memory."""

_HEADS = ("head.", "fc.", "classifier.", "segmentation_head.")
"""Beginnings of the names of last layers, which belong to what the weights were trained for."""
_MAY_LACK = ("norm.", "fc_norm.")
"""Last normalisations that encoders are given away without."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a network that is to begin with weights may differ from the one that they are of."""

    filters: tuple[str, ...]
    """Names of the tensors that see the bands."""
    heads: tuple[str, ...]
    """Beginnings of the names of those that tell what the network gives."""
    may_lack: tuple[str, ...] = ()
    """Beginnings of the names of those that may stay as they are."""

    @classmethod
    def by_name(cls, network: nn.Module) -> Self:
        """Of the networks that the table of weights is for: by what others call their last layers."""
        return cls((first_convolution(network),), _HEADS, _MAY_LACK)

    @classmethod
    def by_shape(cls, outline: Outline, in_channels: int) -> Self:
        """Of any network: what changes with one band more, and with one output more."""
        own = outline(in_channels, 2)
        return cls(
            _changed(own, outline(in_channels + 1, 2)), _changed(own, outline(in_channels, 3))
        )

    @classmethod
    def around_encoder(cls, network: nn.Module, prefix: str) -> Self:
        """Of a network whose encoder alone gets weights: all others stay as they are."""
        others = {
            name.partition(".")[0] + "."
            for name in network.state_dict()
            if not name.startswith(prefix)
        }
        return cls((first_convolution(network),), tuple(sorted(others)))


def _changed(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names of tensors that one of the two lacks, or that differ in shape."""
    return tuple(
        name
        for name in dict.fromkeys([*own, *other])
        if name not in own or name not in other or own[name].shape != other[name].shape
    )
