"""Starting a network from weights that others have trained, on the bands that there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...core.bands import Band, as_band
from ...core.errors import ModelError
from ..adapt import BandSources, Missing, adapt_filters, first_convolution, match_known
from ..weights import check_finite
from .fetch import read_state, require_loadable
from .table import PretrainedWeights

log = logging.getLogger(__name__)

_HEADS = ("head.", "fc.", "classifier.", "segmentation_head.")
"""Beginnings of the names of last layers, which belong to what the weights were trained for."""
_MAY_LACK = ("norm.", "fc_norm.")
"""Last normalisations that encoders are given away without."""
_POSITIONS = "pos_embed"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Start:
    """What a network was started from."""

    weights: PretrainedWeights
    sources: BandSources
    fresh: tuple[str, ...]
    """Names of tensors that stayed as they were: mostly those of the last layer."""

    @property
    def text(self) -> str:
        """For the log and a model's card."""
        layers = sorted({name.rpartition(".")[0] for name in self.fresh})
        new = f"; new: {', '.join(layers)}" if layers else ""
        return f"{self.weights.name}: {self.sources.text}{new}"


def own_bands(weights: PretrainedWeights) -> tuple[Band, ...]:
    """The bands that weights know, as bands of stored numbers in the units that they want."""
    return tuple(Band(band.name, band.role, unit=band.unit) for band in weights.bands)


def check_start(
    weights: PretrainedWeights,
    name: str,
    in_channels: int,
    bands: Sequence[Band | str] | None,
) -> tuple[Band, ...]:
    """What the channels of a network are that is to be started from weights.

    Args:
        weights: Which.
        name: The network's.
        in_channels: Its channels.
        bands: What they are, as `create_model` is given them; None: those of the weights, in their order.

    Raises:
        ModelError: the weights are another network's, nothing can start from them, or there are more or
            fewer bands than channels.
    """
    require_loadable(weights)
    if weights.architecture != name:
        raise ModelError(
            f"{weights.name} are weights of {weights.architecture!r}, not of {name!r}; give that model, or "
            f"one of list_weights(architecture={name!r})"
        )
    given = own_bands(weights) if bands is None else tuple(as_band(band) for band in bands)
    if len(given) != in_channels:
        whose = "the weights know" if bands is None else "bands names"
        raise ModelError(
            f"in_channels is {in_channels}, and {whose} {len(given)} "
            f"({', '.join(band.name for band in given)}); give bands=[...], one for each channel"
        )
    return given


def start_from(
    network: nn.Module,
    weights: PretrainedWeights,
    path: Path,
    *,
    bands: Sequence[Band] | None = None,
    missing: Missing = "mean",
) -> Start:
    """Put pretrained weights into a fresh network.

    Args:
        network: Of `weights.architecture`, with as many input channels as `bands`.
        weights: Which.
        path: Their file, as `download_weights` keeps it.
        bands: What the network's channels are; None: those of the weights, in their order.
        missing: What a band gets that the weights do not know; see `adapt.Missing`.

    Raises:
        ModelError: the file lacks tensors of the network or holds others; the message names some.
        BandError: none of the bands is known to the weights, or two are the same one.
    """
    given = own_bands(weights) if bands is None else bands
    found = match_known(given, weights.bands, missing=missing)
    taken = fit_state(network, read_state(path), found, str(path))
    check_finite(taken, str(path), "download it again")
    network.load_state_dict(taken, strict=False)
    start = Start(weights, found, tuple(n for n in network.state_dict() if n not in taken))
    log.info("started from %s", start.text)
    return start


def fit_state(
    network: nn.Module, stored: Mapping[str, Tensor], found: BandSources, where: str
) -> dict[str, Tensor]:
    """Pretrained tensors as a network has them.

    The first filters are brought to the bands, a table of positions to the images' size. All others have to
    be those of the network, apart from the last layer, which is left out where it tells something else.

    Args:
        network: Fresh; may lie on torch's `meta` device.
        stored: Under the network's names.
        found: Where the network's channels are among the bands of the weights.
        where: Their file, for messages.

    Raises:
        ModelError: tensors are missing, left over, or of another shape.
    """
    state, expected = dict(stored), network.state_dict()
    _fit_first(network, state, expected, found, where)
    _fit_positions(network, state, expected)
    for name in [n for n in state if n.startswith(_HEADS) and _differs(n, state, expected)]:
        del state[name]
    lacking = [n for n in expected if n not in state and not n.startswith((*_HEADS, *_MAY_LACK))]
    strange = [n for n in state if n not in expected and not n.startswith(_MAY_LACK)]
    other = [n for n in state if n in expected and state[n].shape != expected[n].shape]
    if lacking or strange or other:
        wrong = (
            ("lacks", lacking),
            ("has no place for", strange),
            ("differs in the shape of", other),
        )
        listed = "; ".join(f"it {what} {', '.join(n[:_NAMED])}" for what, n in wrong if n)
        raise ModelError(
            f"{where} does not fit the network: {listed}; it is not the file that these weights are known "
            "by: download it again"
        )
    return {name: tensor for name, tensor in state.items() if name in expected}


def _fit_first(
    network: nn.Module,
    state: dict[str, Tensor],
    expected: Mapping[str, Tensor],
    found: BandSources,
    where: str,
) -> None:
    """Bring the first filters to the bands that there are."""
    name = first_convolution(network)
    stored = state.get(name)
    if stored is None or stored.ndim < 2 or stored.shape[1] != len(found.known):
        shape = "missing" if stored is None else str(tuple(stored.shape))
        raise ModelError(
            f"{where}: {name} is {shape}, expected filters of {len(found.known)} bands; it is not the file "
            "that these weights are known by: download it again"
        )
    state[name] = adapt_filters(stored, expected[name], found)


def _fit_positions(
    network: nn.Module, state: dict[str, Tensor], expected: Mapping[str, Tensor]
) -> None:
    """Bring a transformer's table of positions to the images' size."""
    stored, wanted = state.get(_POSITIONS), expected.get(_POSITIONS)
    if stored is None or wanted is None or stored.shape == wanted.shape:
        return
    from timm.layers.pos_embed import resample_abs_pos_embed

    prefix = int(getattr(network, "num_prefix_tokens", 1))
    side = int((wanted.shape[1] - prefix) ** 0.5)
    state[_POSITIONS] = resample_abs_pos_embed(
        stored, new_size=[side, side], num_prefix_tokens=prefix
    )


def _differs(name: str, state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    return name not in expected or torch.Size(state[name].shape) != expected[name].shape
