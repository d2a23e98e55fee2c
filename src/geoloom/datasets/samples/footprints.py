"""Footprints of things of one kind, from a vector file for each sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ReadError
from .boxes import outlines_within
from .listing import Listing
from .target import LABELLED, Frame

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox


@dataclass(frozen=True, slots=True)
class Footprints:
    """A box around each footprint, its pixels, and a mask of all of them together.

    Footprints are brought from their file's CRS to that of the picture and onto its pixels, and cut where
    they reach out of what a sample shows; those wholly outside are left out. A file without any is a mask of
    zeros and no box.
    """

    boxes: bool = True
    """Whether `boxes` and `box_labels` are given; each label is 0."""
    box_masks: bool = True
    """Whether each box comes with its pixels: (N, H, W), which is much where things are many."""
    column: str = "footprints"
    """Of the listing, that names the GeoJSON files; a sample with None is not labelled."""
    picture: str = "file"
    """Of the listing, that names the pictures, which say where they lie."""

    @property
    def keys(self) -> tuple[str, ...]:
        """One to four."""
        of_boxes = ("boxes", "box_labels", *(("box_masks",) if self.box_masks else ()))
        return (*of_boxes, "mask") if self.boxes else ("mask",)

    def given(self, listing: Listing) -> bool:
        """Whether any of the samples has footprints."""
        return any(file is not None for file in listing.columns[self.column].tolist())

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`; `mask` is 1 where a pixel's centre lies in a footprint, else 0."""
        import shapely  # declarations are listed without it, and without rasterio

        from ...io.vector.outline_masks import mask_of, masks_of

        is_labelled = listing.columns[self.column][row] is not None
        stored = self._outlines(listing, row) if is_labelled else np.empty(0, object)
        outlines = outlines_within(frame, stored)
        high, wide = frame.size
        cut = shapely.clip_by_rect(outlines, 0, 0, wide, high)
        shown = shapely.area(cut) > 0
        taught: dict[str, NDArray[Any]] = {
            "mask": mask_of(outlines[shown], frame.size).astype(np.int64),
            LABELLED: np.full(frame.size, is_labelled),
        }
        if self.boxes:
            taught["boxes"] = shapely.bounds(cut[shown]).reshape(-1, 4).astype(np.float32)
            taught["box_labels"] = np.zeros(int(shown.sum()), np.int64)
        if self.boxes and self.box_masks:
            taught["box_masks"] = masks_of(outlines[shown], frame.size)
        return taught

    def _outlines(self, listing: Listing, row: int) -> NDArray[np.object_]:
        """Shapely geometries, pixels of the file."""
        import shapely

        from ...io.vector.geojson import read_areas

        path = listing.path(row, self.column)
        try:
            areas = read_areas(path)
        except FileNotFoundError as error:
            raise ReadError(f"{path} is missing; fetch the dataset's archives again") from error
        if areas is None:
            return np.empty(0, object)
        grid = self._grid(listing, row)
        geometries, _ = areas.on(grid)
        a, b, c, d, e, f = (~grid.affine)[:6]
        outlines: NDArray[np.object_] = shapely.transform(
            geometries,
            lambda xy: np.stack(
                [a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f], axis=1
            ),
        )
        return outlines

    def _grid(self, listing: Listing, row: int) -> GeoBox:
        from ...io.pictures.read import picture_info

        grid = None if listing.grids is None else listing.grids[row]
        grid = grid or picture_info(listing.path(row, self.picture)).grid
        if grid is None:
            raise ReadError(
                f"{listing.path(row, self.picture)} does not say where it lies, so that its footprints have "
                "no place on it; fetch it again"
            )
        return grid
