"""The pictures of a dataset: alike in their bands, of one type, each of its own size."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.errors import DatasetError, ReadError
from ...core.progress import Progress
from ...io.headers.scan import OnError
from ...io.headers.validity import as_stored
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
            progress: Called with (headers read, files in all).

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
        valid = picture.valid
        for values, band in zip(picture.values, self.bands, strict=True):
            unobserved = as_stored(
                band.nodata, values.dtype
            )  # also where it is declared, and not in the file
            if unobserved is not None:
                valid = valid & (values != unobserved)
        return replace(picture, valid=valid)


def _bands(infos: Sequence[PictureInfo], declared: Sequence[Band] | None) -> tuple[Band, ...]:
    if declared is not None:
        odd = next((info for info in infos if len(info.bands) != len(declared)), None)
        if odd is not None:
            raise DatasetError(
                f"{odd.uri} has {len(odd.bands)} bands, expected the {len(declared)} of all_bands: "
                f"{', '.join(band.name for band in declared)}"
            )
    names = Counter(info.band_names for info in infos)
    if declared is None and len(names) > 1:
        raise DatasetError(
            f"pictures differ in their bands: {_shown(infos, names)}. A network needs equal ones: convert "
            "the odd ones, take them out, or name the channels where only the names differ: all_bands=[...]"
        )
    kinds = Counter(tuple(map(_numbers, info.bands)) for info in infos)
    if len(kinds) > 1:
        one, other = (_where(infos, kind) for kind, _ in kinds.most_common(2))
        raise DatasetError(
            f"pictures differ in what their numbers mean (unit, scale, offset, nodata): {one} and {other}; "
            "bring them to one scale first, such as by `gdal_translate -unscale -ot Float32`"
        )
    own = infos[0].bands
    return own if declared is None else tuple(map(_completed, declared, own))


def _numbers(band: Band) -> tuple[Any, ...]:
    """What the numbers of a band mean; as text, NaN equals itself."""
    return band.unit, band.scale, band.offset, str(band.nodata)


def _completed(declared: Band, own: Band) -> Band:
    """A declared band with what the files declare themselves."""
    plain = (own.scale, own.offset) == (1.0, 0.0)
    scale, offset = (declared.scale, declared.offset) if plain else (own.scale, own.offset)
    nodata = declared.nodata if own.nodata is None else own.nodata
    return replace(
        declared, unit=own.unit or declared.unit, scale=scale, offset=offset, nodata=nodata
    )


def _where(infos: Sequence[PictureInfo], kind: tuple[tuple[Any, ...], ...]) -> str:
    """A picture whose numbers mean that, and what it declares of the first band that says anything."""
    info = next(i for i in infos if tuple(map(_numbers, i.bands)) == kind)
    shown = max(kind, key=lambda numbers: numbers != (None, 1.0, 0.0, "None"))
    return f"{info.uri} ({', '.join(map(str, shown))})"


def _shown(infos: Sequence[PictureInfo], names: Counter[tuple[str, ...]]) -> str:
    """Which bands how many pictures have, and one of each."""
    parts = []
    for bands, count in names.most_common(3):
        first = next(info.uri for info in infos if info.band_names == bands)
        more = ", ..." if len(bands) > 4 else ""
        parts.append(f"{count} have {len(bands)} ({', '.join(bands[:4])}{more}), such as {first}")
    return "; ".join(parts)
