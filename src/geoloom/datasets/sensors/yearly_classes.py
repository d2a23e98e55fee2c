"""Maps of classes that come out year by year."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np
from odc.geo.crs import CRS

from ...core.bands import Band
from ...core.classes import Classes
from ...core.errors import DatasetError
from ...core.query import Query, Sample
from ...io.access.finding import Paths, matching_names, where
from ...io.access.naming import Naming
from ..base import Layer, Transform
from ..benchmarks.layer_files import bring_parts, require_parts
from ..options import given_paths, require_flags
from ..raster import RasterDataset
from ..raster_options import RasterOptions
from ..reading.chosen_classes import ChosenClasses
from ..reading.sample import stored_tensor

if TYPE_CHECKING:
    from torch import Tensor

_ANY_YEAR = r"\d{4}"


class YearlyClasses(RasterDataset):
    """A map of classes for each year, as `mask`.

    A subclass sets the class attributes of `RasterDataset`, the years in `filename_regex` as
    `(?P<date>\\d{4})`, and the name of its declaration, whose parts are years.
    """

    date_format = "%Y"
    is_image = False
    layer: ClassVar[str | None] = None
    """In the catalogue; None: nothing can be fetched."""

    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str | Band] | None = None,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        years: Sequence[int] | None = None,
        classes: Sequence[int | str] | None = None,
        download: bool = False,
        checksum: bool = False,
        **options: Unpack[RasterOptions],
    ) -> None:
        """Find the files, fetch and unpack those that are missing, and read their headers.

        Args:
            paths, crs, res, bands, transforms, root, options: As of `RasterDataset`.
            years: Those wanted. Default: all that are there.
            classes: Codes or names of the classes wanted: masks hold 1..K in this order, and 0 for all other
                classes, which do not count; with 0 among them they do, as one class. Default: all, by the
                product's own codes.
            download: Fetch the years named that are missing, and unpack them.
            checksum: Compare the archives that are there with their checksums.

        Raises:
            DatasetError: a year or a class is unknown, or a year is missing; the message says how to get it.
            ReadError: a file is damaged or another one, or cannot be fetched.
        """
        require_flags(download=download, checksum=checksum)
        given = given_paths(paths, root)
        wanted = _years(years)
        self._bring(given, wanted, download=download, checksum=checksum)
        if wanted and options.get("filename_regex") is None:
            self._require(wanted, given, options.get("filename_glob") or self.filename_glob)
            options["filename_regex"] = self.filename_regex.replace(
                _ANY_YEAR, "|".join(map(str, wanted)), 1
            )
        self._chosen: ChosenClasses | None = None
        super().__init__(given, crs, res, bands, transforms, **options)
        if classes is not None:
            self._chosen = ChosenClasses.of(super()._stored_classes(), classes)

    def _bring(
        self, paths: Sequence[str], years: Sequence[int], *, download: bool, checksum: bool
    ) -> None:
        if self.layer is not None:
            parts = [str(year) for year in years]
            bring_parts(self.layer, paths, parts, may_download=download, check=checksum)
        elif download or checksum:
            raise DatasetError(
                f"{type(self).__name__} has no files of its own to fetch; download by one of its subclasses"
            )

    def _require(self, years: Sequence[int], paths: Sequence[str], filename_glob: str) -> None:
        """See that there is a file of each year that was asked for."""
        naming = Naming(filename_glob, self.filename_regex, self.date_format)
        there: set[str] = set()
        with suppress(DatasetError):  # nothing at all is there
            there = {str(name.when.start.year) for name in matching_names(paths, naming)}
        wanted = [str(year) for year in years]
        require_parts(type(self).__name__, self.layer, wanted, there, where(paths))

    @property
    def keeps_codes(self) -> bool:
        """Whether no classes were chosen; see `RasterDataset`."""
        return self._chosen is None

    def _stored_classes(self) -> Classes | None:
        return super()._stored_classes() if self._chosen is None else self._chosen.classes

    def file_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """None where classes were chosen: masks hold other numbers than files."""
        return super().file_dtype(layer) if self._chosen is None else None

    def _as_sample(
        self,
        query: Query,
        scenes: Sequence[int],
        values: np.ndarray | Tensor,
        valid: np.ndarray | Tensor,
    ) -> Sample:
        sample = super()._as_sample(query, scenes, values, valid)
        if self._chosen is not None:
            mask, known = self._chosen(sample["mask"].numpy(), sample["valid"].numpy())
            sample["mask"], sample["valid"] = stored_tensor(mask), stored_tensor(known)
        return sample

    def _identity(self) -> Hashable:
        return super()._identity(), self._chosen


def _years(years: Sequence[int] | None) -> tuple[int, ...]:
    """Years, each once; none where all are wanted.

    Raises:
        DatasetError: they are none.
    """
    if years is None:
        return ()
    listed = years if isinstance(years, Sequence) and not isinstance(years, str) else ()
    if not listed or not all(isinstance(y, Integral) and not isinstance(y, bool) for y in listed):
        raise DatasetError(
            f"years is {years!r}; give a list of years, such as [2023], or None for all"
        )
    return tuple(dict.fromkeys(int(year) for year in listed))
