"""A folder of class folders as a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from ...core.bands import Band
from ...core.errors import DatasetError
from ...core.outputs import ClassOutputs
from ...core.progress import Progress
from ...io.headers.scan import OnError
from ...io.pictures.fit import Fit
from ..options import require_choice
from ..samples.dataset import GivenDtype, SampleDataset, Size, Transform
from ..samples.listing import SampleSplit, SplitLists
from ..samples.scanned import declared_bands, scanned
from .class_folders import ClassFolders


class ImageFolder(SampleDataset):
    """Pictures in folders named after their classes, each with its label: `root/forest/12.png`.

    PNG, JPEG and TIFF, with or without a place on Earth. Folders of splits may lie above those of classes:
    `root/train/forest/12.png`. See `SampleDataset` for what samples hold.

    Args:
        root: The folder, or one that holds nothing but it.
        split: Only the samples of this split.
        bands: Names of those wanted, in order; None: all.
        transforms: What is done to each sample.
        splits: What divides the samples: a rule of `splits`, such as `ClassSplit`; or lists of file
            names, `{"train": "train.txt", ...}`, as names or as text files, here or in the folder. None: the
            folders of splits, where there are any.
        classes: Folders wanted, in the order of their labels; None: all, by name.
        filename_regex: Named groups become columns by which to divide, such as `(?P<flight>\\d+)_.*`.
        all_bands: What the files' channels are, a name or a `Band` each; None: as the files say. A declared
            fourth channel is data, not transparency.
        size, fit, dtype: See `SampleDataset`.
        on_error: What becomes of pictures whose headers cannot be read.
        progress: Called with (headers read, pictures in all).

    Raises:
        DatasetError: there are no folders of classes, or pictures differ in their bands.
        ReadError: a picture cannot be read.

    Example:
        >>> chips = ImageFolder("chips", size=256, splits=ClassSplit(seed=0))  # doctest: +SKIP
        >>> train, test = chips.split("train"), chips.split("test")  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        bands: Sequence[str] | None = None,
        transforms: Transform | None = None,
        *,
        splits: SampleSplit | SplitLists | None = None,
        classes: Sequence[str] | None = None,
        filename_regex: str | None = None,
        all_bands: Sequence[str | Band] | None = None,
        size: Size | None = None,
        fit: Fit = "crop",
        dtype: GivenDtype = "native",
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> None:
        if isinstance(classes, str):
            raise DatasetError(
                f"classes is {classes!r}; give names of folders, such as [{classes!r}, ...]"
            )
        wanted = None if classes is None else tuple(classes)
        require_choice("on_error", on_error, get_args(OnError))
        declared = declared_bands(all_bands)
        listing = ClassFolders(wanted, filename_regex).find(root)
        by_place = getattr(splits, "by_place", False)  # which the files' headers tell
        if splits is not None and not by_place:
            listing = listing.with_splits(splits)
        if split is not None and not by_place:
            listing = listing.take(listing.rows_of(split))
        read, pictures = scanned(listing, bands=declared, on_error=on_error, progress=progress)
        if splits is not None and by_place:
            read = read.with_splits(splits)
            read = read if split is None else read.take(read.rows_of(split))
        assert read.classes is not None  # folders of classes have names
        super().__init__(
            read,
            pictures,
            outputs=ClassOutputs(read.classes, per="image"),
            bands=bands,
            size=size,
            fit=fit,
            dtype=dtype,
            transforms=transforms,
        )
