"""Semantic segmentation as a LightningModule.

Legend: B batch, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from ..losses import IGNORE_INDEX
from ..losses.registry import get_loss, summed_loss
from ..losses.summed import Loss, SummedLoss
from ..metrics.tally import Tally
from ..models.saved import normalised
from ..transforms.normalize import Normalization
from .average import averaged, kept_share, move_average
from .data import check_one_device
from .schedule import Schedule


class SegmentationTask(LightningModule):
    """Trains a network to give each pixel a class.

    A batch is a dict as datasets and chip stores give it: `image` (B, C, H, W) in native units, `mask`
    (B, H, W) int64 class positions 0..K-1, `valid` (B, H, W) bool (True = observed and labelled: only these
    reach loss and metrics) and, where observed pixels lack labels, `observed` (B, H, W) bool (only these are
    shown to the network; `valid` where left out).

    Args:
        network: From float32 (B, C, H, W) to logits (B, K, H, W).
        num_classes: K.
        loss: A name of `list_losses()`, or a function `(logits, target, class_weights)`.
        class_weights: One a class, or None.
        normalization: Applied to the images on the device; None where they come normalised.
        learning_rate: The highest that the schedule reaches.
        weight_decay: Of AdamW; applied to convolutions, not to biases and batch norm.
        schedule: How the learning rate moves.
        average: Share of the training over which a running mean of the weights looks back; the mean is what
            validation scores and what `outcome` gives. 0 for none.
        seed: Fixes dropout, step by step, so that a resumed training repeats an uninterrupted one.
        codes: Class code of each output, where masks hold codes instead of positions; pixels of
            other codes do not count.
    """

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        *,
        loss: str | Loss = "crossentropy",
        class_weights: Sequence[float] | None = None,
        normalization: Normalization | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        schedule: Schedule | None = None,
        average: float = 0.0,
        seed: int = 0,
        codes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.mean = averaged(self.network) if average else None
        self.average = average
        self.num_classes = num_classes
        self.loss = get_loss(loss) if isinstance(loss, str) else loss
        self._summed = summed_loss(self.loss)
        self.normalization = normalization
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule or Schedule()
        self.seed = seed
        self.began = False
        """Whether an epoch has begun: whatever a checkpoint held is taken over by then."""
        weights = None if class_weights is None else torch.tensor(class_weights).float()
        self.register_buffer("class_weights", weights, persistent=False)
        self.register_buffer("positions", _positions(codes), persistent=False)
        self.tally = Tally.empty(num_classes)
        """Of the last validation; with curves where it ran outside a training."""
        self.train_loss = _Mean()
        self.val_loss = _Sum(self._summed)

    @property
    def outcome(self) -> nn.Module:
        """The network that counts: the mean where one is kept, else the network in training itself."""
        return self.network if self.mean is None else self.mean

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits float (B, K, H, W) of a batch: the network's while training, otherwise the outcome's."""
        network = self.network if self.training else self.outcome
        observed = batch.get("observed", batch.get("valid"))
        if observed is None:
            observed = torch.ones_like(batch["image"][:, 0], dtype=torch.bool)
        image = normalised(batch["image"], observed, self.normalization)
        logits: Tensor = network(image.contiguous(memory_format=torch.channels_last))
        return logits

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Class positions int64 (B, H, W), IGNORE_INDEX where a pixel does not count."""
        mask = batch["mask"].long()
        if isinstance(self.positions, Tensor):
            last = len(self.positions) - 1
            known = (mask >= 0) & (mask < last)
            mask = self.positions[torch.where(known, mask, last)]
        return mask if "valid" not in batch else mask.masked_fill(~batch["valid"], IGNORE_INDEX)

    def setup(self, stage: str) -> None:
        """Refuse several devices, on which sums over an epoch would be those of one of them.

        Raises:
            ConfigError: the trainer has more than one device.
        """
        check_one_device(self.trainer)

    def on_train_epoch_start(self) -> None:
        """Start the epoch's sums."""
        self.began = True
        self.train_loss = _Mean()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Fix the step's randomness: what ran before, or did not, must not shift it."""
        torch.manual_seed(self.seed + 1_000_003 * (self.global_step + 1))

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> Tensor:
        """The loss of one batch."""
        target = self.target(batch)
        loss = self.loss(self(batch), target, self._weights)
        self.train_loss.add(loss, target)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Bring the step's weights into the mean."""
        if self.mean is not None:
            window = self.average * float(self.trainer.estimated_stepping_batches)
            move_average(self.mean, self.network, kept_share(self.global_step, window))

    def on_validation_epoch_start(self) -> None:
        """Start the validation's sums."""
        self.tally = Tally.empty(self.num_classes)
        self.val_loss = _Sum(self._summed)

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        """Count one batch."""
        target = self.target(batch)
        logits = self(batch)
        self.val_loss.add(logits, target, self._weights)
        truth, counted = target.cpu().numpy(), (target != IGNORE_INDEX).cpu().numpy()
        logits = logits.detach().float()
        if self._fitting:
            guess = logits.argmax(dim=1).cpu().numpy()
            self.tally = self.tally + Tally.of_classes(truth, guess, self.num_classes, counted)
        else:
            scores = logits.softmax(dim=1).cpu().numpy()
            self.tally = self.tally + Tally.of_probabilities(truth, scores, counted)

    def on_validation_epoch_end(self) -> None:
        """Tell the callbacks `val_loss`: one value of all pixels, however they came in batches."""
        self.log("val_loss", self.val_loss.value)

    def configure_optimizers(self) -> Any:
        """AdamW, stepped by the schedule after each batch."""
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate)
        total = int(self.trainer.estimated_stepping_batches)
        rate = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.schedule.factor(step, total)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": rate, "interval": "step"},
        }

    @property
    def _fitting(self) -> bool:
        """Whether this validation is one of many, for which curves would be wasted work."""
        return self._trainer is not None and self._trainer.state.fn == "fit"

    @property
    def _weights(self) -> Tensor | None:
        return self.class_weights if isinstance(self.class_weights, Tensor) else None


class _Mean:
    """A mean of batch losses, each weighed by its counted pixels."""

    def __init__(self) -> None:
        self._total = torch.zeros((), dtype=torch.float64)
        self._pixels = torch.zeros((), dtype=torch.float64)

    def add(self, loss: Tensor, target: Tensor) -> None:
        # Kept on the device: reading a number off a GPU would stall it at every step.
        pixels = (target != IGNORE_INDEX).sum()
        self._total = self._total.to(loss.device) + loss.detach() * pixels
        self._pixels = self._pixels.to(loss.device) + pixels

    @property
    def value(self) -> float:
        """NaN where nothing was counted."""
        return float(self._total / self._pixels)


class _Sum:
    """A loss of all batches at once: the same however they are cut."""

    def __init__(self, loss: SummedLoss) -> None:
        self._loss = loss
        self._parts: tuple[Tensor, ...] = ()
        self._weights: Tensor | None = None

    def add(self, logits: Tensor, target: Tensor, weights: Tensor | None) -> None:
        parts = [part.detach().double() for part in self._loss.parts(logits, target, weights)]
        before = self._parts or [torch.zeros_like(part) for part in parts]
        self._parts = tuple(a + b for a, b in zip(before, parts, strict=True))
        self._weights = weights

    @property
    def value(self) -> float:
        """NaN where nothing was counted."""
        if not self._parts or not any(bool(part.any()) for part in self._parts):
            return math.nan
        weights = None if self._weights is None else self._weights.double()
        return float(self._loss.value(self._parts, weights))


def _positions(codes: Sequence[int] | None) -> Tensor | None:
    """Code -> position, with one more entry for all codes that are no class."""
    if codes is None:
        return None
    table = torch.full((max(codes) + 2,), IGNORE_INDEX, dtype=torch.int64)
    table[torch.tensor(codes)] = torch.arange(len(codes))
    table[-1] = IGNORE_INDEX
    return table
