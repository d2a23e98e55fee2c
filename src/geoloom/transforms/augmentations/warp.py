"""Everything in a batch that has pixels, resampled by one map for each sample.

Images and values are bilinear, labels nearest. Legend: B batch, N boxes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ...core.errors import DatasetError
from ...core.outputs.target import IGNORE_INDEX
from ..spatial import has_pixels, noun_of
from .resampler import NEAR_ONE, Resampler, Sum

_WITHOUT_PLACE = ("transform", "bounds")
_BOXES = ("boxes", "box_labels", "box_masks")

Moved = Callable[[int, Tensor], Tensor]
"""Of a sample's number and of corners (N, 2), column and row at edges: where they are after."""


def warped(
    batch: Mapping[str, Any],
    columns: Sum,
    rows: Sum,
    chosen_B: Tensor,
    *,
    matrices_B23: Tensor | None = None,
    moved: Moved | None = None,
) -> dict[str, Any]:
    """A batch seen through a map from each pixel to where it is taken from.

    Guarantee: a pixel is `valid` (`observed`, `valid_series`) only where all neighbours that have a weight
    in it were observed, and `valid` only where the nearest was labelled, too. What lies outside is not valid;
    masks are IGNORE_INDEX there, values NaN, images 0. Samples that are not chosen stay as they are.

    Args:
        batch: Tensors with a leading batch axis; `boxes`, `box_labels` and `box_masks` as lists of tensors.
        columns, rows: Of where each new pixel is taken from, float32, centres at whole numbers.
        chosen_B: bool, on the CPU.
        matrices_B23: The same map, where it is affine, as float64 matrices of (column, row, 1): `transform`
            is turned by them. None: samples lose their place.
        moved: Where corners of boxes go.

    Returns:
        A new dict; images and values are float32, masks int64. `valid` is there, even where it was not.
    """
    count, height, width, device = shape_of(batch)
    numbers = chosen_B.nonzero()[:, 0]
    planes = {key: value for key, value in batch.items() if has_pixels(key, value)}
    if len(numbers) == count:
        resampler = Resampler(columns, rows, (count, height, width))
        made = _resampled(planes, resampler)
    else:
        at = numbers.to(device)
        resampler = Resampler(_of(columns, at), _of(rows, at), (len(numbers), height, width))
        made = _unmoved(planes)
        if len(numbers):
            some = {key: value[at] for key, value in planes.items()}
            for key, value in _resampled(some, resampler).items():
                made[key][at] = value
    out = {**batch, **made}
    _move_place(out, batch, matrices_B23, chosen_B)
    if "boxes" in batch:
        assert moved is not None
        _move_boxes(out, batch, resampler, numbers.tolist(), moved, (height, width))
    return out


def shape_of(batch: Mapping[str, Any]) -> tuple[int, int, int, torch.device]:
    """Samples, rows, columns and device of a batch that has pixels."""
    for key, value in batch.items():
        if has_pixels(key, value):
            return len(value), int(value.shape[-2]), int(value.shape[-1]), value.device
    raise DatasetError(f"a batch with pixels is augmented; found {', '.join(map(str, batch))}")


def _of(places: Sum, at: Tensor) -> Sum:
    """Of some samples; a part that is the same for all of them stays."""
    first, second = (part[at] if len(part) > 1 else part for part in places)
    return first, second


def _unmoved(planes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the types that resampled ones have, and `valid`."""
    out = {
        key: value.to(_MADE.get(noun_of(key), value.dtype), copy=True)
        for key, value in planes.items()
    }
    if "valid" not in out:
        count, height, width, device = shape_of(planes)
        out["valid"] = torch.ones((count, height, width), dtype=torch.bool, device=device)
    return out


_MADE = {"image": torch.float32, "aux": torch.float32, "value": torch.float32}
_MADE |= {"mask": torch.int64, "mask_series": torch.int64}


def _resampled(planes: Mapping[str, Tensor], resampler: Resampler) -> dict[str, Tensor]:
    """All that has rows and columns, every sample moved."""
    out: dict[str, Tensor] = {}
    observed = planes.get("observed", planes.get("valid"))
    weight_BHW: Tensor | None = None
    dated = "valid_series" in planes
    for key, value in planes.items():
        noun = noun_of(key)
        if noun == "image" and dated:
            seen = planes["valid_series"]
            out[key], weight_BTHW = resampler.image(value, seen)
            out["valid_series"] = weight_BTHW > NEAR_ONE
        elif noun in ("image", "aux"):
            out[key], weight = resampler.image(value, observed)
            weight_BHW = weight if weight_BHW is None or noun == "image" else weight_BHW
        elif noun in ("mask", "mask_series"):
            out[key] = resampler.nearest(value.long(), IGNORE_INDEX)
        elif noun == "value":
            out[key] = resampler.values(value)
        elif noun == "multilabel":
            out[key] = resampler.nearest(value, 0)
        elif noun == "valid_series" and key not in out:
            out[key] = resampler.weight(value) > NEAR_ONE
    if weight_BHW is None:
        weight_BHW = resampler.weight(observed)
    seen_after = weight_BHW > NEAR_ONE
    for key, value in planes.items():
        if noun_of(key) == "observed":
            out[key] = seen_after
        elif noun_of(key) == "valid":
            out[key] = resampler.nearest(value, 0).logical_and_(seen_after)
    if "valid" not in planes:
        out["valid"] = seen_after.clone()
    return out


def _move_place(
    out: dict[str, Any],
    batch: Mapping[str, Any],
    matrices_B23: Tensor | None,
    chosen_B: Tensor,
) -> None:
    if not any(key in batch for key in _WITHOUT_PLACE):
        return
    out.pop("bounds", None)
    if matrices_B23 is None:
        out.pop("transform", None)
    elif "transform" in batch:
        before = torch.as_tensor(batch["transform"]).double().view(-1, 2, 3)
        linear, shift = matrices_B23[:, :, :2].cpu(), matrices_B23[:, :, 2].cpu()
        # Of edges, half a pixel from the centres that the matrices are of.
        edges = shift + 0.5 - linear.sum(-1) * 0.5
        old = before[:, :, :2]
        after = torch.cat([old @ linear, old @ edges[..., None] + before[:, :, 2:]], dim=2)
        keep = chosen_B.cpu()[:, None, None]
        out["transform"] = torch.where(keep, after, before).view(-1, 6)


def _move_boxes(
    out: dict[str, Any],
    batch: Mapping[str, Any],
    resampler: Resampler,
    numbers: list[int],
    moved: Moved,
    shape: tuple[int, int],
) -> None:
    """Boxes around their moved corners, clipped; those that have left the image are left out."""
    results: dict[str, list[Tensor]] = {key: list(batch[key]) for key in _BOXES if key in batch}
    for place, i in enumerate(numbers):
        boxes_N4 = batch["boxes"][i].float()
        corners = boxes_N4[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
        after = moved(i, corners.double()).view(-1, 4, 2).float()
        size = torch.tensor(shape[::-1], device=after.device)
        low = after.amin(1).clamp(min=0).minimum(size)
        high = after.amax(1).clamp(min=0).minimum(size)
        there = (high > low).all(-1)
        results["boxes"][i] = torch.cat([low, high], dim=1)[there]
        if "box_labels" in results:
            results["box_labels"][i] = results["box_labels"][i][there]
        if "box_masks" in results:
            masks_NHW = results["box_masks"][i][there]
            results["box_masks"][i] = resampler.masks_of(place, masks_NHW)
    out.update(results)
