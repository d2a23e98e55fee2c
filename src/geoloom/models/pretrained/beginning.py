"""What a network begins with: random weights, pretrained ones, or those of an earlier model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from torch import nn

from ...core.bands import Band
from ...core.outputs import Outputs
from ..adapt import BandSources, Missing, match_known
from .fetch import download_weights, read_state
from .find import find_weights
from .layouts import as_features
from .own import outputs_of, read_own
from .places import Outline, Places
from .start import Stored, check_start, start_from
from .table import TIMM, PretrainedWeights


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is put into a fresh network."""

    weights: PretrainedWeights | None = None
    """None for random ones."""
    sources: BandSources | None = None
    """Where the network's bands are among those of the weights; None as above."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the network: those that the weights are of, and those given."""

    @classmethod
    def of(
        cls,
        weights: str | Path | None,
        network: str,
        in_channels: int,
        bands: Sequence[Band | str] | None = None,
        missing_bands: Missing = "mean",
        weights_bands: Sequence[Band | str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """As `create_model` is asked for it. Nothing is fetched yet.

        Raises:
            ModelError: there are no such weights, or they do not go with the network or its channels.
            BandError: the weights know none of the bands.
        """
        known = find_weights(weights, network, options or {}, weights_bands)
        if known is None:
            return cls(options=options or {})
        given = check_start(known, network, in_channels, bands)
        sources = (
            match_known(given, known.bands, missing=missing_bands)
            if known.bands
            else BandSources.alike(given)
        )
        return cls(known, sources, {**known.options, **(options or {})})

    def put_into(
        self, network: nn.Module, outline: Outline, outputs: Outputs | None = None
    ) -> str | None:
        """Fill a fresh network; pretrained weights are fetched where they are not here yet.

        Args:
            network: With as many input channels as bands were given.
            outline: Of networks like it.
            outputs: What it shall give, where known: the last layer of a model that gave something else is
                not taken.

        Returns:
            What was done, for a model's card; None where the weights stayed random.

        Raises:
            ModelError: the weights are another network's, or their file is not what it should be.
            ReadError: pretrained weights cannot be fetched.
        """
        weights, sources = self.weights, self.sources
        if weights is None or sources is None:
            return None
        places = _places(network, weights, outline, len(sources.bands))
        if weights.is_here:
            stored = read_own(weights, outline, len(sources.bands), places)
            before = outputs_of(weights)
            if outputs is not None and before is not None and before.names != outputs.names:
                stored = stored.without(places.heads)
        else:
            path = download_weights(weights)
            state = read_state(path)
            if weights.layout == "tu_encoder":
                state = as_features(state, network.state_dict(), "encoder.model.")
            stored = Stored(state, str(path))
        return start_from(network, weights.name, stored, sources, places).text


def _places(
    network: nn.Module, weights: PretrainedWeights, outline: Outline, in_channels: int
) -> Places:
    """Which of the network's tensors may differ from those of the weights."""
    if weights.layout in ("smp_encoder", "tu_encoder"):
        return Places.around_encoder(network, "encoder.")
    if weights.is_here or weights.name.startswith(TIMM):
        return Places.by_shape(outline, in_channels)
    return Places.by_name(network)
