"""Starting a network from weights that were trained before, on the bands that there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from ...core.bands import Band, as_band
from ...core.errors import ModelError
from ..adapt import BandSources, adapt_filters
from ..weights import check_finite
from .fetch import require_loadable
from .places import Places
from .table import PretrainedWeights

log = logging.getLogger(__name__)

_POSITIONS = "pos_embed"
_NAMED = 5
AGAIN = "it is not the file that these weights are known by: download it again"


@dataclass(frozen=True, slots=True)
class Start:
    """What a network was started from."""

    name: str
    """Of the weights."""
    sources: BandSources
    fresh: tuple[str, ...]
    """Names of tensors that stayed as they were: mostly those of the last layer."""
    note: str | None = None
    """How the weights were found to be the network's, where not by name."""

    @property
    def text(self) -> str:
        """For the log and a model's card."""
        layers = {name.rpartition(".")[0] for name in self.fresh}
        if len(layers) > _NAMED:
            layers = {name.partition(".")[0] for name in self.fresh}
        parts = (
            self.sources.text,
            f"new: {', '.join(sorted(layers))}" if layers else "",
            self.note or "",
        )
        return f"{self.name}: {'; '.join(part for part in parts if part)}"


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
    if weights.architecture not in (None, name):
        raise ModelError(
            f"{weights.name} are weights of {weights.architecture!r}, not of {name!r}; give that model, or "
            f"one of list_weights(architecture={name!r})"
        )
    if bands is None and not weights.bands:
        return tuple(Band(f"band_{number}") for number in range(1, in_channels + 1))
    given = own_bands(weights) if bands is None else tuple(as_band(band) for band in bands)
    if len(given) != in_channels:
        whose = "the weights know" if bands is None else "bands names"
        raise ModelError(
            f"in_channels is {in_channels}, and {whose} {len(given)} "
            f"({', '.join(band.name for band in given)}); give bands=[...], one for each channel"
        )
    return given


@dataclass(frozen=True, slots=True)
class Stored:
    """The tensors of a file, under a network's names."""

    state: Mapping[str, Tensor]
    where: str
    """Their file, for messages."""
    fix: str = AGAIN
    """What to do about a file that does not fit, for messages."""
    note: str | None = None
    """How they were found to be the network's, where not by name."""

    def without(self, heads: tuple[str, ...]) -> Self:
        """The same without the tensors whose names begin so."""
        state = {name: t for name, t in self.state.items() if not name.startswith(heads)}
        return replace(self, state=state)


def start_from(
    network: nn.Module, name: str, stored: Stored, found: BandSources, places: Places | None = None
) -> Start:
    """Put the tensors of a file into a fresh network.

    Args:
        network: With as many input channels as `found` has bands.
        name: Of the weights.
        stored: The file's.
        found: Where the network's channels are among the bands of the weights.
        places: As for `fit_state`.

    Raises:
        ModelError: the file lacks tensors of the network or holds others; the message names some.
    """
    taken = fit_state(network, stored, found, places)
    check_finite(taken, stored.where, stored.fix)
    network.load_state_dict(taken, strict=False)
    fresh = tuple(n for n in network.state_dict() if n not in taken)
    start = Start(name, found, fresh, stored.note)
    log.info("started from %s", start.text)
    return start


def fit_state(
    network: nn.Module, stored: Stored, found: BandSources, places: Places | None = None
) -> dict[str, Tensor]:
    """Pretrained tensors as a network has them.

    The filters that see the bands are brought to those that there are, a table of positions to the images'
    size. All others have to be those of the network, apart from the last layer, which is left out where it
    tells something else.

    Args:
        network: Fresh; may lie on torch's `meta` device.
        stored: The file's.
        found: Where the network's channels are among the bands of the weights.
        places: Which tensors those are; None: of a network of the table of weights.

    Raises:
        ModelError: tensors are missing, left over, or of another shape.
    """
    places = places or Places.by_name(network)
    state, expected = dict(stored.state), network.state_dict()
    for name in [n for n in state if n.startswith(places.heads) and _differs(n, state, expected)]:
        del state[name]
    _fit_filters(state, expected, found, places, stored)
    _fit_positions(network, state, expected)
    optional = (*places.heads, *places.may_lack)
    lacking = [n for n in expected if n not in state and not n.startswith(optional)]
    strange = [
        n for n in state if n not in expected and not n.startswith(places.may_lack or ("\0",))
    ]
    other = [n for n in state if n in expected and not _alike(state[n], expected[n])]
    if lacking or strange or other:
        wrong = (
            ("lacks", lacking),
            ("has no place for", strange),
            ("differs in the shape or type of", other),
        )
        listed = "; ".join(f"it {what} {', '.join(n[:_NAMED])}" for what, n in wrong if n)
        raise ModelError(f"{stored.where} does not fit the network: {listed}; {stored.fix}")
    return {name: tensor for name, tensor in state.items() if name in expected}


def _fit_filters(
    state: dict[str, Tensor],
    expected: Mapping[str, Tensor],
    found: BandSources,
    places: Places,
    file: Stored,
) -> None:
    """Bring the filters that see the bands to those that there are."""
    for name in places.filters:
        stored, wanted = state.get(name), expected.get(name)
        if wanted is None or stored is None or (found.same and stored.shape == wanted.shape):
            continue
        if stored.ndim < 2 or stored.shape[1] != len(found.known):
            raise ModelError(
                f"{file.where}: {name} is {tuple(stored.shape)}, expected filters of {len(found.known)} "
                f"bands ({', '.join(found.known)}); {file.fix}"
            )
        if wanted.ndim != stored.ndim or wanted.shape[1] != len(found.sources):
            raise ModelError(
                f"{name} of the network is {tuple(wanted.shape)} and has no filter of its own for each band, "
                "so that weights of other bands cannot be fitted to it: give the bands "
                f"{', '.join(found.known)}, in this order, or another network"
            )
        state[name] = adapt_filters(stored, wanted, found)


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


def _alike(tensor: Tensor, wanted: Tensor) -> bool:
    return tensor.shape == wanted.shape and tensor.is_floating_point() == wanted.is_floating_point()


def _differs(name: str, state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    return name not in expected or torch.Size(state[name].shape) != expected[name].shape
