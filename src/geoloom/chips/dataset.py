"""Chips as samples for torch's DataLoader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np
import torch

from ..core.classes import Classes
from ..core.errors import ChipError, suggest
from ..core.outputs import ClassOutputs, ValueOutputs
from ..core.query import Sample
from ..datasets.reading.sample import torch_dtype
from ..io.buffers import BUFFERS
from .zarr.read_many import Plane, read_many
from .zarr.shard_reader import ShardedArray

GivenDtype = Literal["native", "stored", "float32"]
GivenLabels = Literal["positions", "codes"]


class StoredChips(Protocol):
    """What samples are made of: a `ChipStore`."""

    outputs: ClassOutputs | ValueOutputs | None
    label_plane: str | None

    @property
    def classes(self) -> Classes | None:
        """What the codes of a mask mean."""
        ...

    @property
    def channels(self) -> int:
        """Bands of every chip."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of every chip, pixels."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored type of the images."""
        ...

    def plane(self, name: str) -> ShardedArray:
        """A stored array as a whole."""
        ...

    def places(self, chips: np.ndarray) -> np.ndarray:
        """Where chips (n,) are stored in the arrays that `plane` gives."""
        ...

    def crs(self, i: int) -> str:
        """CRS of chip `i`."""
        ...

    def transforms(self, chips: np.ndarray) -> np.ndarray:
        """(n, 6) affines of the upper-left pixel corners."""
        ...

    @property
    def column_names(self) -> tuple[str, ...]:
        """What chips hold besides."""
        ...

    def column(self, name: str, chips: np.ndarray) -> np.ndarray | list[str]:
        """An entry of chips (n,)."""
        ...


class ChipDataset(torch.utils.data.Dataset[Mapping[str, Any]]):
    """Chips of one store, chosen by position. Picklable, and safe under fork and spawn.

    Samples hold `image` (C, H, W); where the store has labels, `mask` (H, W) int64 or `value` (K, H, W)
    float32, NaN = unknown; `valid` (H, W) bool,
    True = observed and labelled; `observed` (H, W) bool, True = observed in every band; `crs`, `transform`,
    `bounds`; and the store's columns: labels per image, and whatever else is known of a chip. Loss and
    metrics look at `valid`; what the network is shown is a matter of `observed`.

    A `DataLoader` asks for whole batches: threads read them straight into the batch's own memory, which
    `geoloom.loader` hands on without a copy.

    Args:
        store: An open chip store.
        indices: Positions in the store, in the order wanted.
        dtype: Of the image. `native`: as stored, but uint16 as float32 and uint32 as int64, since torch can
            scarcely compute with those; `stored`: as stored, to convert on the device; `float32`.
        labels: What the mask holds, in a store that knows its classes: `positions` 0..K-1 of the classes, as
            losses need them, or the `codes` stored, as the labels' files have them.

    Raises:
        ChipError: `dtype` or `labels` is none of those.
    """

    def __init__(
        self,
        store: StoredChips,
        indices: Sequence[int] | np.ndarray,
        *,
        dtype: GivenDtype = "native",
        labels: GivenLabels = "positions",
    ) -> None:
        for value, known in ((dtype, GivenDtype), (labels, GivenLabels)):
            if value not in get_args(known):
                raise ChipError(
                    f"chips are not given as {value!r}{suggest(value, get_args(known))}"
                )
        self.store = store
        self.indices = np.asarray(indices, dtype=np.int64)
        self._dtype = np.dtype(np.float32) if dtype == "float32" else store.dtype
        if dtype == "native":
            self._dtype = torch_dtype(store.dtype)
        self._table: np.ndarray | None = None
        if store.classes is not None and labels == "positions":
            self._table = store.classes.encode(np.arange(256))[0]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self._samples(self.indices[[index]], np.empty)[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """The samples of a batch, read together by threads; a `DataLoader` asks for batches through this.

        Guarantee: equal, bit for bit, to asking for one after the other. They are adjacent in
        memory, so that `collate` need not copy them.

        Raises:
            ChipError: the store is damaged.
        """
        return self._samples(self.indices[list(indices)], BUFFERS.take)

    def _samples(self, chips: np.ndarray, take: Any) -> list[Sample]:
        store, count = self.store, len(chips)
        height, width = store.size
        layers = {
            "image": take((count, store.channels, height, width), self._dtype),
            "valid": take((count, height, width), np.dtype(np.bool_)),
            "observed": take((count, height, width), np.dtype(np.bool_)),
        }
        if store.label_plane == "mask":
            layers["mask"] = take((count, height, width), np.dtype(np.int64))
        elif store.label_plane == "value":
            assert store.outputs is not None  # as the store has checked
            shape = (count, store.outputs.channels, height, width)
            layers["value"] = take(shape, np.dtype(np.float32))
        planes = [
            Plane(store.plane(name), out, self._table if name == "mask" else None)
            for name, out in layers.items()
        ]
        read_many(planes, store.places(chips), threads=1 if _in_worker() else None)
        transforms = store.transforms(chips)
        layers["transform"], layers["bounds"] = transforms, _bounds(transforms, store.size)
        tensors: dict[str, Any] = {n: torch.from_numpy(values) for n, values in layers.items()}
        for name in store.column_names:
            entries = store.column(name, chips)
            tensors[name] = entries if isinstance(entries, list) else torch.from_numpy(entries)
        samples: list[Any] = [
            {**{name: values[k] for name, values in tensors.items()}, "crs": store.crs(i)}
            for k, i in enumerate(chips.tolist())
        ]
        return samples


def _in_worker() -> bool:
    """Whether this is a loader's worker process, beside which others already use the processors."""
    return torch.utils.data.get_worker_info() is not None


def _bounds(transforms: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, 4) left, bottom, right, top of the chips' outlines, whatever their rotation."""
    a, b, c, d, e, f = transforms.T[..., None]
    height, width = size
    x = c + np.concatenate([0 * a, a * width, b * height, a * width + b * height], axis=1)
    y = f + np.concatenate([0 * d, d * width, e * height, d * width + e * height], axis=1)
    return np.stack([x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)], axis=1)
