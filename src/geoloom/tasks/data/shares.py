"""Which samples of which batch a device reads.

Both are samplers for `DataLoader(batch_size=None)`, which hands their batches to a `BatchReader` whole, and
torch `DistributedSampler`s by type: so Lightning knows that the shares are made, and leaves them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data.distributed import DistributedSampler

from ...core.errors import ConfigError
from ...transforms.draws import sample_seeds
from ..sums import device_count, rank
from .order import Items, Order


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One batch of one device."""

    items: list[Any]
    """What the dataset is asked for."""
    seeds: Tensor | None = None
    """int64, one per sample, by which it is augmented; None where nothing is drawn."""


class TrainingBatches(DistributedSampler[BatchRequest]):
    """A device's share of each batch of an epoch.

    Guarantee: the shares of all devices are together exactly the batches of one device, sample by sample with
    the same seeds. An epoch's samples that fill no batch at its end are left out.

    Args:
        order: Of the samples.
        batch_size: Samples of a batch, over all devices.
        seed: Of the training, from which those of the samples follow.

    Raises:
        ConfigError: a batch cannot be divided among the devices.
    """

    def __init__(self, order: Order, batch_size: int, seed: int) -> None:
        # Not the base's: it would divide the samples itself.
        self.order = order
        self.batch_size = min(batch_size, len(order))
        self.seed = seed
        self.epoch = 0
        self.start = 0
        """Samples of the epoch that were given, to all devices, before the next pass begins."""
        self.given = 0
        """Samples of the epoch that were given by now."""
        check_divisible(batch_size, len(order), device_count())

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before an epoch; the one that a checkpoint stopped in goes on where it did."""
        if epoch != self.epoch:
            self.epoch, self.start, self.given = int(epoch), 0, 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return len(self.order) // self.batch_size if self.batch_size else 0

    def __iter__(self) -> Iterator[BatchRequest]:
        items = self.order.epoch(self.epoch)
        seeds = sample_seeds(self.seed, self.epoch, len(items))
        mine, devices, size = rank(), device_count(), self.batch_size
        for first in range(self.start, len(items) - size + 1, size):
            places = range(first + mine, first + size, devices)
            yield BatchRequest([items[place] for place in places], seeds[list(places)])

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch stands: plain values, the same on all devices and for any number of them."""
        over = self.given + self.batch_size > len(self.order)
        return {
            "epoch": self.epoch + over,
            "given": 0 if over else self.given,
            "augmentation_seed": self.seed,
            **self.order.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the samples that were not given yet.

        Raises:
            ConfigError: the state is of a training on other data or with another seed.
        """
        self.order.load_state(state)
        if state["augmentation_seed"] != self.seed:
            raise ConfigError(
                f"the checkpoint is of a training with seed {state['augmentation_seed']}, and the data "
                f"module has seed {self.seed}; resume it with its own"
            )
        self.epoch, self.start = int(state["epoch"]), int(state["given"])
        self.given = self.start


class EvenBatches(DistributedSampler[BatchRequest]):
    """A device's share of samples that are all to be counted, each once.

    Guarantee: over all devices each sample is given once, none twice; and every device has equally many
    batches, as `DistributedDataParallel` waits for all of them in each.

    Args:
        items: What the dataset is asked for, in order.
        batch_size: Samples of a batch, over all devices.

    Raises:
        ConfigError: there are fewer samples than devices.
    """

    def __init__(self, items: Items, batch_size: int) -> None:
        devices, count = device_count(), len(items)
        check_enough(count, devices)
        share = max(batch_size // devices, 1)
        batches = min(-(-count // (devices * share)), count // devices)
        mine = np.arange(rank(), count, devices)
        self._items = items
        self._parts = np.array_split(mine, batches) if batches else []

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[BatchRequest]:
        for part in self._parts:
            yield BatchRequest([self._items[place] for place in part.tolist()])

    def set_epoch(self, epoch: int) -> None:
        """All epochs are alike."""


def check_enough(samples: int, devices: int) -> None:
    """Refuse fewer samples than devices: some would have none to validate or test.

    Raises:
        ConfigError: there are fewer, and not none at all.
    """
    if 0 < samples < devices:
        raise ConfigError(
            f"{samples} samples cannot be validated or tested on {devices} devices: some would have none; "
            "give more samples or fewer devices"
        )


def check_divisible(batch_size: int, samples: int, devices: int) -> None:
    """Refuse batches that the devices cannot share equally.

    Raises:
        ConfigError: there is no sample, or a remainder; the message names sizes that have none.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}; give at least 1")
    if not samples:
        raise ConfigError("there is no sample to learn from")
    taken = min(batch_size, samples)
    if taken % devices == 0:
        return
    lower = taken - taken % devices
    sizes = [str(size) for size in (lower, lower + devices) if 0 < size <= samples]
    raise ConfigError(
        f"a batch of {taken} of {samples} samples cannot be divided equally among {devices} devices; "
        "batch_size counts those of all devices together: give "
        + (" or ".join(sizes) if sizes else "more samples, or fewer devices")
    )
