"""Lightning's Trainer as we use it: quiet, tidy, seeded, and never unpickling."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ..core.errors import GeoloomError, ModelError
from .base import Task
from .checkpoints import DAMAGE, FolderCheckpoints, read_checkpoint
from .training.workspace import BEST, LAST, Workspace

_PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}

# Lightning's advice that does not fit here, and why.
_CHATTER = (
    r".*does not have many workers.*",  # chips are in memory: processes would only copy them
    r".*Checkpoint directory .* exists and is not empty.*",  # a resumed training
    r".*The number of training batches .* is smaller than the logging interval.*",  # no logger is used
    r".*Trying to infer the `batch_size`.*",  # losses are weighed by pixels, not by chips
    r".*Total length of `list` across ranks is zero.*",  # no validation chips, as we have said
    r".*isinstance\(treespec, LeafSpec\).*",  # Lightning's own use of torch
    r".*`lr_scheduler.step\(\)` before `optimizer.step\(\)`.*",  # float16 skips its first steps on purpose
)


def trainer_precision(precision: str, device: str) -> str:
    """Lightning's name of a precision; `auto` is bfloat16 on CUDA and float32 elsewhere."""
    if precision == "auto":
        precision = "bfloat16" if torch.device(device).type == "cuda" else "float32"
    return _PRECISIONS[precision]


def build_trainer(
    workspace: Workspace,
    *,
    epochs: int,
    device: str,
    precision: str,
    validated: bool,
    early_stopping: int | None,
    keep_best: bool,
    callbacks: Sequence[Callback],
    devices: int = 1,
    ranks: ClusterEnvironment | None = None,
) -> Trainer:
    """A Trainer that writes nothing outside the workspace; on several devices, where `ranks` has them all."""
    place = torch.device(device)
    gpu = place.type == "cuda"
    strategy: Any = "auto"
    if ranks is None:
        devices = 1
    else:
        strategy = DDPStrategy(
            cluster_environment=ranks, process_group_backend="nccl" if gpu else "gloo"
        )
    chosen: list[Callback] = list(callbacks)
    if validated:
        if early_stopping is not None:
            chosen.append(EarlyStopping("val_loss", patience=early_stopping, mode="min"))
        if keep_best:
            chosen.append(
                ModelCheckpoint(
                    workspace.checkpoints,
                    filename=BEST,
                    monitor="val_loss",
                    mode="min",
                    save_weights_only=True,
                    enable_version_counter=False,
                )
            )
    # Written last, so that it holds the state of the others.
    chosen.append(
        ModelCheckpoint(
            workspace.checkpoints,
            filename=LAST,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
    )
    options: Any = trainer_precision(precision, device)
    with quiet():
        return Trainer(
            default_root_dir=workspace.folder,
            accelerator="gpu" if gpu else place.type,
            devices=[place.index or 0] if gpu and devices == 1 else devices,
            strategy=strategy,
            sync_batchnorm=gpu and devices > 1,  # torch has none for processors
            precision=options,
            max_epochs=epochs,
            callbacks=chosen,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            gradient_clip_val=1.0,
            plugins=[FolderCheckpoints(workspace.folder)],
        )


def fit(trainer: Trainer, task: Task, data: LightningDataModule, checkpoint: Path | None) -> None:
    """Train, from a checkpoint where one is given; nothing is unpickled from it.

    Raises:
        ModelError: the checkpoint is damaged, or another network's.
        KeyboardInterrupt: the user stopped it.
        SystemExit: with code 143: SIGTERM stopped it, and nothing else handles that.
    """
    with quiet(), _signals_as_ever():
        try:
            trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        except GeoloomError:
            raise
        except DAMAGE as error:
            # The first batch is counted where all has been taken from the checkpoint.
            if checkpoint is None or task.began:
                raise
            raise ModelError(
                f"{checkpoint} cannot be gone on with ({type(error).__name__}): it is damaged, or another "
                "network's; start over with overwrite=True (--overwrite)"
            ) from None


@contextmanager
def _signals_as_ever() -> Iterator[None]:
    """Ctrl-C and SIGTERM as in any program: Lightning leaves with 1 and 0, and keeps the first to itself."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException:
        raise SystemExit(128 + signal.SIGTERM) from None
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if here:
            signal.signal(signal.SIGINT, before)


def load_best(workspace: Workspace, task: Task) -> bool:
    """Give the task the weights of the best epoch; False where none were kept apart.

    Raises:
        ModelError: the checkpoint is damaged, or another network's.
    """
    path = workspace.checkpoints / f"{BEST}.ckpt"
    if not path.exists():
        return False
    try:
        task.load_state_dict(read_checkpoint(path)["state_dict"])
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path} does not hold the weights of this training ({type(error).__name__}); start over with "
            "overwrite=True (--overwrite)"
        ) from error
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning without its banners, tips and misfitting advice; errors and other warnings pass."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in loggers]
    with warnings.catch_warnings():
        for message in _CHATTER:
            warnings.filterwarnings("ignore", message)
        for log in loggers:
            log.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for log, level in zip(loggers, levels, strict=True):
                log.setLevel(level)
