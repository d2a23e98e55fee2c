"""Rotations and flips that move whole pixels: exact on images, masks, validity and georeference alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..core.errors import ConfigError
from ..core.registry import Registry
from .draws import integers

if TYPE_CHECKING:
    from torch import Tensor

SPATIAL_KEYS = ("image", "mask", "mask_series", "valid", "observed", "valid_series", "aux")
"""Entries of a sample whose last two axes are rows and columns; of several layers, `mask:NAME` each."""
_PERHAPS_SPATIAL = ("value", "multilabel")
"""Likewise where they hold something for each pixel, (..., K, H, W), and not for the image, (..., K)."""
_BOXES = ("boxes", "box_masks")


@dataclass(frozen=True, slots=True)
class _Move:
    """Transpose first, then flip; every symmetry of the square is one of the eight."""

    transpose: bool = False
    flip_rows: bool = False
    flip_cols: bool = False


_MOVES: Registry[_Move] = Registry(
    "augmentation",
    {
        "rot90": _Move(transpose=True, flip_rows=True),
        "rot180": _Move(flip_rows=True, flip_cols=True),
        "rot270": _Move(transpose=True, flip_cols=True),
        "flip_left_right": _Move(flip_cols=True),
        "flip_up_down": _Move(flip_rows=True),
        "flip_transpose": _Move(transpose=True),
    },
)

AUGMENTATIONS: tuple[str, ...] = tuple(_MOVES)
"""The six operations. Rotations are anticlockwise; `flip_transpose` swaps rows and columns."""


class ChipSource(Protocol):
    """What `FullCopies` multiplies: any map-style dataset of samples."""

    def __len__(self) -> int:
        """How many samples."""
        ...

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """One sample."""
        ...


def check_augmentations(names: Sequence[str]) -> tuple[str, ...]:
    """The names, once each is known.

    Raises:
        ConfigError: a name is unknown; the message names the nearest.

    Example:
        >>> check_augmentations(["rot90"])
        ('rot90',)
    """
    for name in names:
        _MOVES.get(name)
    return tuple(names)


def chosen_augmentations(choice: str | Sequence[str]) -> tuple[str, ...]:
    """The operations that a choice means.

    Args:
        choice: Some of `AUGMENTATIONS`, `all` or `none` of them; and further ones with their options, as
            of `make_augmentation`, such as `rotate:degrees=30`.

    Raises:
        ConfigError: a name or option is unknown, or `all` or `none` stands beside some of `AUGMENTATIONS`.

    Example:
        >>> chosen_augmentations("none"), chosen_augmentations(["rot90"])
        ((), ('rot90',))
        >>> chosen_augmentations(["all", "noise"])[-2:]
        ('flip_transpose', 'noise')
    """
    from .augmentations.registry import check_augmentation

    names = (choice,) if isinstance(choice, str) else tuple(choice)
    words: dict[str, tuple[str, ...]] = {"all": AUGMENTATIONS, "none": ()}
    said = [name for name in names if name in words]
    moves = [name for name in names if name in _MOVES]
    further = [name for name in names if name not in words and name not in _MOVES]
    if said and len(said) + len(moves) > 1:
        raise ConfigError(
            f"augment is {', '.join(names)}; give {said[0]} alone, or the operations by their names"
        )
    for text in further:
        check_augmentation(text, AUGMENTATIONS)
    return (*(words[said[0]] if said else moves), *further)


def turns_of(names: Sequence[str]) -> tuple[str, ...]:
    """Those that are turns and flips, `AUGMENTATIONS`."""
    return tuple(name for name in names if name in _MOVES)


def augment_array(array: Any, name: str) -> Any:
    """One operation on the last two axes of a numpy array or torch tensor of any dtype.

    Example:
        >>> augment_array(np.array([[1, 2], [3, 4]]), "rot90").tolist()
        [[2, 4], [1, 3]]
    """
    check_augmentations([name])
    return _move(array, _MOVES.get(name))


def augment_sample(sample: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One operation on everything in a sample (or a batch) that has pixels, all moved alike.

    `transform`, where present, is turned too, so that each pixel keeps its place on Earth; `bounds` stay.

    Args:
        sample: As a dataset gives it, with or without a leading batch axis.
        name: One of `AUGMENTATIONS`.

    Returns:
        A new dict; the arrays of the one given stay as they are.

    Example:
        >>> augment_sample({"mask": np.array([[1, 2]])}, "flip_left_right")["mask"].tolist()
        [[2, 1]]
    """
    check_augmentations([name])
    move = _MOVES.get(name)
    out = dict(sample)
    for key in _spatial(sample):
        out[key] = _move(sample[key], move)
    if "transform" in sample and (shape := _shape(sample)) is not None:
        out["transform"] = _turn(sample["transform"], move, shape)
    return out


def augment(
    batch: Mapping[str, Any], seeds_B: Tensor, names: Sequence[str] = AUGMENTATIONS
) -> dict[str, Any]:
    """A random operation for each sample of a batch, the untouched sample being one of the choices.

    Each of the operations and "leave it" is equally likely, so an epoch has the mix of `FullCopies`. An
    `Augmentation`.

    Args:
        batch: Tensors with a leading batch axis, as a DataLoader gives them, on any device.
        seeds_B: int64, one per sample; best on the CPU, as a GPU would be waited for.
        names: Operations to choose from.

    Returns:
        A new dict of new tensors, each of the shape and dtype that it had.

    Raises:
        ConfigError: a name is unknown, an operation would change the shape of chips that are not square, or
            there are boxes, which are not moved yet.
    """
    names = check_augmentations(names)
    spatial = _spatial(batch)
    height, width = _shape(batch) or (0, 0)
    turning = [name for name in names if _MOVES.get(name).transpose]
    if height != width and turning:
        raise ConfigError(
            f"chips of {height} x {width} are not square: {', '.join(turning)} would change their shape; "
            "leave these out"
        )
    choices = integers(seeds_B, 1, len(names) + 1)[:, 0].tolist()
    out = dict(batch)
    for key in (*spatial, *(["transform"] if "transform" in batch else [])):
        out[key] = batch[key].clone()
    for i, choice in enumerate(choices):
        if choice == len(names):
            continue
        move = _MOVES.get(names[choice])
        for key in spatial:
            out[key][i] = _move(batch[key][i], move)
        if "transform" in batch:
            out["transform"][i] = _turn(batch["transform"][i], move, (height, width))
    return out


class FullCopies:
    """A dataset followed by one whole copy of it for each operation: 2,000 chips and six make 14,000.

    Item `i` is sample `i % n` of the dataset of length n: untouched for the first n, then moved by the
    first operation, and so on. Nothing is stored; a copy is made when it is asked for.

    Args:
        dataset: Any map-style dataset of samples.
        names: Operations, one copy each.

    Raises:
        ConfigError: a name is unknown.

    Example:
        >>> copies = FullCopies([{"mask": np.array([[1, 2]])}], ["rot180", "flip_up_down"])
        >>> len(copies), copies[1]["mask"].tolist()
        (3, [[2, 1]])
    """

    def __init__(self, dataset: ChipSource, names: Sequence[str] = AUGMENTATIONS) -> None:
        self._dataset = dataset
        self._names = check_augmentations(names)

    def __len__(self) -> int:
        return len(self._dataset) * (1 + len(self._names))

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        copy, item = divmod(index % len(self), len(self._dataset))
        return self._moved(self._dataset[item], copy)

    def __getitems__(self, indices: Sequence[int]) -> list[Mapping[str, Any]]:
        """A batch in one request, so that a dataset that reads batches at once still does."""
        places = [divmod(i % len(self), len(self._dataset)) for i in indices]
        items = [item for _, item in places]
        many = getattr(self._dataset, "__getitems__", None)
        samples = many(items) if many else [self._dataset[item] for item in items]
        return [
            self._moved(sample, copy) for sample, (copy, _) in zip(samples, places, strict=True)
        ]

    def _moved(self, sample: Mapping[str, Any], copy: int) -> Mapping[str, Any]:
        return sample if copy == 0 else augment_sample(sample, self._names[copy - 1])


def _spatial(sample: Mapping[str, Any]) -> list[str]:
    """Which entries have rows and columns."""
    boxes = [key for key in _BOXES if key in sample]
    if boxes:
        raise ConfigError(
            f"the samples hold {' and '.join(boxes)}, which turns and flips do not move yet; leave these out "
            "with augment=()"
        )
    return [
        key
        for key, value in sample.items()
        if (noun := key.partition(":")[0]) in SPATIAL_KEYS
        or (noun in _PERHAPS_SPATIAL and len(value.shape) > 2)
    ]


def _shape(sample: Mapping[str, Any]) -> tuple[int, int] | None:
    for key in _spatial(sample):
        return int(sample[key].shape[-2]), int(sample[key].shape[-1])
    return None


def _move(array: Any, move: _Move) -> Any:
    axes = tuple(axis for axis, flip in ((-2, move.flip_rows), (-1, move.flip_cols)) if flip)
    if isinstance(array, np.ndarray):
        turned = array.swapaxes(-2, -1) if move.transpose else array
        return np.ascontiguousarray(np.flip(turned, axes) if axes else turned)
    bits = _bits(array)
    bits = bits.transpose(-2, -1) if move.transpose else bits
    return (bits.flip(axes) if axes else bits.contiguous()).view(array.dtype)


def _bits(array: Tensor) -> Tensor:
    """The same memory as signed integers, where torch 2.4 moves no unsigned ones."""
    import torch

    signed = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}
    return array.view(signed.get(array.dtype, array.dtype))


def _turn(transform: Any, move: _Move, shape: tuple[int, int]) -> Any:
    """The affine (..., 6) of moved pixels of what was (H, W): old affine after new pixel -> old pixel."""
    height, width = (shape[1], shape[0]) if move.transpose else shape
    col = (-1.0, 0.0, float(width)) if move.flip_cols else (1.0, 0.0, 0.0)
    row = (0.0, -1.0, float(height)) if move.flip_rows else (0.0, 1.0, 0.0)
    if move.transpose:
        col, row = row, col
    a, b, c, d, e, f = (transform[..., i] for i in range(6))
    parts = [
        a * col[0] + b * row[0],
        a * col[1] + b * row[1],
        a * col[2] + b * row[2] + c,
        d * col[0] + e * row[0],
        d * col[1] + e * row[1],
        d * col[2] + e * row[2] + f,
    ]
    if isinstance(transform, np.ndarray):
        return np.stack(parts, axis=-1)
    import torch

    return torch.stack(parts, dim=-1)
