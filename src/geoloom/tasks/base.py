"""What all trainings of a network have in common, as a LightningModule.

Legend: B batch, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from ..core.errors import ConfigError
from ..core.hints.torchgeo import OF_TASKS, hints_keywords
from ..core.outputs import Kind, Outputs, require_targets
from ..core.outputs.mixture import SHARE, is_mixed, partners_of
from ..losses.mixed import mixed_loss, mixed_parts
from ..losses.registry import as_loss, get_loss, summed_loss
from ..losses.summed import Loss, Parts, SummedLoss
from ..metrics.tally import Report, Tally
from ..models.listing import get_spec
from ..models.pipeline import Pipeline, finished, shown
from ..models.registry import create_model
from ..models.specs import InputKey
from ..transforms.normalize import Normalization
from .average import averaged, kept_share, move_average
from .schedule import Schedule
from .sums import LossSum, gathered, rank, several_devices, summed_over_devices

if TYPE_CHECKING:
    from ..datasets.base import GeoDataset
    from .source import TrainingSource

Stage = str
"""`train`, `val` or `test`: the prefix of what is logged."""


class Task(LightningModule):
    """Trains a network on batches of samples; a child says what is learned from them, in a few lines.

    A batch is a dict as datasets and chip stores give it: `image` (B, C, H, W) in native units, the target
    that the outputs name, `valid` (B, H, W) bool (True = observed and labelled) and, where observed pixels
    lack labels, `observed` (B, H, W) bool (only these are shown to the network; `valid` where left out).

    In any Trainer it logs `train_loss`, `val_loss`, and after validation and test all figures by name, such
    as `val_accuracy` and `val_iou/forest`. On several devices losses and figures are those of all data.

    Args:
        network: From float32 (B, C, H, W) to raw answers, one channel for each output; or a name of
            `list_models()`, which is made here.
        outputs: What it gives. Plain values as of `outputs.to_dict()` do too; what else, the child says.
        in_channels: Bands of the image, where the network is given by name.
        options: Of the network, likewise.
        inputs: The keys of a batch that a module takes by keyword; empty where it takes the image alone, by
            position. A network that is given by name knows them.
        loss: As of `get_loss`: a name of `list_losses(outputs.kind)`, with options, or a sum of several; or a
            function, as of `register_loss`. None takes the outputs' usual one.
        class_weights: One number for each output, class or value, in the loss; None weighs all alike.
        normalization: Applied to the images on the device; None where they come normalised.
        learning_rate: The highest that the schedule reaches.
        weight_decay: Of AdamW; applied to convolutions, not to biases and batch norm.
        schedule: How the learning rate moves.
        average: Share of the training over which a running mean of the weights looks back; the mean is what
            validation scores and what `outcome` gives. 0 for none.
        seed: Fixes dropout, step by step, so that a resumed training repeats an uninterrupted one.

    Raises:
        ConfigError: the loss is none for such outputs, or the network is named without its bands.
    """

    kind: ClassVar[Kind] = "classes"
    """Of the outputs that are learned."""

    @hints_keywords(OF_TASKS)
    def __init__(
        self,
        network: nn.Module | str,
        outputs: Any,
        *,
        in_channels: int | None = None,
        options: Mapping[str, Any] | None = None,
        inputs: Sequence[InputKey] = (),
        loss: str | Loss | None = None,
        class_weights: Sequence[float] | None = None,
        normalization: Normalization | Mapping[str, Any] | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        schedule: Schedule | Mapping[str, Any] | None = None,
        average: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.outputs: Outputs = self.as_outputs(outputs)
        made = _network(network, in_channels, self.outputs, options)
        self.network = made.to(memory_format=torch.channels_last)
        self.mean = averaged(self.network) if average else None
        self.loss = _loss(loss, self.outputs)
        self._summed = summed_loss(self.loss)
        self._mixed = mixed_loss(self._summed)
        self.normalization = _normalization(normalization)
        named = get_spec(network).inputs if isinstance(network, str) else tuple(inputs)
        # In a tuple, lest each network be registered, saved and moved twice.
        self._pipelines = tuple(
            Pipeline(made, self.outputs, self.normalization, named)
            for made in (self.network, self.outcome)
        )
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = _schedule(schedule)
        self.average = average
        self.seed = seed
        self.began = False
        """Whether an epoch has begun: whatever a checkpoint contained is taken over by then."""
        table = None if class_weights is None else torch.tensor(class_weights).float()
        self.register_buffer("class_weights", table, persistent=False)
        self.train_loss = self._loss_sum()
        self.val_loss = self._loss_sum()
        self.tally: Tally | None = None
        """Of the last validation or test, over all devices."""
        self._note_settings(network, in_channels, options, loss)

    # What a child says.

    @classmethod
    @abstractmethod
    def as_outputs(cls, given: Any) -> Outputs:
        """The outputs that a shorter form means, such as names of classes.

        Raises:
            ConfigError: they are none that this task learns.
        """

    @abstractmethod
    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """What the loss compares answers with, with its mark where a pixel or image does not count."""

    @abstractmethod
    def score(self, answers: Tensor, target: Tensor, *, curves: bool) -> Tally:
        """Count raw answers; without curves where validations are many and only followed."""

    # What a child may say otherwise.

    def inputs(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What of a batch is shown to the network, by the arguments of its pipeline."""
        return shown(batch, self.pipeline.inputs)

    def parts(self, answers: Tensor, target: Tensor) -> Parts:
        """What the loss sums over a batch: for most losses a total and its weight."""
        return self._summed.parts(answers, target, self._weights)

    # What all share.

    @property
    def outcome(self) -> nn.Module:
        """The network that counts: the mean where one is kept, else the network in training itself."""
        return self.network if self.mean is None else self.mean

    @property
    def pipeline(self) -> Pipeline:
        """From a batch to finished answers: the network's while training, otherwise the outcome's."""
        return self._pipelines[0 if self.training else 1]

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Raw answers to a batch: the network's while training, otherwise the outcome's."""
        return self.pipeline.raw(**self.inputs(batch))

    def on_fit_start(self) -> None:
        """Refuse several devices where the loss needs all samples of a batch at once.

        Raises:
            ConfigError: it does.
        """
        if several_devices() and self._summed.cannot:
            raise ConfigError(self._summed.cannot)

    def on_train_epoch_start(self) -> None:
        """Start the epoch's sums."""
        self.began = True
        self.train_loss = self._loss_sum()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Fix the step's randomness: what ran before, or did not, must not shift it."""
        torch.manual_seed(self.seed + 1_000_003 * (self.global_step + 1) + 15_485_863 * rank())

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> Tensor:
        """The loss of one batch, of all devices' samples together."""
        summed, parts = self._training_parts(batch)
        self.train_loss.add(parts, summed)
        loss: Tensor = summed.value(summed_over_devices(parts), self._weights)
        if self._trainer is not None:  # a step may be taken by hand
            self.log("train_loss_step", loss, prog_bar=True, on_step=True, on_epoch=False)
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take the step, and bring its weights into the mean."""
        super().optimizer_step(*args, **kwargs)
        if self.mean is not None:
            # Here, as checkpoints in the middle of an epoch are written before `on_train_batch_end`; and
            # Lightning counts the step when this returns.
            window = self.average * float(self.trainer.estimated_stepping_batches)
            move_average(self.mean, self.network, kept_share(self.global_step + 1, window))

    def on_train_epoch_end(self) -> None:
        """Log `train_loss`, of the epoch's samples while the weights moved."""
        self._log_figure("train_loss", self.train_loss.value())

    def on_validation_epoch_start(self) -> None:
        """Start the validation's sums."""
        self.tally, self.val_loss = None, self._loss_sum()

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        """Count one batch."""
        self._count(batch)

    def on_validation_epoch_end(self) -> None:
        """Log `val_loss` and the figures: of all samples, however they came in batches and devices."""
        self._log_figures("val")

    def on_test_epoch_start(self) -> None:
        """Start the test's sums."""
        self.on_validation_epoch_start()

    def test_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        """Count one batch."""
        self._count(batch)

    def on_test_epoch_end(self) -> None:
        """Log `test_loss` and the figures."""
        self._log_figures("test")

    def predict_step(self, batch: Mapping[str, Any], batch_idx: int) -> dict[str, Any]:
        """Finished answers (`scores`: probabilities, or values in their units), and where they lie."""
        place = {key: batch[key] for key in ("crs", "transform", "bounds") if key in batch}
        return {"scores": finished(self(batch), self.outputs), **place}

    def report(self) -> Report:
        """The figures of the last validation or test.

        Raises:
            ConfigError: there was none.
        """
        if self.tally is None:
            raise ConfigError(
                "nothing was validated or tested yet; run trainer.validate or trainer.test"
            )
        return self.tally.report(self.outputs)

    def save(
        self,
        folder: str | Path,
        data: GeoDataset | TrainingSource,
        *,
        size: int | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the outcome as a model folder, with which `predict`, `evaluate` and `report` work.

        Args:
            folder: Where to.
            data: What was trained on, as images were fed: it says bands, units and pixel size.
            size: Side of the chips, pixels: the context that the network has learned to use.
            overwrite: Replace a model there.

        Returns:
            The folder.

        Raises:
            ModelError: the task was made with a module instead of a network's name, or the data has another
                number of bands.
            WriteError: the folder holds a model and `overwrite` is False, or the system refuses.
        """
        from ..models.saved import save_model
        from .data.card import card_of

        return save_model(folder, self.outcome, card_of(self, data, size), overwrite=overwrite)

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
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def _training_parts(self, batch: Mapping[str, Tensor]) -> tuple[SummedLoss, Parts]:
        """What is summed over a batch whose samples may be mixtures of two, and of which loss."""
        answers, target = self(batch), self._known_target(batch)
        if not any(is_mixed(batch, wanted.key) for wanted in self.outputs.targets):
            return self._summed, self.parts(answers, target)
        other = self.target(partners_of(batch))
        parts = mixed_parts(self.parts, self._summed, answers, target, other, batch[SHARE])
        return self._mixed, parts

    def _known_target(self, batch: Mapping[str, Tensor]) -> Tensor:
        require_targets(batch, self.outputs)
        return self.target(batch)

    def _count(self, batch: Mapping[str, Tensor]) -> None:
        target, answers = self._known_target(batch), self(batch)
        self.val_loss.add(self.parts(answers, target))
        tally = self.score(answers.detach().float(), target, curves=not self._fitting)
        self.tally = tally if self.tally is None else self.tally + tally

    def _log_figures(self, stage: Stage) -> None:
        tallies = [tally for tally in gathered(self.tally) if tally is not None]
        self.tally = reduce(add, tallies) if tallies else None
        self._log_figure(f"{stage}_loss", self.val_loss.value(), prog_bar=True)
        if self.tally is None:
            return
        report = self.report()
        figures = {**report.headline(), **report.by_name()}
        for name, value in figures.items():
            self._log_figure(f"{stage}_{name}", float(value))

    def _log_figure(self, name: str, value: float, **how: Any) -> None:
        # All devices have the same; yet Lightning advises against what it does not bring together itself.
        self.log(name, value, sync_dist=several_devices(), **how)

    def _loss_sum(self) -> LossSum:
        return LossSum(self._summed, self._weights)

    @property
    def _fitting(self) -> bool:
        """Whether this validation is one of many, for which curves would be wasted work."""
        return self._trainer is not None and self._trainer.state.fn == "fit"

    @property
    def _weights(self) -> Tensor | None:
        return self.class_weights if isinstance(self.class_weights, Tensor) else None

    def _note_settings(
        self,
        network: nn.Module | str,
        in_channels: int | None,
        options: Mapping[str, Any] | None,
        loss: str | Loss | None,
    ) -> None:
        """Keep in checkpoints, as plain values, what `load_from_checkpoint` needs to make the task."""
        plain: dict[str, Any] = {
            "outputs": self.outputs.to_dict(),
            "class_weights": None if self._weights is None else self._weights.tolist(),
            "normalization": None if self.normalization is None else self.normalization.to_dict(),
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "schedule": asdict(self.schedule),
            "average": self.average,
            "seed": self.seed,
        }
        if isinstance(network, str):
            plain |= {
                "network": network,
                "in_channels": in_channels,
                "options": dict(options or {}),
            }
        if loss is None or isinstance(loss, str):
            plain["loss"] = loss
        self.save_hyperparameters(plain)


def _network(
    network: nn.Module | str,
    in_channels: int | None,
    outputs: Outputs,
    options: Mapping[str, Any] | None,
) -> nn.Module:
    if isinstance(network, nn.Module):
        return network
    if in_channels is None:
        raise ConfigError(
            f"the network {network!r} is given by name; say in_channels=, the number of bands that it is fed"
        )
    return create_model(network, in_channels, outputs=outputs, **(options or {}))


def _loss(loss: str | Loss | None, outputs: Outputs) -> Loss:
    if loss is None:
        loss = outputs.default_loss
    if loss is None:
        raise ConfigError(f"{outputs.short} have no usual loss; give one with loss=")
    return get_loss(loss, outputs.kind) if isinstance(loss, str) else as_loss(loss)


def _normalization(given: Normalization | Mapping[str, Any] | None) -> Normalization | None:
    return Normalization.from_dict(dict(given)) if isinstance(given, Mapping) else given


def _schedule(given: Schedule | Mapping[str, Any] | None) -> Schedule:
    return Schedule(**given) if isinstance(given, Mapping) else given or Schedule()
