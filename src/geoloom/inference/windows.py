"""A model that answers per image, over a scene: a window of the scene for each pixel of a coarser map.

Legend: B batch, C bands, K classes, H rows, W columns, N windows, R and Q rows and columns of windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.errors import ConfigError, GridError, ModelError
from ..core.grid import PixelWindow, window_grid
from .plan import Tile
from .work import TileWork

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .config import PredictConfig
    from .predictor import ModelSource


@dataclass(frozen=True, slots=True)
class Windows:
    """Square windows at equal steps. Pixel (i, j) of the map is the answer to the window around its centre.

    The map covers the scene from its first row and column in steps of `stride_px`; the last row and column
    may reach beyond it. What of a window lies beyond the scene is not observed. Where size and stride differ
    by an odd number, the windows' centres, and so the map, lie half a scene's pixel further down and right.

    Raises:
        ConfigError: the stride is larger than the window.
    """

    size_px: int
    """Side of a window: what the model sees at once."""
    stride_px: int
    """From one window to the next; the side of the map's pixels, in those of the scene."""
    min_valid: float
    """Least share of a window that is observed; the map is nodata where less is, or nothing."""

    def __post_init__(self) -> None:
        if self.stride_px > self.size_px:
            raise ConfigError(
                f"stride is {self.stride_px} px, and the window {self.size_px} px: what lies between windows "
                f"would be seen in none; give a stride of at most {self.size_px}, or a larger window"
            )

    @classmethod
    def of(cls, model: ModelSource, config: PredictConfig) -> Windows:
        """As a config says; by default, windows of the size that the model was trained on, side by side.

        Raises:
            ConfigError: nothing says how large a window is, or a setting is of models per pixel.
        """
        given = [name for name in ("halo", "blend") if name in config.changed]
        if given:
            raise ConfigError(
                f"the model answers per image, and {' and '.join(given)} of models that answer per pixel; "
                "leave that out: windows overlap where the stride (--stride) is smaller than they are"
            )
        size = config.window or (model.input_px[0] if model.input_px else model.tile_px)
        if size is None:
            raise ConfigError(
                "the model answers per image, and does not say the size of those that it was trained on; "
                "give the side of its windows, window= (--window)"
            )
        if model.input_px not in (None, (size, size)):
            rows, cols = model.input_px
            raise ConfigError(
                f"the model takes images of {cols} x {rows} px alone, and windows are squares of {size}; "
                + (
                    f"give window={rows} (--window), or leave it out"
                    if rows == cols
                    else "take another model"
                )
            )
        return cls(size, config.stride or size, config.min_valid)

    @property
    def margin_px(self) -> int:
        """How far a window reaches beyond its pixel of the map to the top and left."""
        return (self.size_px - self.stride_px) // 2

    def map_of(self, scene: GeoBox) -> GeoBox:
        """The map's pixels over a scene.

        Raises:
            GridError: the scene is too small for any window to be observed enough.
        """
        rows, cols = int(scene.shape[0]), int(scene.shape[1])
        share = min(rows, self.size_px) * min(cols, self.size_px) / self.size_px**2
        if share < self.min_valid:
            raise GridError(
                f"a scene of {cols} x {rows} px fills {share:.2%} of a window of {self.size_px} px, and "
                f"min_valid asks for {self.min_valid:.0%}: give a larger scene, a smaller window= "
                "(--window), or a lower min_valid= (--min-valid)"
            )
        half = (self.size_px - self.stride_px) / 2 - self.margin_px
        shape = -(-rows // self.stride_px), -(-cols // self.stride_px)
        step = Affine.translation(half, half) * Affine.scale(self.stride_px)
        return GeoBox(shape, scene.affine * step, scene.crs)

    def pixels(self, window: PixelWindow) -> PixelWindow:
        """The scene's pixels under all windows of a part of the map; also beyond the scene."""
        stride, beyond = self.stride_px, self.size_px - self.stride_px
        return PixelWindow(
            window.row * stride - self.margin_px,
            window.col * stride - self.margin_px,
            window.height * stride + beyond,
            window.width * stride + beyond,
        )

    def cut(self, pixels: Tensor) -> Tensor:
        """(..., H, W) as a view of windows, (R, Q, ..., size, size)."""
        views = pixels.unfold(-2, self.size_px, self.stride_px)
        views = views.unfold(-2, self.size_px, self.stride_px)
        return views.movedim((-4, -3), (0, 1))

    def decided(self, valid_BHW: Tensor) -> Tensor:
        """Bool (B, R, Q): whether enough of a window was observed."""
        from torch.nn.functional import avg_pool2d

        seen = avg_pool2d(valid_BHW.double(), self.size_px, self.stride_px, divisor_override=1)
        return (seen >= self.min_valid * self.size_px**2) & (seen > 0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WindowWork(TileWork):
    """Tiles of a map each of whose pixels is the answer to a window: `grid` and `plan` are the map's."""

    windows: Windows
    scene: GeoBox
    """The source's pixels, of which the map's first pixel is the first stride x stride."""
    at_once: int
    """Windows that go through the model together."""

    def ground(self, tile: Tile) -> GeoBox:
        """The pixels of the source that decide a tile."""
        return window_grid(self.scene, self.windows.pixels(tile.read))

    @property
    def read_shape(self) -> tuple[int, int]:
        """Rows and columns of `ground`."""
        seen = self.windows.pixels(PixelWindow(0, 0, *self.plan.read_shape))
        return seen.height, seen.width

    @property
    def seen_shape(self) -> tuple[int, int]:
        """A window."""
        return self.windows.size_px, self.windows.size_px

    def calls(self, tiles: int) -> int:
        """How often the model is called, at most, for so many tiles."""
        rows, cols = self.plan.read_shape
        return tiles * -(-rows * cols // self.at_once)

    def answers(
        self, predictor: Any, image: Tensor, seen: Tensor, valid: Tensor, times: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Scores (B, K, R, Q) of the windows of each tile, 0 where not decided, and which are."""
        import torch

        decided = self.windows.decided(valid)
        scores = torch.zeros(
            (len(image), self.model.outputs.channels, *decided.shape[1:]), device=image.device
        )
        for tile in range(len(image)):
            images, observed = self.windows.cut(image[tile]), self.windows.cut(seen[tile])
            at = decided[tile].nonzero()
            for some in torch.split(at, self.at_once):
                row, col = some.unbind(1)
                dated = None if times is None else times[tile].expand(len(some), -1)
                answer = self._one_pixel(predictor, dated)
                given = answer(images[row, col], observed[row, col])
                scores[tile, :, row, col] = given[:, :, 0, 0].T.float()
        return scores, decided

    def _one_pixel(self, predictor: Any, times: Tensor | None) -> Any:
        """The model's answers (N, K) as those of images of one pixel, which turn with none of them."""

        def answer(image: Tensor, seen: Tensor) -> Tensor:
            dated = {} if times is None else {"times_BT": times}
            scores: Tensor = predictor(image, seen, **dated)
            expected = (len(image), self.model.outputs.channels)
            if tuple(scores.shape) != expected:
                raise ModelError(
                    f"the model answered with shape {tuple(scores.shape)}, expected {expected}: windows, its "
                    f"{self.model.outputs.short}"
                )
            return scores[:, :, None, None]

        return self.answering(answer)


def usual_windows(device: torch.device) -> int:
    """Windows that go through the model together, where not given: small images, many at once."""
    return 64 if device.type == "cuda" else 16
