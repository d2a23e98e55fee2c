"""Boxes around things, and what is in them, brought to the sample's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .listing import Listing
from .target import Frame


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes that the listing knows: `boxes`, `box_labels` and, with masks, `outlines` of its answers.

    A box of which a sample shows nothing, or that has no width or height, is left out with its label and
    mask; one that reaches out of what is shown is cut.
    """

    masks: bool = False
    """Whether each comes with the pixels of what is in it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Two, or three with masks."""
        return ("boxes", "box_labels", "box_masks")[: 3 if self.masks else 2]

    def given(self, listing: Listing) -> bool:
        """Whether the listing knows boxes."""
        return "boxes" in listing.answers

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`."""
        boxes, shown = boxes_within(frame, listing.answers["boxes"][row])
        taught: dict[str, NDArray[Any]] = {"boxes": boxes}
        taught["box_labels"] = listing.answers["box_labels"][row][shown]
        if self.masks:
            from ...io.vector.outline_masks import masks_of  # declarations are listed without it

            outlines = outlines_within(frame, listing.answers["outlines"][row][shown])
            taught["box_masks"] = masks_of(outlines, frame.size)
        return taught


def boxes_within(
    frame: Frame, boxes: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes as pixels of the sample, cut where they reach out of it.

    Args:
        frame: Of the sample.
        boxes: (N, 4) left, top, right, bottom, pixels of the file.

    Returns:
        Those of which a part is shown, (M, 4), and bool (N,), True = it is one of them.
    """
    high, wide = frame.size
    corners = frame.points(np.reshape(boxes, (-1, 2))).reshape(-1, 4)
    # Compared as given: rounding to float32 may leave nothing of a sliver.
    cut = np.clip(corners, 0, [wide, high, wide, high]).astype(np.float32)
    shown = (cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])
    return cut[shown], shown


def outlines_within(frame: Frame, outlines: NDArray[Any]) -> NDArray[np.object_]:
    """Shapely geometries in pixels of the file, as those of the sample."""
    import shapely

    moved: NDArray[np.object_] = shapely.transform(outlines, frame.points)
    return moved
