"""The folder that a trained network lives in: `weights.safetensors` and `model.json`. Never a pickle.

Legend: B batch, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._version import __version__
from ..core.classes import Classes
from ..core.errors import ModelError
from ..core.files import hold, may_fill, write_text, writing
from ..core.outputs import Outputs
from ..transforms.normalize import Normalization
from .card import ModelCard
from .card import read_card as read_card
from .identity import CARD_FILE as CARD_FILE
from .identity import WEIGHTS_FILE as WEIGHTS_FILE
from .listing import get_spec
from .per_pixel import PerPixel
from .pipeline import Pipeline
from .plugin import Plugin
from .registry import built_in, create_model, outline
from .specs import Dates, unwrapped
from .weights import load_weights, save_weights


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network in evaluation mode with all that it knows of its input; a predictor for whole scenes.

    Example:
        >>> from geoloom.core import Band, Classes, ClassOutputs
        >>> from geoloom.models import ModelCard, create_model
        >>> bands = Band.named("red"), Band.named("nir")
        >>> outputs = ClassOutputs(Classes.of(["forest", "other"]))
        >>> card = ModelCard("unet", {"width": 0.125}, bands, outputs)
        >>> model = LoadedModel.of(create_model("unet", 2, 2, width=0.125), card)
        >>> model(torch.zeros(1, 2, 5, 7), torch.ones(1, 5, 7, dtype=torch.bool)).shape
        torch.Size([1, 2, 5, 7])
    """

    pipeline: Pipeline
    card: ModelCard
    device: torch.device

    @classmethod
    def of(
        cls, network: nn.Module, card: ModelCard, device: str | torch.device = "cpu"
    ) -> LoadedModel:
        """A network in memory as a predictor; the network itself is switched to evaluation and moved."""
        where = torch.device(device)
        network = network.eval().to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        rule, spec = card.normalization, get_spec(card.architecture)
        if spec.takes == "BTC":
            network = PerPixel(network, spec.inputs)
        pipeline = Pipeline(
            network,
            card.outputs,
            None if rule is None else Normalization.from_dict(rule),
            spec.inputs,
        )
        return cls(pipeline.eval(), card, where)

    @property
    def network(self) -> nn.Module:
        """From a normalised image to raw answers."""
        return self.pipeline.network

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the input's channels."""
        return self.card.band_names

    @property
    def outputs(self) -> Outputs:
        """What it gives."""
        return self.card.outputs

    @property
    def classes(self) -> Classes:
        """What the outputs mean, where they are classes."""
        return self.card.classes

    @property
    def dates(self) -> Dates:
        """How many dates it sees at once."""
        return self.card.dates

    def __call__(
        self, image_BCHW: Tensor, valid_BHW: Tensor, times_BT: Tensor | None = None
    ) -> Tensor:
        """Finished answers to raw imagery: probabilities of classes, or values in their units.

        Args:
            image_BCHW: float32 in the training data's own numbers; normalised inside. Of a network over
                series (B, T, C, H, W).
            valid_BHW: bool, True = observed; of a series (B, T, H, W).
            times_BT: Of a series: float64, seconds since 1970 UTC.

        Returns:
            As `Pipeline.predict`, on the image's device: float32 (B, K, H, W), or (B, K) per image.

        Raises:
            ModelError: the image has another number of bands than the model.
        """
        if image_BCHW.shape[-3] != len(self.bands):
            raise ModelError(
                f"the image has {image_BCHW.shape[-3]} bands, the model reads {len(self.bands)}: "
                f"{', '.join(self.bands)}"
            )
        image = image_BCHW.to(self.device, torch.float32)
        others = {}
        if times_BT is not None and "times" in self.pipeline.inputs:
            others = {"times": times_BT.to(self.device)}
        observed = valid_BHW.to(self.device)
        return self.pipeline.predict(image, observed, **others).to(image_BCHW.device)


def save_model(
    folder: str | Path, network: nn.Module, card: ModelCard, *, overwrite: bool = False
) -> Path:
    """Write weights and card into a folder, each whole or not at all.

    Returns:
        The folder.

    Raises:
        WriteError: the folder holds a model and `overwrite` is False, or the system refuses.
    """
    path = Path(folder)
    may_fill(path, CARD_FILE, "a model", overwrite=overwrite)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    values = replace(card, version=card.version or __version__).to_dict()
    with hold(path):
        # A folder with a card is a model: the old one's card goes first, and the new one's comes last.
        (path / CARD_FILE).unlink(missing_ok=True)
        save_weights(path / WEIGHTS_FILE, network, within=path)
        write_json(path / CARD_FILE, values, within=path)
    return path


def load_model(folder: str | Path, device: str | torch.device = "cpu") -> LoadedModel:
    """Read a model folder.

    Args:
        folder: As `save_model` or `train` wrote it.
        device: Where it shall run, `cpu` or `cuda`.

    Raises:
        ModelError: the folder or a file in it is missing or broken, the weights do not fit, or the
            architecture was registered by the program that trained it and is not registered here.
    """
    path = Path(folder)
    card = read_card(path)
    _check_plugin(card, str(path))
    bands, weights = len(card.bands), path / WEIGHTS_FILE
    try:
        state = load_weights(
            weights,
            outline(card.architecture, bands, card.outputs, card.options),
            f"{card.architecture!r} with {card.options}",
        )
    except FileNotFoundError as error:
        raise ModelError(
            f"{path} has a {CARD_FILE} but no {WEIGHTS_FILE}; copy it too, or train again"
        ) from error
    network = create_model(card.architecture, bands, outputs=card.outputs, **card.options)
    network.load_state_dict(state)
    return LoadedModel.of(network, card, device)


def _check_plugin(card: ModelCard, where: str) -> None:
    """Refuse a model whose program is not here; warn where it is another now than when it was trained.

    Raises:
        ModelError: nothing registered the network; the message names the program.
    """
    if card.plugin is None:
        return
    try:
        get_spec(card.architecture)
    except ModelError as error:
        contents = f", SHA-256 {card.plugin.sha256[:12]}..." if card.plugin.sha256 else ""
        raise ModelError(
            f"{where} was trained with a network of someone's own, {card.architecture!r} of the plugin "
            f"{card.plugin.name}{contents}, which nothing has registered here: give its file, "
            f"--plugin {card.plugin.name.partition('.')[0]}.py (load_plugin in Python), or install its "
            "package. A model folder never brings a program along"
        ) from error
    if not built_in(card.architecture):
        card.plugin.compare(Plugin.of(unwrapped(get_spec(card.architecture).build)), where)


def write_json(path: Path, values: Any, *, within: Path | None = None) -> None:
    """Write JSON, whole or not at all; `within` as in `core.files.replacing`.

    Raises:
        WriteError: the system refuses.
    """
    text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
    write_text(path, text, within=within)
