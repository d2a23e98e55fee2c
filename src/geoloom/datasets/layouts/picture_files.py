"""The pictures of a dataset: alike in their bands, of one type, each of its own size."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.errors import DatasetError, ReadError
from ...core.progress import Progress
from ...io.headers.scan import OnError
from ...io.pictures.picture import Picture, PictureInfo
from ...io.pictures.read import picture_infos, read_picture

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PictureFiles:
    """Pictures in files of their own, of which the headers are known."""

    paths: tuple[str, ...]
    bands: tuple[Band, ...]
    """Of all of them, in the order of the files' channels."""
    dtype: np.dtype[Any]
    """That holds the values of all of them."""
    shapes: NDArray[np.int32]
    """(n, 2) rows and columns, pixels."""
    grids: tuple[GeoBox, ...] | None
    """Where each lies; None unless all tell their place."""

    @classmethod
    def of(
        cls,
        paths: Sequence[str],
        *,
        bands: Sequence[Band] | None = None,
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> tuple[Self, NDArray[np.int64]]:
        """The pictures, and which of the paths they are: all, unless some cannot be read and are skipped.

        Args:
            paths: Absolute.
            bands: What the files' channels are; None: as the files say.
            on_error: `skip` leaves out files whose headers cannot be read, and the log says how many.
            progress: Told (headers read, files in all).

        Raises:
            ReadError: a file cannot be read.
            DatasetError: pictures differ in their bands, or have others than those declared.
        """
        found = picture_infos(paths, measured=len(bands or ()), progress=progress)
        rows = [row for row, info in enumerate(found) if isinstance(info, PictureInfo)]
        wrong = [info for info in found if isinstance(info, ReadError)]
        if wrong and (on_error == "raise" or not rows):
            raise wrong[0]
        if wrong:
            log.warning(
                "%d of %d pictures cannot be read and are left out (on_error='skip'), the first because: %s",
                len(wrong),
                len(found),
                wrong[0],
            )
        infos = [info for info in found if isinstance(info, PictureInfo)]
        placed = [info.grid for info in infos if info.grid is not None]
        if 0 < len(placed) < len(infos):
            without = next(info.uri for info in infos if info.grid is None)
            log.warning(
                "%d of %d pictures tell where they lie, and others do not, such as %s: samples have no place",
                len(placed),
                len(infos),
                without,
            )
        pictures = cls(
            paths=tuple(info.uri for info in infos),
            bands=_bands(infos, bands),
            dtype=np.result_type(*{np.dtype(info.dtype) for info in infos}),
            shapes=np.array([info.shape for info in infos], np.int32),
            grids=tuple(placed) if len(placed) == len(infos) else None,
        )
        return pictures, np.array(rows, np.int64)

    def one_size(self, numbers: NDArray[np.int64], purpose: str) -> tuple[int, int]:
        """Rows and columns that all of some pictures have.

        Args:
            numbers: Which.
            purpose: What they cannot be otherwise, for the message.

        Raises:
            DatasetError: they differ.
        """
        shapes = self.shapes[numbers]
        if (shapes != shapes[0]).any():
            counts = Counter(map(tuple, shapes.tolist())).most_common()
            shown = ", ".join(f"{h} x {w} ({count})" for (h, w), count in counts[:5])
            (high, wide), _ = Counter(map(tuple, self.shapes.tolist())).most_common(1)[0]
            raise DatasetError(
                f"pictures of {len(counts)} sizes cannot be {purpose}: {shown}"
                f"{', ...' if len(counts) > 5 else ''} (rows x columns); bring them to one by "
                f"size=({high}, {wide}), or with_size(({high}, {wide})): cut and padded about the middle, or "
                'with fit="resize" resized'
            )
        return int(shapes[0, 0]), int(shapes[0, 1])

    def read(self, number: int) -> Picture:
        """The pixels of one.

        Raises:
            ReadError: its file is damaged, or is no longer what it was.
        """
        picture = read_picture(self.paths[number], measured=len(self.bands))
        shape = tuple(self.shapes[number].tolist())
        if picture.values.shape != (len(self.bands), *shape) or not np.can_cast(
            picture.values.dtype, self.dtype, "safe"
        ):
            raise ReadError(
                f"{self.paths[number]} holds {picture.values.dtype} of {picture.values.shape} by now, where "
                f"{self.dtype} of {(len(self.bands), *shape)} was found when the dataset was made; make the "
                "dataset again"
            )
        return picture


def _bands(infos: Sequence[PictureInfo], declared: Sequence[Band] | None) -> tuple[Band, ...]:
    kinds = Counter(info.bands for info in infos)
    if declared is not None:
        odd = next((info for info in infos if len(info.bands) != len(declared)), None)
        if odd is not None:
            raise DatasetError(
                f"{odd.uri} has {len(odd.bands)} bands, expected the {len(declared)} of all_bands: "
                f"{', '.join(band.name for band in declared)}"
            )
        return tuple(declared)
    if len(kinds) > 1:
        shown = "; ".join(
            f"{count} have {_few(names)}, such as {_first(infos, names)}"
            for names, count in kinds.most_common(3)
        )
        raise DatasetError(
            f"pictures differ in their bands: {shown}. A network needs equal ones: convert the odd ones, "
            "take them out, or name the channels where only the names differ: all_bands=[...]"
        )
    return tuple(Band.named(name) for name in infos[0].bands)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} ({shown})"


def _first(infos: Sequence[PictureInfo], bands: tuple[str, ...]) -> str:
    return next(info.uri for info in infos if info.bands == bands)
