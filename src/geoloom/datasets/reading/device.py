"""Batches on a device: moved as the files hold them, converted and scaled there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from typing import TYPE_CHECKING, Any

from ...core.bands import Band
from ...core.errors import DatasetError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


_PLACE = frozenset({"transform", "bounds", "times"})


def to_device(
    batch: Mapping[str, Any],
    device: str | torch.device,
    *,
    bands: Sequence[Band] | None = None,
    convert: bool = True,
) -> dict[str, Any]:
    """A batch on a device, its image and mask in the types that networks and losses want.

    What crosses to the device is what the batch holds: for 16-bit imagery half of what float32 takes.
    Copies from pinned memory do not wait for the device; others do, as their memory may be used again.

    Args:
        batch: As a loader gives it, lists of tensors included; not altered.
        device: Where to.
        bands: Of the image, one per channel, whose scale and offset to apply; None for none.
        convert: Make images float32 and masks int64; False leaves the types as they are.

    Returns:
        The same keys; what is not a tensor is passed on. `crs`, `transform`, `bounds` and `times` stay on the
        CPU: they say where the pixels lie.

    Raises:
        DatasetError: the image has another number of channels than `bands`, or is to be scaled unconverted.

    Example:
        >>> import torch
        >>> batch = {"image": torch.ones((1, 1, 2, 2), dtype=torch.uint16)}
        >>> to_device(batch, "cpu", bands=[Band("red", scale=0.5)])["image"][0, 0, 0, 0].item()
        0.5
    """
    import torch

    if bands is not None and not convert:
        raise DatasetError("scaled values are float32: scale with convert=True, or give no bands")
    moved = {
        name: value if name in _PLACE else _each(value, partial(_moved, device=device))
        for name, value in batch.items()
    }
    if not convert:
        return moved
    if "image" in moved:
        moved["image"] = _each(moved["image"], lambda image: image.to(torch.float32))
    if "image" in moved and bands is not None:
        moved["image"] = _each(moved["image"], partial(_scaled, bands=bands))
    if "mask" in moved:
        moved["mask"] = moved["mask"].to(torch.int64)
    return moved


def _each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A tensor changed, or each of a list of them; anything else as it is."""
    import torch

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, list) and any(isinstance(entry, torch.Tensor) for entry in value):
        return [change(entry) for entry in value]
    return value


def _moved(value: Tensor, device: str | torch.device) -> Tensor:
    # Whether a device copies pageable memory before it returns is CUDA's promise, not torch's.
    return value.to(device, non_blocking=value.is_pinned())


def _scaled(image: Tensor, bands: Sequence[Band]) -> Tensor:
    import torch

    channels = image.shape[-3]
    if len(bands) != channels:
        raise DatasetError(
            f"the image has {channels} channels and {len(bands)} bands are given; give the dataset's own, "
            "dataset.bands"
        )
    factors = torch.tensor(
        [[b.scale, b.offset] for b in bands], dtype=torch.float32, device=image.device
    )
    scale, offset = factors.T[..., None, None]
    scaled: Tensor = image * scale + offset
    return scaled


class DeviceBatches:
    """The batches of a loader, on a device. `geoloom.loader(..., device=...)` makes it.

    Args:
        batches: The loader.
        device, bands, convert: As `to_device`.
    """

    def __init__(
        self,
        batches: Iterable[Any],
        device: str | torch.device,
        *,
        bands: Sequence[Band] | None = None,
        convert: bool = True,
    ) -> None:
        self.batches, self.device = batches, device
        self.bands, self.convert = bands, convert

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches:
            yield to_device(batch, self.device, bands=self.bands, convert=self.convert)

    def __len__(self) -> int:
        if not isinstance(self.batches, Sized):
            raise TypeError(f"{type(self.batches).__name__} has no length")
        return len(self.batches)
