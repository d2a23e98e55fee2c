"""From stored numbers to finished answers: one module for validation, prediction, evaluation and export.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns, ... T or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ..core.errors import ModelError
from ..core.outputs import Outputs
from ..transforms.normalize import Normalization
from .specs import InputKey


class Pipeline(nn.Module):
    """A network between the normalisation of its input and the activation of its answers.

    Guarantee: equal numbers in give equal numbers out, in training's validation, in prediction, in evaluation
    and in an exported program, for they all run this.

    Args:
        network: From a float32 image to raw answers, one channel for each output.
        outputs: What it gives; they say activation, temperature, mean and standard deviation.
        normalization: Of the image; None where it comes normalised.
        inputs: The keys of a sample that the network takes by keyword; empty where it takes the image alone,
            by position.

    Example:
        >>> from geoloom.core.outputs import ValueOutputs
        >>> height = ValueOutputs(("height",), ("m",), mean=(10.0,), std=(2.0,))
        >>> pipeline = Pipeline(nn.Identity(), height, Normalization("mean_std", (5.0,), (1.0,)))
        >>> pipeline.predict(torch.full((1, 1, 1, 1), 6.0)).item()
        12.0
    """

    def __init__(
        self,
        network: nn.Module,
        outputs: Outputs,
        normalization: Normalization | None = None,
        inputs: Sequence[InputKey] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.outputs = outputs
        self.normalization = normalization
        self.inputs = tuple(inputs)

    def forward(self, image: Tensor, observed: Tensor | None = None, **others: Tensor) -> Tensor:
        """Finished answers: probabilities, or values in their units.

        Args:
            image: (B, ..., C, H, W), any dtype, in the numbers that the network was trained on.
            observed: bool (B, ..., H, W), True = observed; None where all of it is. Other pixels reach the
                network as 0, the mean, whatever they hold.
            others: What else the network takes, by the keys of a sample.

        Returns:
            float32 (B, K, H, W), or (B, K) of networks that answer per image.
        """
        return finished(self.raw(image, observed, **others), self.outputs)

    def raw(self, image: Tensor, observed: Tensor | None = None, **others: Tensor) -> Tensor:
        """Raw answers, as losses take them; arguments as of `forward`."""
        x = normalised(image, observed, self.normalization)
        if x.ndim == 4:
            # Channels-last runs 1.3 to 1.6 times as fast on processors with AVX-512, and on tensor cores.
            x = x.contiguous(memory_format=torch.channels_last)
        if not self.inputs:
            answers: Tensor = self.network(x)
            return answers
        known = {**others, "image": x}
        if "valid_series" in self.inputs:
            known["valid_series"] = torch.ones_like(x[:, :, 0], dtype=torch.bool)
            if observed is not None:
                known["valid_series"] = observed
        by_key: Tensor = self.network(**_chosen(known, self.inputs))
        return by_key

    def predict(self, image: Tensor, observed: Tensor | None = None, **others: Tensor) -> Tensor:
        """Finished answers as of `forward`, without a graph, in plain memory layout."""
        with torch.inference_mode():
            answers: Tensor = self(image, observed, **others)
            return answers.contiguous()


def shown(batch: Mapping[str, Tensor], inputs: Sequence[InputKey] = ()) -> dict[str, Tensor]:
    """What of a batch a pipeline takes, by the names of its arguments.

    Args:
        batch: By the keys of `core.query.Sample`.
        inputs: The keys that the network takes by keyword.
    """
    seen = "valid_series" if "times" in batch else "observed" if "observed" in batch else "valid"
    observed = {"observed": batch[seen]} if seen in batch else {}
    others = _chosen(batch, [key for key in inputs if key not in ("image", "valid_series")])
    return {"image": batch["image"], **observed, **others}


def _chosen(known: Mapping[str, Tensor], inputs: Sequence[InputKey]) -> dict[str, Tensor]:
    """What a network takes.

    Raises:
        ModelError: some of it is not there.
    """
    missing = [key for key in inputs if key not in known]
    if missing:
        raise ModelError(
            f"the network takes {', '.join(inputs)}, and there is no {' and no '.join(missing)} among "
            f"{', '.join(sorted(map(str, known)))}; give samples that have it, or choose another network"
        )
    return {str(key): known[key] for key in inputs}


def normalised(
    image: Tensor, observed: Tensor | None, normalization: Normalization | None
) -> Tensor:
    """The image as networks get it: normalised float32, and 0 wherever not observed or not finite.

    Args:
        image: (B, ..., C, H, W).
        observed: bool (B, ..., H, W), or None where all of it is.
        normalization: None leaves the numbers as they are.
    """
    x = image.float()
    if observed is None:
        x = x if normalization is None else normalization.apply(x)
        return torch.where(torch.isfinite(x), x, 0.0)
    seen = observed.unsqueeze(-3)
    x = torch.where(seen, x, 0.0)
    x = x if normalization is None else normalization.apply(x, observed)
    return torch.where(seen & torch.isfinite(x), x, 0.0)


def finished(answers: Tensor, outputs: Outputs) -> Tensor:
    """Raw answers (B, K, ...) as users get them: float32 probabilities, or values in their units."""
    answers = answers.float()
    if outputs.temperature != 1:
        answers = answers / outputs.temperature
    scores = ACTIVATIONS[outputs.activation](answers)
    if outputs.mean is None or outputs.std is None:
        return scores
    shape = (-1, *[1] * (scores.ndim - 2))
    std, mean = scores.new_tensor(outputs.std), scores.new_tensor(outputs.mean)
    return scores * std.view(shape) + mean.view(shape)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda answers: answers.softmax(dim=1),
    "sigmoid": torch.sigmoid,
    "none": lambda answers: answers,
}
"""What turns raw answers (B, K, ...) into scores, by name."""
