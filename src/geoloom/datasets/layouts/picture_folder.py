"""A folder of pictures, whatever its folders mean, as a dataset without labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...core.errors import DatasetError
from ...io.access.paths import path_text
from ...io.pictures.read import PICTURE_SUFFIXES
from ..samples.dataset import SampleDataset
from ..samples.listing import Listing
from ..samples.scanned import scanned


class PictureFolder(SampleDataset):
    """All pictures below a folder, by name: `file` is where each lies below it.

    Args:
        root: The folder. Names that begin with a dot are left alone.

    Raises:
        DatasetError: it holds no picture, or pictures differ in their bands.
        ReadError: a picture cannot be read.
    """

    def __init__(self, root: str | Path) -> None:
        top = Path(path_text(root, DatasetError)).absolute()
        files = sorted(_pictures_below(top))
        if not files:
            raise DatasetError(
                f"{top} holds no picture; expected files that end in "
                f"{', '.join(sorted(PICTURE_SUFFIXES))}"
            )
        super().__init__(*scanned(Listing(top, {"file": np.array(files, object)})))


def _pictures_below(top: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for file in files:
            if not file.startswith(".") and os.path.splitext(file)[1].lower() in PICTURE_SUFFIXES:  # noqa: PTH122 - one of many
                yield (Path(folder) / file).relative_to(top).as_posix()
