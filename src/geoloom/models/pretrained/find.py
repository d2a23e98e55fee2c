"""Weights as users give them: by a name, as `imagenet`, or as a folder or file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.bands import Band
from ...core.errors import ModelError
from .fetch import require_loadable
from .own import own_weights
from .table import IMAGENET, PretrainedWeights, get_weights, is_path


def find_weights(
    given: str | Path | None,
    network: str,
    options: Mapping[str, Any],
    bands: Sequence[Band | str] | None = None,
) -> PretrainedWeights | None:
    """What is known of the weights that a network shall begin with. Nothing is fetched.

    Args:
        given: A name, `imagenet`, a model folder or a file of weights; None for random ones.
        network: The network's name, which `imagenet` depends on.
        options: Of the network, likewise.
        bands: What the filters of a file without a card are of.

    Raises:
        ModelError: there are no such weights, no network here can begin with them, or bands are given for
            weights whose bands are known.
    """
    if given is None:
        found = None
    elif is_path(given):
        return own_weights(given, bands)
    elif given == IMAGENET:
        from .hub import imagenet_weights

        found = imagenet_weights(network, options)
    else:
        found = get_weights(str(given))
    if bands is not None:
        why = "no weights are given" if found is None else f"the bands of {found.name} are known"
        raise ModelError(
            f"weights_bands say what the filters of a file of weights are of, and {why}; leave them out"
        )
    if found is not None:
        require_loadable(found)
    return found
