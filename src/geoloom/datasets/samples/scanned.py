"""What the headers of a dataset's pictures say: alike in their bands, of one type, each of its own size."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.bands import Band
from ...core.errors import DatasetError, ReadError
from ...core.progress import Progress
from ...io.headers.scan import OnError
from ...io.pictures.picture import PictureInfo
from ...io.pictures.read import picture_infos
from ..options import require_apart
from .listing import Listing
from .pictures import Pictures

log = logging.getLogger(__name__)


def scanned(
    listing: Listing,
    *,
    bands: Sequence[Band] | None = None,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> tuple[Listing, Pictures]:
    """The samples with what their pictures' headers say, and the source that reads them.

    Args:
        listing: Whose column `file` names a picture for each.
        bands: What the files' channels are; None: as the files say.
        on_error: `skip` leaves out samples whose headers cannot be read, and the log says how many.
        progress: Called with (headers read, files in all).

    Raises:
        ReadError: a file cannot be read.
        DatasetError: pictures differ in their bands, or have others than those declared.
    """
    headers = picture_infos(listing.paths, measured=len(bands or ()), progress=progress)
    rows = [row for row, info in enumerate(headers) if isinstance(info, PictureInfo)]
    wrong = [info for info in headers if isinstance(info, ReadError)]
    if wrong and (on_error == "raise" or not rows):
        raise wrong[0]
    if wrong:
        log.warning(
            "%d of %d pictures cannot be read and are left out (on_error='skip'), the first because: %s",
            len(wrong),
            len(headers),
            wrong[0],
        )
    infos = [info for info in headers if isinstance(info, PictureInfo)]
    known = replace(
        listing.take(np.array(rows, np.int64)),
        shapes=np.array([info.shape for info in infos], np.int32),
        grids=_grids(infos),
    )
    dtype = np.result_type(*{np.dtype(info.dtype) for info in infos})
    return known, Pictures(_bands(infos, bands), str(dtype))


def declared_bands(given: Sequence[str | Band] | None) -> list[Band] | None:
    """What users say that channels are.

    Raises:
        DatasetError: two have one name.
    """
    if given is None:
        return None
    bands = [band if isinstance(band, Band) else Band.named(band) for band in given]
    require_apart("all_bands", [band.name for band in bands])
    return bands


def _grids(infos: Sequence[PictureInfo]) -> NDArray[Any] | None:
    """Where each lies; None unless all tell their place."""
    without = next((info.uri for info in infos if info.grid is None), None)
    if without is None:
        grids = np.empty(len(infos), object)
        grids[:] = [info.grid for info in infos]
        return grids
    placed = sum(info.grid is not None for info in infos)
    if placed:
        log.warning(
            "%d of %d pictures tell where they lie, and others do not, such as %s: samples have no place",
            placed,
            len(infos),
            without,
        )
    return None


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
