"""What a network begins with: random weights, pretrained ones, or those of an earlier model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch import nn

from ...core.bands import Band
from ...core.errors import ModelError
from ..adapt import Missing
from ..identity import WEIGHTS_FILE
from ..weights import load_weights
from .fetch import download_weights
from .start import check_start, start_from
from .table import PretrainedWeights, named_weights


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is put into a fresh network."""

    network: str
    """Its name."""
    pretrained: PretrainedWeights | None = None
    file: Path | None = None
    """Weights of this very network, where none are named."""
    bands: tuple[Band, ...] = ()
    """What its channels are; of pretrained weights alone."""
    missing_bands: Missing = "mean"

    @classmethod
    def of(
        cls,
        weights: str | Path | None,
        network: str,
        in_channels: int,
        bands: Sequence[Band | str] | None = None,
        missing_bands: Missing = "mean",
    ) -> Self:
        """As `create_model` is asked for it. Nothing is read or fetched yet.

        Raises:
            ModelError: no weights are named so, or they do not go with the network or its channels.
        """
        pretrained = named_weights(weights)
        if pretrained is not None:
            given = check_start(pretrained, network, in_channels, bands)
            return cls(network, pretrained, bands=given, missing_bands=missing_bands)
        if weights is None:
            return cls(network)
        path = Path(weights)
        return cls(network, file=path / WEIGHTS_FILE if path.is_dir() else path)

    @property
    def options(self) -> Mapping[str, Any]:
        """Of the network that the weights are for."""
        return {} if self.pretrained is None else self.pretrained.options

    def put_into(self, network: nn.Module) -> str | None:
        """Fill a fresh network; pretrained weights are fetched where they are not here yet.

        Returns:
            What was done, for a model's card; None where the weights stayed random.

        Raises:
            ModelError: the weights are another network's, or their file is not there.
            BandError: pretrained weights know none of the bands.
            ReadError: pretrained weights cannot be fetched.
        """
        if self.pretrained is not None:
            path = download_weights(self.pretrained)
            start = start_from(
                network, self.pretrained, path, bands=self.bands, missing=self.missing_bands
            )
            return start.text
        if self.file is None:
            return None
        what = f"{self.network!r} as it is asked for"
        try:
            state = load_weights(self.file, network.state_dict(), what)
        except FileNotFoundError as error:
            raise ModelError(
                f"{self.file} does not exist; give a model folder, a safetensors file, or one of "
                "list_weights()"
            ) from error
        network.load_state_dict(state)
        return str(self.file)
