"""Everything in a batch that has pixels, resampled by one map for each sample.

Images and values are bilinear, labels nearest. Legend: B batch, T dates, C bands, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from ...core.errors import DatasetError
from ...core.outputs.target import IGNORE_INDEX
from ..augment import SPATIAL_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

_NEAR_ONE = 1 - 1e-4
"""Weight of observed neighbours from which a pixel is observed: rounding of coordinates is below the rest."""
_WITHOUT_PLACE = ("transform", "bounds")


def warped(
    batch: Mapping[str, Any],
    source_BHW2: Tensor,
    chosen_B: Tensor,
    *,
    matrices_B23: Tensor | None = None,
    moved: Callable[[int, Tensor], Tensor] | None = None,
) -> dict[str, Any]:
    """A batch seen through a map from each pixel to where it is taken from.

    Guarantee: a pixel is `valid` (`observed`, `valid_series`) only where all neighbours that have a weight
    in it were observed, and `valid` only where the nearest was labelled, too. What lies outside is not valid;
    masks are IGNORE_INDEX there, values NaN, images 0. Samples that are not chosen stay as they are.

    Args:
        batch: Tensors with a leading batch axis; `boxes`, `box_labels` and `box_masks` as lists of tensors.
        source_BHW2: float32, column and row of where each new pixel is taken from, centres at whole
            numbers.
        chosen_B: bool.
        matrices_B23: The same map, where it is affine, as float64 matrices of (column, row, 1): `transform`
            is turned by them. None: samples lose their place.
        moved: Of a sample's number and of corners (N, 2), column and row at edges: where they are after.

    Returns:
        A new dict; images and values are float32, masks int64. `valid` is there, even where it was not.
    """
    chosen = chosen_B.to(source_BHW2.device)
    sampler = _Sampler(source_BHW2)
    out = dict(batch)
    observed = batch.get("observed", batch.get("valid"))
    covered = torch.ones_like(sampler.inside) if observed is None else observed
    weight_B1HW = sampler.weight(covered[:, None])
    for key, value in batch.items():
        noun = key.partition(":")[0]
        if noun in ("image", "aux"):
            dates = batch.get("valid_series") if noun == "image" else None
            if dates is None:
                out[key] = sampler.image(value, covered[:, None], weight_B1HW)
            else:
                out[key] = sampler.image(value, dates, sampler.weight(dates), dated=True)
        elif noun in ("mask", "mask_series"):
            out[key] = sampler.nearest(value.long(), IGNORE_INDEX)
        elif noun == "value" and value.ndim > 3:
            out[key] = sampler.values(value)
        elif noun == "multilabel" and value.ndim > 3:
            out[key] = sampler.nearest(value, 0)
        elif key == "valid_series":
            out[key] = sampler.weight(value) > _NEAR_ONE
    seen_after = weight_B1HW[:, 0] > _NEAR_ONE
    if "observed" in batch:
        out["observed"] = seen_after
    labelled = batch.get("valid", covered)
    out["valid"] = sampler.nearest(labelled, 0) & seen_after
    for key, value in out.items():
        before = batch.get(key)
        if value is before:
            continue
        if before is None:
            before = torch.ones_like(value)
        keep = chosen.view(-1, *[1] * (value.ndim - 1))
        out[key] = torch.where(keep, value, before.to(value.dtype))
    _move_place(out, batch, matrices_B23, chosen_B)
    if "boxes" in batch:
        _move_boxes(out, batch, sampler, chosen_B, moved)
    return out


def shape_of(batch: Mapping[str, Any]) -> tuple[int, int, int, torch.device]:
    """Samples, rows, columns and device of a batch that has pixels."""
    for key, value in batch.items():
        noun = key.partition(":")[0]
        if noun in SPATIAL_KEYS or (noun in ("value", "multilabel") and value.ndim > 3):
            return len(value), int(value.shape[-2]), int(value.shape[-1]), value.device
    raise DatasetError(f"a batch with pixels is augmented; found {', '.join(map(str, batch))}")


class _Sampler:
    """Resamples planes at given places."""

    def __init__(self, source_BHW2: Tensor) -> None:
        b, h, w, _ = source_BHW2.shape
        size = torch.tensor([w, h], dtype=torch.float32, device=source_BHW2.device)
        self._grid = (2 * source_BHW2 + 1) / size - 1
        near = source_BHW2.round()
        self.inside = ((near >= 0) & (near <= size - 1)).all(-1)
        at = near.clamp(min=0).minimum(size - 1).long()
        self._index_BN = (at[..., 1] * w + at[..., 0]).view(b, -1)

    def nearest(self, planes: Tensor, fill: int) -> Tensor:
        """(B, ..., H, W) of any dtype."""
        b, (h, w) = len(planes), planes.shape[-2:]
        flat = planes.reshape(b, -1, h * w)
        taken = flat.gather(2, self._index_BN[:, None].expand(-1, flat.shape[1], -1))
        taken = taken.view(b, -1, h, w)
        filled = torch.where(self.inside[:, None], taken, torch.full_like(taken, fill))
        return filled.view(planes.shape)

    def weight(self, planes: Tensor) -> Tensor:
        """Of bool (B, N, H, W): the weight of neighbours that are True and inside, float32."""
        return self._bilinear(planes.float())

    def image(self, image: Tensor, seen: Tensor, weight: Tensor, *, dated: bool = False) -> Tensor:
        """float32 (B, ..., H, W); what was not observed has no part in its neighbours."""
        numbers = image.float()
        known = torch.isfinite(numbers)
        if dated:
            seen, weight = seen[:, :, None], weight[:, :, None]
        elif image.ndim == 5:
            seen, weight = seen[:, None], weight[:, None]
        return _over(self._bilinear(torch.where(known & seen, numbers, 0.0)), weight)

    def values(self, values: Tensor) -> Tensor:
        """float32 (B, K, H, W), NaN where any neighbour with a weight is."""
        numbers = values.float()
        known = ~torch.isnan(numbers)
        weight = self.weight(known)
        taken = _over(self._bilinear(torch.where(known, numbers, 0.0)), weight)
        return torch.where(weight > _NEAR_ONE, taken, torch.nan)

    def _bilinear(self, planes: Tensor) -> Tensor:
        b, (h, w) = len(planes), planes.shape[-2:]
        flat = planes.reshape(b, -1, h, w)
        taken = functional.grid_sample(
            flat, self._grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        return taken.view(planes.shape)


def _over(total: Tensor, weight: Tensor) -> Tensor:
    """A sum over its weight where that is nearly whole; elsewhere the sum."""
    return total / torch.where(weight > _NEAR_ONE, weight, 1.0)


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
    sampler: _Sampler,
    chosen_B: Tensor,
    moved: Callable[[int, Tensor], Tensor] | None,
) -> None:
    """Boxes around their moved corners, clipped; those that have left the image are left out."""
    keys = [key for key in ("boxes", "box_labels", "box_masks") if key in batch]
    results: dict[str, list[Tensor]] = {key: list(batch[key]) for key in keys}
    height, width = sampler.inside.shape[1:]
    for i in chosen_B.nonzero()[:, 0].tolist():
        assert moved is not None
        boxes_N4 = batch["boxes"][i].float()
        corners = boxes_N4[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
        after = moved(i, corners.double()).view(-1, 4, 2).float()
        size = torch.tensor([width, height], device=after.device)
        low = after.amin(1).clamp(min=0).minimum(size)
        high = after.amax(1).clamp(min=0).minimum(size)
        there = (high > low).all(-1)
        results["boxes"][i] = torch.cat([low, high], dim=1)[there]
        if "box_labels" in results:
            results["box_labels"][i] = results["box_labels"][i][there]
        if "box_masks" in results:
            masks_NHW = results["box_masks"][i][there]
            index = sampler._index_BN[i].expand(len(masks_NHW), -1)
            taken = masks_NHW.flatten(1).gather(1, index).view(masks_NHW.shape)
            results["box_masks"][i] = taken & sampler.inside[i]
    out.update(results)
