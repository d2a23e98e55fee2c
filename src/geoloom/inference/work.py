"""One batch of tiles: read, run through the model, weighted. Runs in this process or in any other.

Legend: B batch, T dates, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..core.errors import ModelError
from ..core.grid import PixelWindow, window_grid
from ..core.roi import Roi
from ..io.vector.areas import roi_mask
from .blend import tile_weights
from .plan import Batch, Plan, Tile
from .predictor import Device, ModelSource, Precision
from .sources.source import Source, SourcePixels
from .symmetries import Answer, mean_over_symmetries

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..models.scene_bands import InputBands


@dataclass(frozen=True, slots=True, eq=False)
class LoadedBatch:
    """The pixels of the tiles in which something was observed."""

    batch: Batch
    seen: tuple[int, ...]
    """Positions in the batch of the tiles that hold an observed pixel."""
    images: NDArray[Any]
    """(B, C, H, W) stored values of those tiles, native dtype; of a series (B, T, C, H, W)."""
    valid: NDArray[np.bool_]
    """(B, H, W), True = observed: in all bands, and of a series at as many dates as it demands."""
    times: NDArray[np.float64] | None = None
    """(B, T), seconds since 1970 UTC; None where there is no T axis."""
    valid_series: NDArray[np.bool_] | None = None
    """(B, T, H, W), True = observed at that date."""

    @classmethod
    def of(cls, batch: Batch, pixels: dict[int, SourcePixels]) -> LoadedBatch:
        """The pixels of some of a batch's tiles, by position."""
        if not pixels:
            return cls(batch, (), np.empty((0,)), np.empty((0,), bool))
        read = pixels.values()
        dated = [(p.times, p.valid_series) for p in read if p.times is not None]
        return cls(
            batch,
            tuple(pixels),
            np.stack([p.values for p in read]),
            np.stack([p.valid for p in read]),
            np.stack([times for times, _ in dated]) if dated else None,
            np.stack([seen for _, seen in dated if seen is not None]) if dated else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class TileResult:
    """What a tile gives to the map."""

    scores: NDArray[np.float32] | None
    """(K, H, W), weighted, without the part of the halo that is cut off; None where nothing was observed."""
    valid: NDArray[np.bool_] | None
    """(H, W) of `tile.emit`, True = observed; None where nothing was."""


@dataclass(frozen=True, slots=True, eq=False)
class TileWork:
    """How to turn a batch of tiles into results. Plain data: it travels to other processes.

    Guarantee: the results of a batch depend on the batch, the source and the model alone.
    """

    source: Source
    grid: GeoBox
    """The map's pixels: those of the source, or a window of them."""
    input: InputBands
    """The model's bands in the source."""
    plan: Plan
    model: ModelSource
    device: Device
    precision: Precision
    tta: bool = False
    """Whether to average over the symmetries of a tile."""
    wanted: Callable[[Tile], bool] | None = None
    """Whether a tile is asked about: others count as not observed. None for all."""
    roi: Roi | None = None
    """Area of interest in the CRS of the source's grid: pixels outside count as not observed, though the
    model sees them around it. None for everywhere."""

    def load(self, batch: Batch) -> LoadedBatch:
        """Read a batch. Any thread may; several may at once."""
        pixels: dict[int, SourcePixels] = {}
        for i, tile in enumerate(batch.tiles):
            if not self.reads(tile):
                continue
            read = self.source.read(self.ground(tile), self.input.numbers)
            if read is not None and read.valid.any():
                pixels[i] = read
        return LoadedBatch.of(batch, pixels)

    def ground(self, tile: Tile) -> GeoBox:
        """The pixels of the source that decide a tile."""
        return window_grid(self.grid, tile.read)

    @property
    def read_shape(self) -> tuple[int, int]:
        """Rows and columns of `ground`: the same for every tile."""
        return self.plan.read_shape

    @property
    def seen_shape(self) -> tuple[int, int]:
        """Rows and columns of the images that the model sees."""
        return self.plan.read_shape

    def reads(self, tile: Tile) -> bool:
        """Whether a tile adds to any pixel that is asked about."""
        if self.wanted is not None and not self.wanted(tile):
            return False
        reach = tile.read if self.plan.overlap_px else tile.emit
        return self.roi is None or bool(self._inside(self.roi, reach).any())

    def _inside(self, roi: Roi, window: PixelWindow) -> NDArray[np.bool_]:
        if not (window.height and window.width):
            return np.zeros((window.height, window.width), bool)
        return roi_mask(roi, window_grid(self.grid, window))

    def run(self, loaded: LoadedBatch) -> list[TileResult]:
        """Results in the order of the batch's tiles.

        Raises:
            ModelError: the model's answer has another shape than its classes and input say, or is not a
                number at an observed pixel.
        """
        results = [TileResult(None, None)] * len(loaded.batch.tiles)
        if not loaded.seen:
            return results
        import torch

        predictor, device = self.model.load(self.device)
        with torch.inference_mode(), autocast(self.precision, device):
            image = self.input.convert(_upload(loaded.images, device).to(torch.float32))
            valid = _upload(loaded.valid, device)
            seen, times = valid, None
            if loaded.times is not None and loaded.valid_series is not None:
                seen = _upload(loaded.valid_series, device)
                times = _upload(loaded.times, device)
            scores, decided = self.answers(predictor, image, seen, valid, times)
        tiles = [loaded.batch.tiles[i] for i in loaded.seen]
        self._check(scores, decided)
        weighted = self._weighted(scores, tiles)
        valid_here = decided.cpu().numpy()
        for i, tile, score, all_valid in zip(loaded.seen, tiles, weighted, valid_here, strict=True):
            finished = _cut(tile, all_valid)
            if self.roi is not None:
                finished &= self._inside(self.roi, tile.emit)
            results[i] = TileResult(score, finished)
        return results

    def answers(
        self, predictor: Any, image: Tensor, seen: Tensor, valid: Tensor, times: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The model's scores of some tiles, (B, K, H, W) of `tile.read`, and where they count, (B, H, W).

        Args:
            predictor: The model.
            image: (B, C, H, W) of `ground`, or of a series (B, T, C, H, W).
            seen: Where it was observed, without the C axis.
            valid: (B, H, W), True = asked about.
            times: (B, T) of a series.
        """
        dated = predictor if times is None else partial(predictor, times_BT=times)
        return self.answering(dated)(image, seen), valid

    def answering(self, answer: Answer) -> Answer:
        """Averaged over symmetries, where that is asked for."""
        return partial(mean_over_symmetries, answer) if self.tta else answer

    def __call__(self, batch: Batch) -> list[TileResult]:
        """Read a batch and run it."""
        return self.run(self.load(batch))

    def _weighted(self, scores: Tensor, tiles: list[Tile]) -> NDArray[np.float32]:
        """Scores times blend weights on the scores' own device, or cut to the core, as float32."""
        import torch

        halo = self.plan.halo_px - self.plan.overlap_px
        height, width = self.plan.read_shape
        kept = scores[:, :, halo : height - halo, halo : width - halo].float()
        weights = [tile_weights(self.plan, tile) for tile in tiles]
        if weights[0] is not None:
            stacked = torch.from_numpy(np.stack([w for w in weights if w is not None]))
            kept = kept * stacked[:, None].to(kept.device)
        result: NDArray[np.float32] = kept.contiguous().cpu().numpy()
        return result

    def _check(self, scores: Tensor, valid: Tensor) -> None:
        outputs = self.model.outputs
        expected = (valid.shape[0], outputs.channels, *valid.shape[1:])
        if tuple(scores.shape) != expected:
            raise ModelError(
                f"the model answered with shape {tuple(scores.shape)}, expected {expected}: batch, its "
                f"{outputs.short}, rows, columns"
            )
        numbers = scores.isfinite().all(dim=1)
        wrong = int((~numbers & valid.to(numbers.device)).sum())
        if wrong:
            raise ModelError(
                f"the model answered NaN or infinity at {wrong} of {int(valid.sum())} observed pixels of a "
                f"tile of {self.source.bands.uri}, where a map needs numbers: train it again with a lower "
                "learning rate; or, where precision is float16, predict with float32"
            )


def _cut(tile: Tile, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A tile's validity where the tile finishes pixels: every tile that overlaps there says the same."""
    top, left = tile.emit.row - tile.read.row, tile.emit.col - tile.read.col
    return valid[top : top + tile.emit.height, left : left + tile.emit.width].copy()


def _upload(array: NDArray[Any], device: torch.device) -> Tensor:
    """An array on a device in its own type, so that narrow ones cross to a GPU as they are."""
    import torch

    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Mixed precision: on CUDA unless float32 is asked for, elsewhere only when asked for."""
    import torch

    if precision == "float32" or (precision == "auto" and device.type != "cuda"):
        return nullcontext()
    dtype = torch.bfloat16 if precision == "auto" else getattr(torch, precision)
    return torch.autocast(device.type, dtype=dtype)
