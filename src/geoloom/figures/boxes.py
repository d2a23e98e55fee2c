"""Boxes and instances over a picture: thin outlines with a halo, names where there is room for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ..core.classes import rgb_of
from .image_colors import thinned
from .meanings import Meanings
from .style import PAPER, readable_on

BOX, NAME = "box", "box name"
"""The gid of what is drawn of each box, by which it is found again."""

_FEW, _MANY, _CROWD = 25, 40, 400
"""More boxes than these are not named, as names would cover the picture; or drawn thinner."""
_TINT = 0.35
_NAME_PT = 7.0


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """What is drawn over a picture."""

    xyxy: np.ndarray
    """(N, 4), pixels: left, top, right, bottom."""
    positions: tuple[int, ...]
    """Of each one's class."""
    names: tuple[str, ...]
    """Likewise."""
    colors: tuple[str, ...]
    """`#rrggbb`, likewise."""
    scores: tuple[float, ...] | None = None
    """0 to 1; None for truth."""
    masks: np.ndarray | None = None
    """bool (N, H, W), True = part of what is in the box."""

    @classmethod
    def of(cls, sample: Mapping[str, Any], meanings: Meanings, *, predicted: bool) -> Boxes | None:
        """Those of a sample of arrays, its truth or its prediction; None where it has none."""
        boxes, labels, masks = PREDICTED_KEYS if predicted else TRUE_KEYS
        if boxes not in sample:
            return None
        xyxy = np.asarray(sample[boxes], np.float64).reshape(-1, 4)
        positions = np.asarray(sample.get(labels, np.zeros(len(xyxy)))).astype(int).tolist()
        scores = sample.get(SCORES) if predicted else None
        return cls(
            xyxy,
            tuple(positions),
            tuple(meanings.name("boxes", position) for position in positions),
            tuple(meanings.color("boxes", position) for position in positions),
            None if scores is None else tuple(np.asarray(scores, float).tolist()),
            sample.get(masks),
        )

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Name and colour of each class that occurs, in the order of the classes."""
        entries = sorted(set(zip(self.positions, self.names, self.colors, strict=True)))
        return tuple((name, color) for _, name, color in entries)

    def said(self, i: int) -> str:
        """What is written at a box; empty where the legend says all."""
        name = self.names[i] if len(set(self.names)) > 1 else ""
        score = "" if self.scores is None else f"{self.scores[i]:.2f}"
        return " ".join(part for part in (name, score) if part)


TRUE_KEYS = ("boxes", "box_labels", "box_masks")
PREDICTED_KEYS = ("predicted_boxes", "predicted_box_labels", "predicted_box_masks")
SCORES = "predicted_scores"


def draw_boxes(ax: Axes, boxes: Boxes, *, left: float = 0.0, is_small: bool = False) -> None:
    """Draw boxes on axes whose units are the sample's pixels.

    Args:
        ax: To draw on.
        boxes: What to draw.
        left: Where the picture begins.
        is_small: Whether the picture is too small for names, and for lines of full width.
    """
    if boxes.masks is not None and len(boxes.masks):
        height, width = boxes.masks.shape[-2:]
        ax.imshow(
            tint(boxes.masks, boxes.colors), extent=(left, left + width, height, 0), interpolation="auto",
            aspect=ax.get_aspect(),
        )  # fmt: skip
    count = len(boxes.xyxy)
    thick = (1.4 if count <= _MANY else 1.0 if count <= _CROWD else 0.6) * (0.6 if is_small else 1)
    is_named = not is_small and count <= _FEW
    halo = [Stroke(linewidth=1.9 * thick, foreground=PAPER, alpha=0.7), Normal()]
    for i, ((x0, y0, x1, y1), color) in enumerate(zip(boxes.xyxy, boxes.colors, strict=True)):
        ax.add_patch(
            Rectangle(
                (left + x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=color, linewidth=thick,
                path_effects=halo, gid=BOX, zorder=4, joinstyle="miter",
            )
        )  # fmt: skip
        if is_named and (text := boxes.said(i)):
            ax.text(
                left + x0, y0, text, fontsize=_NAME_PT, va="bottom", gid=NAME, zorder=5, clip_on=True,
                color=_ink_on(color),
                bbox={"facecolor": color, "edgecolor": "none", "pad": 1.0, "alpha": 0.9},
            ).set_in_layout(False)  # fmt: skip


def _ink_on(color: str) -> str:
    red, green, blue = rgb_of(color)
    return readable_on((red / 255, green / 255, blue / 255))


def tint(masks: np.ndarray, colors: Sequence[str], most_px: int = 1400) -> np.ndarray:
    """Instances in light colours, each with its outline, uint8 (H, W, 4); clear elsewhere.

    Args:
        masks: bool (N, H, W).
        colors: N, `#rrggbb`.
        most_px: Longest side of the picture.

    Example:
        >>> picture = tint(np.ones((1, 9, 9), bool), ["#ff0000"])
        >>> picture[0, 0].tolist(), picture[4, 4].tolist()
        ([255, 0, 0, 255], [255, 0, 0, 89])
    """
    small = thinned(np.asarray(masks, bool), most_px)
    picture = np.zeros((*small.shape[1:], 4), np.uint8)
    reach = max(1, round(max(small.shape[1:]) / 400))
    for mask, color in zip(small, colors, strict=True):
        edge = mask & ~_eroded(mask, reach)
        picture[mask] = (*rgb_of(color), round(255 * _TINT))
        picture[edge] = (*rgb_of(color), 255)
    return picture


def _eroded(mask: np.ndarray, reach: int) -> np.ndarray:
    """What lies at least so many pixels inside, in rows and columns."""
    inner = np.pad(mask, reach)
    for _ in range(reach):
        core = inner.copy()
        core[1:] &= inner[:-1]
        core[:-1] &= inner[1:]
        core[:, 1:] &= inner[:, :-1]
        core[:, :-1] &= inner[:, 1:]
        inner = core
    height, width = mask.shape
    return inner[reach : reach + height, reach : reach + width]


def place_names(figure: Figure) -> None:
    """Move the names of boxes to where they cover no other, or leave them out: the legend has all classes."""
    named = [ax for ax in figure.axes if any(text.get_gid() == NAME for text in ax.texts)]
    if not named:
        return
    figure.draw_without_rendering()
    for ax in named:
        taken = [artist.get_window_extent() for artist in ax.texts if artist.get_gid() != NAME]
        taken += [patch.get_window_extent() for patch in ax.patches if patch.get_gid() != BOX]
        frame = ax.get_window_extent()
        rectangles = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_gid() == BOX]
        for text in [text for text in ax.texts if text.get_gid() == NAME]:
            box = next(p for p in rectangles if p.get_xy() == text.get_position())
            if not _placed(text, box.get_window_extent(), frame, taken):
                text.remove()


def _placed(text: Text, box: Bbox, frame: Bbox, taken: list[Bbox]) -> bool:
    """Whether there was room for a name at its box: above, below, or within."""
    extent = text.get_window_extent()
    wide, high = extent.width + 3, extent.height + 3
    for x, y in (
        (box.x0, box.y1),
        (box.x0, box.y0 - high),
        (box.x0, box.y1 - high),
        (box.x1 - wide, box.y1),
        (box.x1 - wide, box.y0 - high),
    ):
        own = Bbox.from_bounds(x, y, wide, high)
        inside = (
            frame.x0 <= own.x0 and own.x1 <= frame.x1 and frame.y0 <= own.y0 and own.y1 <= frame.y1
        )
        if inside and not any(own.overlaps(other) for other in taken):
            to_pixels = text.axes.transData.inverted()  # type: ignore[union-attr]  # it is on axes
            left, bottom = to_pixels.transform((x + 1.5, y + 1.5))
            text.set_position((float(left), float(bottom)))
            taken.append(own)
            return True
    return False
