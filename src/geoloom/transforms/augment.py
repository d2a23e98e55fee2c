"""Rotations and flips that move whole pixels: exact on images, masks, boxes and georeference alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..core.errors import ConfigError
from .draws import integers
from .spatial import pixel_shape, spatial_keys
from .symmetries import (
    AUGMENTATIONS,
    MOVES,
    SYMMETRIES,
    Move,
    move_array,
    move_boxes,
    turn_transform,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "AUGMENTATIONS",
    "SYMMETRIES",
    "ChipSource",
    "FullCopies",
    "augment",
    "augment_array",
    "augment_sample",
    "check_augmentations",
    "chosen_augmentations",
    "turns_of",
]

_BOXES = ("boxes", "box_masks")


class ChipSource(Protocol):
    """What `FullCopies` multiplies: any map-style dataset of samples."""

    def __len__(self) -> int:
        """How many samples."""
        ...

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """One sample."""
        ...


def check_augmentations(names: Sequence[str]) -> tuple[str, ...]:
    """The names of turns and flips, once each is known.

    Raises:
        ConfigError: a name is unknown; the message names the nearest.

    Example:
        >>> check_augmentations(["rot90"])
        ('rot90',)
    """
    for name in names:
        MOVES.get(name)
    return tuple(names)


def chosen_augmentations(choice: str | Sequence[str]) -> tuple[str, ...]:
    """The operations that a choice means.

    Args:
        choice: Some of `SYMMETRIES`, or `all` (the six of `AUGMENTATIONS`) or `none` of them; and further
            ones with their options, as of `make_augmentation`, such as `rotate:degrees=30`.

    Raises:
        ConfigError: a name or option is unknown, or `all` or `none` stands beside some of `SYMMETRIES`.

    Example:
        >>> chosen_augmentations("none"), chosen_augmentations(["rot90"])
        ((), ('rot90',))
        >>> chosen_augmentations(["all", "noise"])[-2:]
        ('flip_transpose', 'noise')
    """
    from .augmentations.registry import make_augmentation

    names = (choice,) if isinstance(choice, str) else tuple(choice)
    words: dict[str, tuple[str, ...]] = {"all": AUGMENTATIONS, "none": ()}
    said = [name for name in names if name in words]
    moves = [name for name in names if name in MOVES]
    further = [name for name in names if name not in words and name not in MOVES]
    if said and len(said) + len(moves) > 1:
        raise ConfigError(
            f"augment is {', '.join(names)}; give {said[0]} alone, or the operations by their names"
        )
    for text in further:
        make_augmentation(text)
    return (*(words[said[0]] if said else moves), *further)


def turns_of(names: Sequence[str]) -> tuple[str, ...]:
    """Those that are turns and flips without options, some of `SYMMETRIES`."""
    return tuple(name for name in names if name in MOVES)


def augment_array(array: Any, name: str) -> Any:
    """One operation on the last two axes of a numpy array or torch tensor of any dtype.

    Example:
        >>> import numpy as np
        >>> augment_array(np.array([[1, 2], [3, 4]]), "rot90").tolist()
        [[2, 4], [1, 3]]
    """
    return move_array(array, MOVES.get(name))


def augment_sample(sample: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One operation on everything in a sample (or a batch) that has pixels, all moved alike.

    `transform`, where present, is turned too, so that each pixel keeps its place on Earth; `bounds` stay.
    So are `boxes` and `box_masks`, exactly; of a batch they may be lists of one entry per sample.

    Args:
        sample: As a dataset gives it, with or without a leading batch axis.
        name: One of `SYMMETRIES`.

    Returns:
        A new dict; the arrays of the one given stay as they are.

    Raises:
        ConfigError: the name is unknown, or there are boxes, and nothing says how large the image is.

    Example:
        >>> import numpy as np
        >>> augment_sample({"mask": np.array([[1, 2]])}, "flip_left_right")["mask"].tolist()
        [[2, 1]]
    """
    move, shape = MOVES.get(name), _shape_of(sample)
    out = dict(sample)
    for key in spatial_keys(sample):
        out[key] = move_array(sample[key], move)
    if shape is not None:
        if "transform" in sample:
            out["transform"] = turn_transform(sample["transform"], move, shape)
        for key in _boxes_in(sample):
            of_samples = isinstance(sample[key], list | tuple)
            parts = sample[key] if of_samples else [sample[key]]
            moved = [_moved_boxes(key, part, move, shape) for part in parts]
            out[key] = moved if of_samples else moved[0]
    return out


def augment(
    batch: Mapping[str, Any], seeds_B: Tensor, names: Sequence[str] = AUGMENTATIONS
) -> dict[str, Any]:
    """A random operation for each sample of a batch, the untouched sample being one of the choices.

    Each of the operations and "leave it" is equally likely, so an epoch has the mix of `FullCopies`. An
    `Augmentation`.

    Args:
        batch: Tensors with a leading batch axis, as a DataLoader gives them, on any device; `boxes` and
            `box_masks` as lists of one tensor per sample.
        seeds_B: int64, one per sample; best on the CPU, as a GPU would be waited for.
        names: Operations to choose from.

    Returns:
        A new dict of new tensors, each of the shape and dtype that it had.

    Raises:
        ConfigError: a name is unknown, an operation would change the shape of chips that are not square, or
            there are boxes, and nothing says how large the image is.
    """
    names = check_augmentations(names)
    choices = integers(seeds_B, 1, len(names) + 1)[:, 0].tolist()
    return move_batch(batch, [None if i == len(names) else names[i] for i in choices], names)


def move_batch(
    batch: Mapping[str, Any], chosen: Sequence[str | None], names: Sequence[str]
) -> dict[str, Any]:
    """A batch with each sample moved by its own operation, or left.

    Args:
        batch: As of `augment`.
        chosen: The operation of each sample; None leaves it.
        names: Those that were to choose from, all of which the shape of the image must allow.

    Raises:
        ConfigError: as `augment`.
    """
    height, width = shape = _shape_of(batch) or (0, 0)
    turning = [name for name in names if MOVES.get(name).transpose]
    if height != width and turning:
        raise ConfigError(
            f"chips of {height} x {width} are not square: {', '.join(turning)} would change their shape; "
            "leave these out"
        )
    moves = {i: MOVES.get(name) for i, name in enumerate(chosen) if name is not None}
    out = dict(batch)
    for key in spatial_keys(batch):
        out[key] = batch[key].clone()
        for i, move in moves.items():
            out[key][i] = move_array(batch[key][i], move)
    if "transform" in batch:
        out["transform"] = batch["transform"].clone()
        for i, move in moves.items():
            out["transform"][i] = turn_transform(batch["transform"][i], move, shape)
    for key in _boxes_in(batch):
        parts = list(batch[key])
        for i, move in moves.items():
            parts[i] = _moved_boxes(key, parts[i], move, shape)
        out[key] = parts if isinstance(batch[key], list | tuple) else _stacked(parts, batch[key])
    return out


def _boxes_in(sample: Mapping[str, Any]) -> list[str]:
    return [key for key in _BOXES if key in sample]


def _moved_boxes(key: str, boxes: Any, move: Move, shape: tuple[int, int]) -> Any:
    return move_array(boxes, move) if key == "box_masks" else move_boxes(boxes, move, shape)


def _stacked(parts: list[Tensor], before: Tensor) -> Tensor:
    import torch

    return torch.stack(parts) if parts else before


def _shape_of(sample: Mapping[str, Any]) -> tuple[int, int] | None:
    """Rows and columns of the image.

    Raises:
        ConfigError: there are boxes, and nothing has rows and columns.
    """
    shape = pixel_shape(sample)
    if shape is None and _boxes_in(sample):
        raise ConfigError(
            f"the samples hold {' and '.join(_boxes_in(sample))} and nothing that says how large the image "
            "is; give them with their image"
        )
    return shape


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
        >>> import numpy as np
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
