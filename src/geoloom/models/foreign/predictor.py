"""A network in an ONNX file as a predictor for scenes and samples.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from ...core.classes import Classes
from ...core.errors import ModelError
from ...core.outputs import Outputs
from ...core.settings.configs import configured
from ..card import ModelCard, classes_of
from ..pipeline import ACTIVATIONS
from ..scene_bands import FedBands
from ..specs import Dates
from .described import describe_network
from .facts import NetworkFacts, NetworkFactSettings
from .network import OnnxNetwork
from .runtime import run, runs_on, session


@dataclass(frozen=True, slots=True, eq=False)
class OnnxPredictor:
    """Answers with the network of an ONNX file. Plain data: each process opens the file by itself, once."""

    network: OnnxNetwork
    runs_on: str = "cpu"
    """Where the network runs, `cpu` or `cuda`; images come and answers go in this machine's memory."""

    @property
    def path(self) -> str:
        """The file."""
        return self.network.path

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that it reads, in order."""
        return self.network.bands

    @property
    def outputs(self) -> Outputs:
        """What its answers mean."""
        return self.network.outputs

    @property
    def classes(self) -> Classes:
        """Likewise, where they are classes."""
        return classes_of(self.outputs)

    @property
    def card(self) -> ModelCard | None:
        """Of a network that geoloom exported."""
        return self.network.card

    @property
    def fed(self) -> FedBands | None:
        """Of one of someone else's: how stored numbers become those that it is given."""
        return self.network.fed

    @property
    def fingerprint(self) -> str:
        """Changes with its files and with how it is fed."""
        return self.network.fingerprint

    @property
    def dates(self) -> Dates:
        """How many dates it sees at once."""
        return self.card.dates if self.card else 1

    @property
    def input_px(self) -> tuple[int, int] | None:
        """Rows and columns of its images, where it takes no others."""
        return self.network.input_px

    @property
    def tile_px(self) -> int | None:
        """Side of the images that suit it, where something says so."""
        return self.network.tile_px

    def on(self, device: str) -> OnnxPredictor:
        """The same on another device; see `runtime.runs_on`."""
        return replace(self, runs_on=runs_on(device))

    def __call__(
        self, image_BCHW: Tensor, valid_BHW: Tensor, times_BT: Tensor | None = None
    ) -> Tensor:
        """Finished answers: scores of classes, or values.

        Args:
            image_BCHW: float32, in the numbers that it takes before its normalisation; of a series
                (B, T, C, H, W).
            valid_BHW: bool, True = observed; of a series (B, T, H, W). Other pixels reach the network as 0
                after the normalisation; those that geoloom exported get NaN.
            times_BT: Of a series: float64, seconds since 1970 UTC.

        Returns:
            float32 (B, K, H, W), or (B, K) per image.

        Raises:
            ModelError: the file has changed or cannot be run, the network takes other sizes, or answers in
                another shape.
        """
        image = self._fed(image_BCHW.float(), valid_BHW)
        others = {}
        if any(tensor.name == "times" for tensor in self.network.inputs):
            assert (
                times_BT is not None
            )  # of a network over series, which a source of one date does not reach
            others["times"] = times_BT.numpy()
        answers = [
            self._run(image[at], {k: v[at] for k, v in others.items()})
            for at in self._parts(len(image))
        ]
        scores = self._scores(torch.from_numpy(np.concatenate(answers)))
        return scores.to(image_BCHW.device)

    def _fed(self, image: Tensor, valid: Tensor) -> np.ndarray:
        """What the network gets, in its own type and order of axes."""
        tensor = self.network.inputs[0]
        seen = valid.unsqueeze(-3)
        if self.card is not None:
            x = torch.where(seen, image, torch.nan)
        else:
            mean, std = (
                image.new_tensor(values).view(-1, 1, 1)
                for values in (self.network.mean, self.network.std)
            )
            x = (image - mean) / std
            x = torch.where(seen & torch.isfinite(x), x, 0.0)
        if self.network.bands_last:
            x = x.movedim(-3, -1)
        fed = x.contiguous().numpy()
        dtype = np.dtype(tensor.dtype)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            if fed.size and (fed.min() < limits.min or fed.max() > limits.max):
                raise ModelError(
                    f"{self.path} takes {dtype}, {limits.min} to {limits.max}; found {fed.min():g} to "
                    f"{fed.max():g}: state the scale, mean and std that lead there"
                )
            fed = np.rint(fed)
        return fed.astype(dtype, copy=False)

    def _parts(self, count: int) -> list[slice]:
        size = self.network.batch or max(1, count)
        return [slice(start, start + size) for start in range(0, count, size)]

    def _run(self, image: np.ndarray, others: dict[str, np.ndarray]) -> np.ndarray:
        """Answers to some images, as many at once as the network takes."""
        network, count = self.network, len(image)
        made = session(network.files, network.files_sha256, self.runs_on, os.getpid())
        given = {network.inputs[0].name: image, **others}
        if network.batch and count < network.batch:
            given = {name: _filled(array, network.batch) for name, array in given.items()}
        answer = run(made, network.answer.name, given)
        shape = getattr(answer, "shape", ())
        if shape[:1] != (network.batch or count,):
            raise ModelError(
                f"{network.path} answered {network.batch or count} images with the shape {shape}, expected "
                "the images as its first axis; export it again"
            )
        kept: np.ndarray = answer[:count]
        return kept

    def _scores(self, answers: Tensor) -> Tensor:
        """Answers (B, K, ...) as users get them; those of one channel may come without its axis."""
        if self.card is not None:
            return answers.float()
        per_image = self.outputs.gives == "image"
        if per_image:
            answers = answers.flatten(1) if answers.ndim > 1 else answers[:, None]
        elif answers.ndim == 3:
            answers = answers[:, None]
        elif self.network.bands_last and answers.ndim == 4:
            answers = answers.movedim(-1, 1)
        if self.network.activation == "positions":
            return self._of_positions(answers)
        scores = ACTIVATIONS[self.network.activation](answers.float())
        if self.outputs.kind == "classes" and self.outputs.channels == 2 and scores.shape[1] == 1:
            scores = torch.cat([1 - scores, scores], dim=1)
        outputs: Any = self.outputs
        if outputs.mean is None or outputs.std is None:
            return scores
        shape = (-1, *[1] * (scores.ndim - 2))
        return scores * scores.new_tensor(outputs.std).view(shape)

    def _of_positions(self, answers: Tensor) -> Tensor:
        """1 for the class whose number a pixel holds, 0 for the others."""
        count = self.outputs.channels
        positions = answers.round().long()
        if positions.shape[1] != 1:
            raise ModelError(
                f"{self.path} answers with {positions.shape[1]} channels, expected one, the number of a "
                "class; state another activation (--activation)"
            )
        least, most = int(positions.min()), int(positions.max())
        if least < 0 or most >= count:
            raise ModelError(
                f"{self.path} answers with classes {least} to {most}, expected 0 to {count - 1} of "
                f"{', '.join(self.outputs.names)}; state all of its classes (--classes)"
            )
        shape = (1, count, *[1] * (positions.ndim - 2))
        return (positions == torch.arange(count).view(shape)).float()


def _filled(array: np.ndarray, count: int) -> np.ndarray:
    """An array with zeros behind, up to a number of images."""
    return np.concatenate([array, np.zeros((count - len(array), *array.shape[1:]), array.dtype)])


def open_onnx(
    path: str | Path,
    facts: NetworkFacts | None = None,
    *,
    device: str = "auto",
    **stated: Unpack[NetworkFactSettings],
) -> OnnxPredictor:
    """A predictor of the network in an ONNX file, whoever made it.

    One that geoloom exported knows its bands, units and classes. Of one of someone else's they are stated
    here, in a file beside it (`<path>.json`), or in its metadata; what is not known is not guessed.

    Args:
        path: The file.
        facts: How the network is fed, and what it gives.
        device: `auto`, `cpu` or `cuda`.
        stated: Fields of `NetworkFacts` by name, in place of those of `facts`.

    Raises:
        ModelError: the file is missing or damaged, or something has to be stated; the message names all of
            it.
        ConfigError: a fact cannot be, or is one of a network that geoloom exported.
        MissingExtraError: onnx or onnxruntime is not installed.

    Example:
        >>> model = open_onnx("clouds.onnx", bands="red,nir", scale=1e-4, mean=0, std=1,
        ...                   classes="clear,cloud")                          # doctest: +SKIP
        >>> geoloom.predict(model, "scene.tif", "map.tif")                    # doctest: +SKIP
    """
    known = describe_network(path, configured(NetworkFacts, facts, stated))
    return OnnxPredictor(OnnxNetwork.of(known), runs_on(device))
