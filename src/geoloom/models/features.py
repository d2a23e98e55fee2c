"""The features that a network makes its answers of: the network without its last layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.errors import ModelError
from ..core.outputs import FeatureOutputs
from .card import ModelCard
from .listing import get_spec

if TYPE_CHECKING:
    from torch import nn

    from .saved import LoadedModel


def feature_outputs(card: ModelCard) -> FeatureOutputs:
    """The features of a model, without its weights.

    Raises:
        ModelError: its network has none; the message says which have.
    """
    if isinstance(card.outputs, FeatureOutputs):
        return card.outputs
    import torch

    try:
        with torch.device("meta"):  # no memory for it
            network = _encoder(card)
    except NotImplementedError:  # a few of timm compute with their first weights
        network = _encoder(card)
    return FeatureOutputs(int(network.head_hidden_size))  # type: ignore[arg-type]


def encoder_of(model: LoadedModel) -> LoadedModel:
    """The same model without its last layer, which gives features (B, D) in place of answers.

    Guarantee: the features are what the last layer gets, with the trained weights; normalisation and bands
    are the model's.

    Raises:
        ModelError: its network has none.
    """
    from .saved import LoadedModel

    outputs = feature_outputs(model.card)
    if outputs == model.outputs:
        return model
    network, trained = _encoder(model.card), model.network.state_dict()
    wanted = network.state_dict()
    first = next(iter(wanted))
    # The encoder may be a part of the whole network, under a name of its own: `random.filters`.
    for prefix in sorted({key[: -len(first)] for key in trained if key.endswith(first)}, key=len):
        named = {key: trained.get(prefix + key) for key in wanted}
        if all(w is not None and w.shape == wanted[key].shape for key, w in named.items()):
            network.load_state_dict(named)
            return LoadedModel.of(network, replace(model.card, outputs=outputs), model.device)
    raise ModelError(
        f"{model.card.architecture} does not keep the weights of its features under names of their own; "
        "features are those of networks such as timm/resnet18 or rcf"
    )


def _encoder(card: ModelCard) -> nn.Module:
    spec = get_spec(card.architecture)
    if spec.encode is None:
        raise ModelError(
            f"{card.architecture} answers for each {'pixel' if 'pixels' in spec.gives else 'image'} and has "
            "no features of an image; take a model of a network that has, such as timm/resnet18 or rcf"
        )
    return spec.encode(len(card.bands), **card.options)
